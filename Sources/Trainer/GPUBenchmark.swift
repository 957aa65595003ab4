package import ExpCore
import TrainerProtocol
import TrainerTensor

/// Speed of update and decoding on a GPU, beside the rates of its products and its memory measured in the same run.
///
/// Times are wall time between two waits for the device, figures are medians; the first round of each warms up.
package enum GPUBenchmark {
  /// What is measured.
  package struct Options: Sendable, Hashable {
    /// The kernel set; beside one that is not batch-invariant the invariant one is measured, too.
    package var kernelSet = "cuda-bf16"
    /// Names of `GPUBenchmark.models`, or of the ladder's sizes.
    package var sizes = GPUBenchmark.models.map(\.name)
    /// Where all figures go as JSON.
    package var jsonPath: String?

    /// Reads `--kernels SET`, `--sizes A,B` and `--json FILE`.
    ///
    /// - Throws: `TrainerError` that names what cannot be read.
    package init(_ arguments: [String]) throws {
      var rest = arguments[...]
      while let option = rest.popFirst() {
        guard let value = rest.popFirst() else {
          throw TrainerError(.badRequest, "'\(option)' is unknown, or its value is missing")
        }
        switch option {
        case "--kernels": kernelSet = value
        case "--sizes": sizes = value.split(separator: ",").map(String.init)
        case "--json": jsonPath = value
        default: throw TrainerError(.badRequest, "there is no option '\(option)' of 'bench --gpu'")
        }
      }
      guard CUDALibrary.kernelSets.contains(kernelSet) else {
        throw TrainerError(
          .badRequest, "'\(kernelSet)' is no kernel set of a GPU",
          mend: "one of: " + CUDALibrary.kernelSets.joined(separator: ", "))
      }
      for size in sizes where GPUBenchmark.model(size) == nil {
        let names = GPUBenchmark.models.map(\.name) + ModelShape.named.map(\.name)
        throw TrainerError(
          .badRequest, "there is no size '\(size)'",
          mend: "one of: " + names.joined(separator: ", "))
      }
    }
  }

  /// A model of the benchmark.
  package struct Model: Sendable, Hashable {
    /// What it is called.
    package var name: String
    /// Its widths.
    package var shape: ModelShape
    /// Tokens it knows.
    package var vocabulary: Int
  }

  /// Shapes of Qwen2's kind: wide heads, few of them for keys and values.
  ///
  /// They are no sizes of the ladder, whose shapes differ in size alone.
  package static let models = [
    Model(
      name: "10m",
      shape: ModelShape(
        width: 384, layers: 6, heads: 6, kvHeads: 2, hidden: 1152, qkvBias: true),
      vocabulary: 4096),
    Model(
      name: "100m",
      shape: ModelShape(
        width: 768, layers: 16, heads: 12, kvHeads: 4, hidden: 2048, qkvBias: true),
      vocabulary: 32_768),
    Model(
      name: "500m",
      shape: ModelShape(
        width: 1280, layers: 28, heads: 10, kvHeads: 2, hidden: 3584, qkvBias: true),
      vocabulary: 32_768),
  ]

  /// Lengths and counts of what is measured.
  package struct Workload: Sendable, Hashable {
    /// Rows and columns of the square product.
    var productSize: Int
    /// Products between two waits.
    var products: Int
    /// Floats of the copy.
    var copyCount: Int
    /// The update: two optimiser steps on `prompts` sequences that share nothing.
    var update: TrainerBenchmark.Workload
    /// Answers that are decoded together, one per prompt.
    var decodeRows: Int
    /// Tokens of their prompts.
    var decodePrompt: Int
    /// Tokens of a short and a long answer, whole rounds of steps: the difference is decoding alone.
    var decodeLengths: ClosedRange<Int>
    /// Answers whose log-probabilities are computed again by a training pass.
    var scoredAnswers: Int
    /// Timed rounds.
    var repeats: Int

    /// What a GPU is judged by.
    static let standard = Workload(
      productSize: 8192, products: 10, copyCount: 1 << 28,
      update: .init(
        promptLength: 256, responseLength: 768, prompts: 32, samples: 1, microBatch: 16),
      decodeRows: 512, decodePrompt: 128, decodeLengths: 16...144, scoredAnswers: 64, repeats: 5)
    /// What an emulation can do in seconds.
    static let tiny = Workload(
      productSize: 64, products: 1, copyCount: 1 << 16,
      update: .init(promptLength: 5, responseLength: 11, prompts: 4, samples: 1, microBatch: 2),
      decodeRows: 4, decodePrompt: 5, decodeLengths: 16...32, scoredAnswers: 4, repeats: 1)

    var json: JSONValue {
      [
        "product_size": .number(Double(productSize)), "copy_floats": .number(Double(copyCount)),
        "repeats": .number(Double(repeats)),
        "update": [
          "prompt": .number(Double(update.promptLength)),
          "response": .number(Double(update.responseLength)),
          "sequences": .number(Double(update.prompts)),
          "micro_batch": .number(Double(update.microBatch)),
        ],
        "decode": [
          "rows": .number(Double(decodeRows)), "prompt": .number(Double(decodePrompt)),
          "short": .number(Double(decodeLengths.lowerBound)),
          "long": .number(Double(decodeLengths.upperBound)),
        ],
      ]
    }
  }

  /// What an emulated device's figures are worth.
  package static let emulationWarning = "emulated: figures mean nothing"

  /// Measures, gives a table line by line, and returns all figures.
  ///
  /// - Throws: `TensorError` where there is no GPU or too little memory.
  package static func run(_ options: Options, line: (String) -> Void) throws -> JSONValue {
    let facts = try CUDALibrary.facts()
    let workload = facts.isEmulated ? Workload.tiny : .standard
    line("device: \(facts)")
    if facts.isEmulated { line(emulationWarning) }
    line(
      "size  kernels  product-TFLOP/s  copy-GB/s  update-tok/s  of-product  decode-ms/step  of-bound"
        + "  without-graphs  mismatch-mean  mismatch-max")
    var results: [JSONValue] = []
    for size in options.sizes {
      guard let model = model(size) else { continue }
      let rates = try Rates(kernelSet: fast(options.kernelSet), workload)
      let figures = try kernelSets(options.kernelSet).map { name in
        try measure(model, device: Device(kernelSet: name), workload, rates)
      }
      for figures in figures { line(figures.line(model)) }
      if figures.count > 1 { line(cost(of: figures[1], over: figures[0], model)) }
      results += try figures.map { try $0.json(model) }
    }
    if facts.isEmulated { line(emulationWarning) }
    return [
      "device": .string("\(facts)"), "emulated": .bool(facts.isEmulated),
      "warning": facts.isEmulated ? .string(emulationWarning) : .null, "workload": workload.json,
      "results": .array(results),
    ]
  }

  static func model(_ name: String) -> Model? {
    models.first { $0.name == name }
      ?? ModelShape.named(name).map {
        Model(name: name, shape: $0, vocabulary: TrainerBenchmark.vocabulary)
      }
  }

  private static let invariantSuffix = "-invariant"

  /// The set of the same precision that is not batch-invariant.
  private static func fast(_ kernelSet: String) -> String {
    kernelSet.hasSuffix(invariantSuffix)
      ? String(kernelSet.dropLast(invariantSuffix.count)) : kernelSet
  }

  private static func kernelSets(_ kernelSet: String) -> [String] {
    kernelSet.hasSuffix(invariantSuffix)
      ? [kernelSet] : [kernelSet, kernelSet + invariantSuffix]
  }

  private static func cost(of invariant: Figures, over fast: Figures, _ model: Model) -> String {
    func times(_ value: Double, _ other: Double) -> String { text(value / other, digits: 2) }
    return "\(model.name): batch invariance costs a factor of "
      + times(invariant.updateSeconds, fast.updateSeconds) + " in updates and "
      + times(invariant.stepSeconds, fast.stepSeconds) + " in decoding"
  }
}
