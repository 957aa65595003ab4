internal import ExpCore

/// The numbers of a resolved configuration by dotted path; 0 where there is none.
struct ConfigFigures {
  private let config: JSONValue

  init(_ config: JSONValue) { self.config = config }

  subscript(path: String) -> Double { config[path: path]?.number ?? 0 }

  /// A number or the mean of a list of numbers; 0 where there is none.
  func mean(_ path: String) -> Double {
    let list = config[path: path]?.array?.compactMap(\.number) ?? [self[path]]
    return list.isEmpty ? 0 : list.reduce(0, +) / Double(list.count)
  }

  /// A list of numbers; empty where there is none.
  func numbers(_ path: String) -> [Double] { config[path: path]?.array?.compactMap(\.number) ?? [] }

  func text(_ path: String) -> String? { config[path: path]?.string }

  func flag(_ path: String) -> Bool { config[path: path]?.bool == true }
}

/// How long prompts and answers of a task are on average, in tokens.
struct TaskLengths {
  var prompt: Double
  var answer: Double
  var vocabulary: Double

  init(prompt: Double, answer: Double, vocabulary: Double) {
    (self.prompt, self.answer, self.vocabulary) = (prompt, answer, vocabulary)
  }

  init(_ config: ConfigFigures) {
    let numbers = config.mean("task.numbers")
    switch config.text("task.name") {
    case "prog":
      // Two examples `digits > digits |`; one token per operation, then the end.
      prompt = 4 * config.mean("task.list_lengths") + 4
      answer = config["task.max_depth"] + 1
      vocabulary = 24
    case "code":
      // Examples `x y > result |`; a statement takes about six tokens, the last `return` four.
      prompt = 5 * config.mean("task.examples")
      answer = 4 + 6 * (config["task.max_statements"] + 1) / 2
      vocabulary = 30
    case "phrases":
      // Measured over both subjects.
      prompt = 9
      answer = 5
      vocabulary = 63
    case _ where config.flag("task.working"):
      // A step `a op b = c ;` of numbers written digit by digit.
      prompt = numbers + 3
      answer = 7 * (numbers - 1)
      vocabulary = 26
    default:
      // Numbers, two digits, `=`; numbers with operators between them, then the end.
      prompt = numbers + 3
      answer = 2 * numbers
      vocabulary = 25
    }
  }

  var sequence: Double { prompt + answer }
}

/// Operations and bytes of a decoder-only transformer of given widths.
struct ModelCost {
  /// A piece of work.
  struct Work {
    var flops: Double
    var tokens: Double

    mutating func add(_ other: Work, times: Double) {
      flops += times * other.flops
      tokens += times * other.tokens
    }
  }

  private let width: Double
  private let keyWidth: Double
  private let layers: Double
  private let heads: Double
  private let hidden: Double
  private let nonEmbedding: Double
  private let isTied: Bool

  static let bytesPerValue = 4.0
  /// A prompt with one answer, its tokens, reward and entropies as a line of JSON.
  static let bytesPerSample = 300.0
  /// A step's values as a line of JSON.
  private static let bytesPerStep = 600.0
  /// The program, its libraries and BLAS's own buffers.
  private static let bytesOfProcess = 48.0 * 1_048_576
  /// What the trainer gives to keys and values of the sequences it decodes at a time, and the most of those.
  private static let bytesOfCache = 128.0 * 1_048_576
  private static let mostDecoded = 1024.0

  init(_ shape: ModelShape) {
    width = Double(shape.width)
    layers = Double(shape.layers)
    heads = Double(shape.heads)
    keyWidth = Double(shape.kvHeads * shape.headWidth)
    hidden = Double(shape.hidden)
    nonEmbedding = Double(shape.nonEmbeddingParameterCount)
    isTied = shape.tiedEmbeddings
  }

  init(_ config: ConfigFigures) {
    width = config["model.width"]
    layers = config["model.layers"]
    heads = config["model.heads"]
    keyWidth = heads > 0 ? width / heads * config["model.kv_heads"] : 0
    hidden = config["model.hidden"]
    nonEmbedding = config["model.params"]
    isTied = config.flag("model.tied_embeddings")
  }

  /// One pass over whole sequences, with the output head at each answer position.
  func forward(sequences: Double, _ lengths: TaskLengths) -> Work {
    let perSequence =
      2 * nonEmbedding * lengths.sequence + attention(from: 0, to: lengths.sequence)
      + 2 * width * lengths.vocabulary * lengths.answer
    return Work(flops: sequences * perSequence, tokens: sequences * lengths.sequence)
  }

  /// Forward and backward: three times the forward pass.
  func training(sequences: Double, _ lengths: TaskLengths) -> Work {
    let once = forward(sequences: sequences, lengths)
    return Work(flops: 3 * once.flops, tokens: once.tokens)
  }

  /// Each prompt once, then each answer token by token with a key-value cache.
  func sampling(prompts: Double, answers: Double, _ lengths: TaskLengths) -> Work {
    let perPrompt = 2 * nonEmbedding * lengths.prompt + attention(from: 0, to: lengths.prompt)
    let perAnswer =
      2 * nonEmbedding * lengths.answer + attention(from: lengths.prompt, to: lengths.sequence)
      + 2 * width * lengths.vocabulary * lengths.answer
    return Work(
      flops: prompts * perPrompt + answers * perAnswer,
      tokens: prompts * lengths.prompt + answers * lengths.answer)
  }

  /// Scores and weighted values, `4 C` operations for each pair of a token with one it sees, in each layer.
  private func attention(from start: Double, to end: Double) -> Double {
    let pairs = (end * (end + 1) - start * (start + 1)) / 2
    return 4 * layers * width * pairs
  }

  /// Every trainable value, embedding, output projection and final norm included.
  private func parameters(_ vocabulary: Double) -> Double {
    nonEmbedding + width + (isTied ? 1 : 2) * width * vocabulary
  }

  /// Weights, gradients and two moments; activations and their gradients of one micro-batch; the cache of
  /// the sequences that are decoded at a time; copies of the weights; the process.
  func memoryBytes(
    trainedSequences: Double, sampledSequences: Double, copies: Double, _ lengths: TaskLengths
  ) -> Double {
    let rows = trainedSequences * lengths.sequence
    let perLayer = 6 * width + 2 * keyWidth + 3 * hidden + heads * lengths.sequence
    let activations = 2 * rows * (layers * perLayer + 3 * width + lengths.vocabulary)
    let cachePerSequence = lengths.sequence * 2 * keyWidth * layers
    let fitting = ModelCost.bytesOfCache / max(ModelCost.bytesPerValue * cachePerSequence, 1)
    let decoded = min(sampledSequences, ModelCost.mostDecoded, max(fitting, 8))
    let cache = decoded * cachePerSequence
    let sampling = decoded * (6 * width + 3 * hidden + 2 * lengths.vocabulary)
    let weights = (4 + copies) * parameters(lengths.vocabulary)
    return ModelCost.bytesOfProcess
      + ModelCost.bytesPerValue * (weights + activations + cache + sampling)
  }

  /// The last checkpoint (weights and two moments) with the final policy, and a line of events a step.
  func diskBytes(steps: Double) -> Double {
    let vocabulary = 25.0
    return ModelCost.bytesPerValue * 4 * parameters(vocabulary) + steps * ModelCost.bytesPerStep
  }
}
