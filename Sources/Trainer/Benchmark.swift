package import ExpCore
import Glibc
import TrainerTensor

/// Speed of rollout and update on this machine, beside the rate of BLAS measured in the same run.
package enum TrainerBenchmark {
  /// Lengths and counts of one rollout and the update on it.
  package struct Workload: Sendable, Hashable {
    /// Tokens of a prompt.
    package var promptLength: Int
    /// Tokens of an answer.
    package var responseLength: Int
    /// Prompts per rollout.
    package var prompts: Int
    /// Answers per prompt.
    package var samples: Int
    /// Sequences per micro-batch of the update.
    package var microBatch: Int

    /// Makes a workload.
    package init(
      promptLength: Int, responseLength: Int, prompts: Int, samples: Int, microBatch: Int = 128
    ) {
      self.promptLength = promptLength
      self.responseLength = responseLength
      self.prompts = prompts
      self.samples = samples
      self.microBatch = microBatch
    }

    /// The three shapes that speed is judged by.
    package static let standard = [
      Workload(promptLength: 7, responseLength: 8, prompts: 128, samples: 8),
      Workload(promptLength: 64, responseLength: 64, prompts: 32, samples: 8, microBatch: 32),
      Workload(promptLength: 20, responseLength: 3, prompts: 128, samples: 8),
    ]
  }

  /// What was measured for one model and workload: medians over the repeats.
  package struct Figures: Sendable {
    /// Tokens drawn per second.
    package var rolloutTokensPerSecond: Double
    /// Prompt and answer tokens of every sequence per second, shared ones counted for each, optimiser included.
    package var updateTokensPerSecond: Double
    /// Operations per second of the rollout over those of a 1024³ product.
    package var rolloutShare: Double
    /// Operations per second of the update, those really computed, over those of a 1024³ product.
    package var updateShare: Double
  }

  static let vocabulary = 25

  /// Measures named sizes over workloads, and gives a table in lines.
  ///
  /// Figures alternate between BLAS and the models, so that all see the same machine.
  /// - Throws: `ModelError` or `TensorError` where a model cannot be made.
  package static func run(
    sizes: [String] = ["83k", "303k", "974k"], workloads: [Workload] = Workload.standard,
    repeats: Int = 5
  ) throws -> [String] {
    var lines = [
      "kernels \(TensorRuntime.device.kernelSet), \(TensorRuntime.blasDescription)",
      "size  tokens  batch  sgemm-GF/s  rollout-tok/s  of-sgemm  update-tok/s  of-sgemm",
    ]
    for (name, shape) in shapes(sizes) {
      for workload in workloads {
        let rates = try (0..<3).map { _ in try squareRate() }
        let rate = median(rates)
        let figures = try measure(shape, workload, rate: rate, repeats: repeats)
        lines.append(
          [
            name, "\(workload.promptLength)+\(workload.responseLength)",
            "\(workload.prompts)x\(workload.samples)", whole(rate / 1e9),
            whole(figures.rolloutTokensPerSecond), whole(figures.rolloutShare * 100) + " %",
            whole(figures.updateTokensPerSecond), whole(figures.updateShare * 100) + " %",
          ].joined(separator: "  "))
      }
    }
    return lines
  }

  /// The named sizes; of the one of 1M parameters also the shape with the heads of 32 channels that larger models have.
  private static func shapes(_ names: [String]) -> [(name: String, shape: ModelShape)] {
    names.flatMap { name -> [(name: String, shape: ModelShape)] in
      guard var shape = ModelShape.named(name) else { return [] }
      let own = (name: name, shape: shape)
      guard name == "974k" else { return [own] }
      shape.heads = 4
      shape.kvHeads = 4
      return [own, (name: "974k/4-heads", shape: shape)]
    }
  }

  /// Floating-point operations per second of the best of some 1024³ products.
  package static func squareRate(size: Int = 1024) throws -> Double {
    let device = TensorRuntime.processor
    let buffer = try FloatBuffer(count: 3 * size * size, on: device)
    let matrices = (0..<3).map {
      Matrix(buffer.start + $0 * size * size, rows: size, columns: size)
    }
    buffer.floats.update(repeating: 0.5)
    let times = (0..<8).map { _ in
      seconds {
        device.multiplyByBLAS(matrices[0], matrices[1], into: matrices[2])
      }
    }
    let count = Double(size)
    return 2 * count * count * count / (times.min() ?? .infinity)
  }

  /// Measures one model on one workload; `rate` is BLAS's in operations per second.
  package static func measure(
    _ shape: ModelShape, _ workload: Workload, rate: Double, repeats: Int
  ) throws -> Figures {
    let length = workload.promptLength + workload.responseLength
    let model = try PolicyModel(shape: shape, vocabulary: vocabulary, contextLength: length)
    model.initialise(seed: 1)
    let sequences = workload.prompts * workload.samples
    let engine = RolloutEngine(model: model, maxSequences: sequences, maxLength: length)
    let pass = TrainingPass(model: model, tokenCapacity: workload.microBatch * length)
    let optimizer = optimizer(of: model)
    var rollout: [(seconds: Double, operations: Double)] = []
    var update: [(seconds: Double, operations: Double)] = []
    for repeatIndex in 0...repeats {
      var answers: [SampledResponse] = []
      let before = (engine.floatingPointOperations, pass.floatingPointOperations)
      let prompts = self.prompts(workload, seed: UInt64(repeatIndex))
      let rolloutSeconds = seconds {
        answers = sample(engine, prompts, workload, step: UInt32(repeatIndex))
      }
      let batches = microBatches(
        answers.map { (prompts[$0.prompt], $0.tokens) }, size: workload.microBatch)
      let updateSeconds = try seconds { try learn(batches, pass, model, optimizer) }
      // The first round warms caches and memory.
      guard repeatIndex > 0 else { continue }
      rollout.append((rolloutSeconds, engine.floatingPointOperations - before.0))
      update.append((updateSeconds, pass.floatingPointOperations - before.1))
    }
    let drawn = Double(sequences * workload.responseLength)
    let learnt = Double(sequences * length)
    return Figures(
      rolloutTokensPerSecond: median(rollout.map { drawn / $0.seconds }),
      updateTokensPerSecond: median(update.map { learnt / $0.seconds }),
      rolloutShare: median(rollout.map { $0.operations / $0.seconds }) / rate,
      updateShare: median(update.map { $0.operations / $0.seconds }) / rate)
  }

  static func optimizer(of model: PolicyModel) -> AdamW {
    AdamW(model: model, beta1: 0.9, beta2: 0.99, weightDecay: 0)
  }

  private static func prompts(_ workload: Workload, seed: UInt64) -> [[Int32]] {
    tokens(workload.prompts, length: workload.promptLength, vocabulary: vocabulary, seed: seed)
  }

  /// Sequences of random tokens.
  static func tokens(_ count: Int, length: Int, vocabulary: Int, seed: UInt64) -> [[Int32]] {
    var random = RandomSequence(RandomStream(seed: seed, stream: .prompts), index: 0)
    return (0..<count).map { _ in (0..<length).map { _ in Int32(random.below(vocabulary)) } }
  }

  private static func sample(
    _ engine: RolloutEngine, _ prompts: [[Int32]], _ workload: Workload, step: UInt32
  ) -> [SampledResponse] {
    sample(
      engine, prompts, samples: workload.samples, length: workload.responseLength, step: step)
  }

  /// Answers of full length: no token ends one.
  static func sample(
    _ engine: RolloutEngine, _ prompts: [[Int32]], samples: Int, length: Int, step: UInt32
  ) -> [SampledResponse] {
    engine.generate(
      prompts: prompts, samplesPerPrompt: samples, maxNewTokens: length, eos: -1, temperature: 1,
      stream: RandomStream(seed: 1, stream: .sampling), step: step, shouldStop: { false })
  }

  static func microBatches(
    _ sequences: [(prompt: [Int32], response: [Int32])], size: Int
  ) -> [TokenBatch] {
    stride(from: 0, to: sequences.count, by: size).map { start in
      var batch = TokenBatch()
      for sequence in sequences[start..<min(start + size, sequences.count)] {
        batch.append(prompt: sequence.prompt, response: sequence.response)
      }
      return batch
    }
  }

  /// Two optimiser steps, as after each rollout of a run.
  static func learn(
    _ batches: [TokenBatch], _ pass: TrainingPass, _ model: PolicyModel, _ optimizer: AdamW
  ) throws {
    let half = (batches.count + 1) / 2
    for part in [batches[..<half], batches[half...]] {
      model.zeroGradients()
      for batch in part {
        pass.forward(batch)
        let slopes = (0..<batch.scoredCount).map { Float($0 % 3 - 1) / Float(batch.scoredCount) }
        slopes.withUnsafeBufferPointer { pass.backward(dLogProbs: $0, dEntropies: nil) }
      }
      _ = try optimizer.step(learningRate: 1e-5, maxGradNorm: 1)
    }
  }

  /// Processor time of this thread, which other processes on the machine disturb less than wall time.
  private static func seconds(_ work: () throws -> Void) rethrows -> Double {
    let begin = processorSeconds()
    try work()
    return processorSeconds() - begin
  }

  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  static func median(_ values: [Double]) -> Double {
    values.sorted()[values.count / 2]
  }

  static func whole(_ value: Double) -> String { "\(Int(value.rounded()))" }
}
