import ExpCore
import Glibc
import TrainerTensor

extension GPUBenchmark {
  /// What the device does at best, in the same run.
  struct Rates {
    /// Floating-point operations per second of a large square product.
    let product: Double
    /// Bytes read and written per second by a large copy within the device's memory.
    let copy: Double

    init(kernelSet: String, _ workload: Workload) throws {
      let device = try Device(kernelSet: kernelSet)
      product = try Rates.product(device, workload)
      copy = try Rates.copy(device, workload)
    }

    private static func product(_ device: Device, _ workload: Workload) throws -> Double {
      let size = workload.productSize
      // Power, and by it speed, depends on the numbers: zeros would be too fast.
      let source = try SharedFloats(count: size * size, on: device)
      GPUBenchmark.fill(source.onHost, scale: 1, seed: 1)
      source.settle()
      let matrix = Matrix(source.start, rows: size, columns: size)
      let buffers = try (0..<2).map { _ in
        try DeviceBuffer(bytes: size * size * device.activationBytes, on: device)
      }
      let (room, out) = (activations(buffers[0]), activations(buffers[1]))
      func activations(_ buffer: DeviceBuffer) -> Activations {
        Activations(
          buffer.start, rows: size, columns: size, elementBytes: device.activationBytes)
      }
      let x = device.activations(matrix, scratch: room)
      let panels = try DeviceBuffer(
        bytes: device.panelBytes(rows: size, columns: size), on: device)
      let weights = WeightPanels(panels.start, rows: size, columns: size)
      device.pack(matrix, transposed: false, into: weights)
      // Views own no memory.
      let seconds = withExtendedLifetime((source, buffers, panels)) {
        GPUBenchmark.median(of: workload.repeats, device) {
          for _ in 0..<workload.products { device.multiply(x, weights, into: out) }
        }
      }
      let count = Double(size)
      return 2 * count * count * count * Double(workload.products) / seconds
    }

    private static func copy(_ device: Device, _ workload: Workload) throws -> Double {
      let source = try FloatBuffer(count: workload.copyCount, on: device)
      let target = try FloatBuffer(count: workload.copyCount, on: device)
      let seconds = GPUBenchmark.median(of: workload.repeats, device) {
        device.copy(source.floats, to: target.floats)
      }
      return 2 * Double(workload.copyCount * MemoryLayout<Float>.stride) / seconds
    }
  }

  /// What was measured of one model on one kernel set.
  struct Figures {
    let kernelSet: String
    let rates: Rates
    var updateTokens = 0.0
    var updateSeconds = 0.0
    /// Operations of an update: products, attention and head, as `TrainingPass` counts them.
    var updateOperations = 0.0
    var stepSeconds = 0.0
    /// The same with every operation of a step launched by itself.
    var launchedStepSeconds = 0.0
    /// Weights once, and the keys and values of all rows: what a step reads at least.
    var stepBytes = 0.0
    /// Absolute differences in nats between the rollout's log-probabilities and the training pass's.
    var mismatch = (mean: 0.0, largest: 0.0, tokens: 0)

    /// Operations per second over those of the square product.
    var utilisation: Double { updateOperations / updateSeconds / rates.product }
    /// The time of a step over that of reading its bytes.
    var overBound: Double { stepSeconds / (stepBytes / rates.copy) }

    func line(_ model: Model) -> String {
      [
        model.name, kernelSet, text(rates.product / 1e12, digits: 1),
        text(rates.copy / 1e9, digits: 0), text(updateTokens / updateSeconds, digits: 0),
        text(utilisation * 100, digits: 1) + " %", text(stepSeconds * 1e3, digits: 3),
        text(overBound, digits: 2), text(launchedStepSeconds * 1e3, digits: 3),
        "\(Float(mismatch.mean))", "\(Float(mismatch.largest))",
      ].joined(separator: "  ")
    }

    func json(_ model: Model) throws -> JSONValue {
      [
        "size": .string(model.name), "kernels": .string(kernelSet),
        "shape": try JSONValue(encoding: model.shape),
        "vocabulary": .number(Double(model.vocabulary)),
        "parameters": .number(Double(model.shape.nonEmbeddingParameterCount)),
        "product_flops_per_second": .number(rates.product),
        "copy_bytes_per_second": .number(rates.copy),
        "update": [
          "tokens": .number(updateTokens), "seconds": .number(updateSeconds),
          "flops": .number(updateOperations), "utilisation": .number(utilisation),
        ],
        "decode": [
          "step_seconds": .number(stepSeconds), "step_bytes": .number(stepBytes),
          "over_bound": .number(overBound),
          "step_seconds_without_graphs": .number(launchedStepSeconds),
        ],
        "mismatch": [
          "mean": .number(mismatch.mean), "largest": .number(mismatch.largest),
          "tokens": .number(Double(mismatch.tokens)),
        ],
      ]
    }
  }

  static func measure(
    _ model: Model, device: Device, _ workload: Workload, _ rates: Rates
  ) throws -> Figures {
    var figures = Figures(kernelSet: device.kernelSet, rates: rates)
    let update = workload.update
    let updateLength = update.promptLength + update.responseLength
    let decodeLength = workload.decodePrompt + workload.decodeLengths.upperBound
    let policy = try PolicyModel(
      shape: model.shape, vocabulary: model.vocabulary,
      contextLength: max(updateLength, decodeLength), device: device)
    fill(policy)
    let pass = TrainingPass(model: policy, tokenCapacity: update.microBatch * updateLength)
    measureDecoding(policy, pass, workload, &figures)
    try measureUpdate(policy, pass, workload, &figures)
    return figures
  }

  private static func measureDecoding(
    _ policy: PolicyModel, _ pass: TrainingPass, _ workload: Workload, _ figures: inout Figures
  ) {
    let lengths = workload.decodeLengths
    let prompts = TrainerBenchmark.tokens(
      workload.decodeRows, length: workload.decodePrompt, vocabulary: policy.vocabulary, seed: 1)
    let engine = RolloutEngine(
      model: policy, maxSequences: workload.decodeRows,
      maxLength: workload.decodePrompt + lengths.upperBound)
    var answers: [SampledResponse] = []
    var times: [Bool: [Double]] = [:]
    for round in 0...workload.repeats {
      for isRecorded in [true, false] {
        engine.recordsSteps = isRecorded && policy.device.capturesOperations
        let both = [lengths.lowerBound, lengths.upperBound].map { length in
          seconds(policy.device) {
            answers = TrainerBenchmark.sample(
              engine, prompts, samples: 1, length: length, step: UInt32(round))
          }
        }
        if round > 0 { times[isRecorded, default: []].append(both[1] - both[0]) }
      }
    }
    let steps = Double(lengths.count - 1)
    figures.stepSeconds = TrainerBenchmark.median(times[true] ?? []) / steps
    figures.launchedStepSeconds = TrainerBenchmark.median(times[false] ?? []) / steps
    figures.stepBytes = stepBytes(policy, workload)
    figures.mismatch = mismatch(answers.prefix(workload.scoredAnswers), prompts, pass)
  }

  /// The mean over the steps by which a long answer is longer: step k reads the prompt and k tokens of each answer.
  private static func stepBytes(_ policy: PolicyModel, _ workload: Workload) -> Double {
    let shape = policy.shape
    let weights = shape.nonEmbeddingParameterCount + policy.vocabulary * shape.width
    let cached = 2 * shape.layers * shape.kvHeads * shape.headWidth
    let lengths = workload.decodeLengths
    let tokens =
      Double(workload.decodePrompt) + Double(lengths.lowerBound + lengths.upperBound - 1) / 2
    return Double(policy.device.activationBytes)
      * (Double(weights) + Double(cached * workload.decodeRows) * tokens)
  }

  private static func mismatch(
    _ answers: ArraySlice<SampledResponse>, _ prompts: [[Int32]], _ pass: TrainingPass
  ) -> (mean: Double, largest: Double, tokens: Int) {
    let longest = answers.map { prompts[$0.prompt].count + $0.tokens.count }.max() ?? 1
    let sequences = answers.map { (prompts[$0.prompt], $0.tokens) }
    let size = max(pass.tokenCapacity / longest, 1)
    var found: [Float] = []
    for batch in TrainerBenchmark.microBatches(sequences, size: size) {
      pass.forward(batch)
      found += pass.logProbs
    }
    let distances = zip(found, answers.flatMap(\.logProbs)).map { Double(abs($0 - $1)) }
    return (
      distances.reduce(0, +) / Double(max(distances.count, 1)), distances.max() ?? 0,
      distances.count
    )
  }

  private static func measureUpdate(
    _ policy: PolicyModel, _ pass: TrainingPass, _ workload: Workload, _ figures: inout Figures
  ) throws {
    let update = workload.update
    let optimizer = TrainerBenchmark.optimizer(of: policy)
    let length = update.promptLength + update.responseLength
    let tokens = TrainerBenchmark.tokens(
      update.prompts, length: length, vocabulary: policy.vocabulary, seed: 2)
    let batches = TrainerBenchmark.microBatches(
      tokens.map {
        (Array($0.prefix(update.promptLength)), Array($0.dropFirst(update.promptLength)))
      },
      size: update.microBatch)
    func learn() throws { try TrainerBenchmark.learn(batches, pass, policy, optimizer) }
    try learn()
    pass.floatingPointOperations = 0
    let times = try (0..<workload.repeats).map { _ in try seconds(policy.device, learn) }
    figures.updateSeconds = TrainerBenchmark.median(times)
    figures.updateOperations = pass.floatingPointOperations / Double(workload.repeats)
    figures.updateTokens = Double(update.prompts * length)
  }

  /// Random parameters of about the size that `PolicyModel.initialise` gives, in a fiftieth of its time.
  private static func fill(_ policy: PolicyModel) {
    let all = policy.parameters
    for (index, tensor) in policy.tensors.enumerated() {
      let values = UnsafeMutableBufferPointer(rebasing: all[tensor.range])
      if tensor.decays {
        let scale = (0.75 / Float(policy.shape.width)).squareRoot()
        fill(values, scale: scale, seed: UInt64(index))
      } else {
        values.update(repeating: tensor.name.hasSuffix("bias") ? 0 : 1)
      }
    }
  }

  /// Numbers in -scale...scale from a linear congruential generator (Knuth's MMIX constants).
  private static func fill(
    _ values: UnsafeMutableBufferPointer<Float>, scale: Float, seed: UInt64
  ) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    for index in values.indices {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      values[index] = (Float(state >> 40) / Float(1 << 23) - 1) * scale
    }
  }

  /// The median wall time of some rounds behind one that warms up.
  private static func median(of repeats: Int, _ device: Device, _ work: () -> Void) -> Double {
    work()
    return TrainerBenchmark.median((0..<repeats).map { _ in seconds(device, work) })
  }

  /// Wall time from an idle device to an idle device.
  private static func seconds(_ device: Device, _ work: () throws -> Void) rethrows -> Double {
    device.synchronize()
    let begin = now()
    try work()
    device.synchronize()
    return now() - begin
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// A number with so many digits behind the point.
  static func text(_ value: Double, digits: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    let scale = pow(10, Double(digits))
    let whole = Int((abs(value) * scale).rounded())
    let sign = value < 0 ? "-" : ""
    guard digits > 0 else { return sign + "\(whole)" }
    let fraction = String(whole % Int(scale))
    return sign + "\(whole / Int(scale))."
      + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
