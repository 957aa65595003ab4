import ExpCore
import TrainerTensor

/// The memory of a `RolloutEngine`: activations of one step, and keys and values of prompts and answers.
final class RolloutStorage {
  let live: Int
  let maxLength: Int
  /// Activations; every layer uses the same.
  let stream: Matrix
  let streamRstd: UnsafeMutablePointer<Float>
  let qkv: Activations
  let attention: Activations
  let logSums: Matrix
  let blockRows: BlockRows
  let tailInput: Matrix
  let tailAttention: Activations
  let finalNormed: Activations
  /// What each live sequence draws its next token from.
  let logits: Matrix
  /// The same with what lies outside the nucleus excluded.
  let nucleus: Matrix
  /// What follows each prompt, by the prompt's slot.
  let promptLogits: Matrix
  let readLogits: Matrix
  /// Scores of the tokens drawn in the present step.
  let logProbs: UnsafeMutablePointer<Float>
  let entropies: UnsafeMutablePointer<Float>
  /// What the present step draws by, and [steps, rows] what the round does.
  let uniforms: UnsafeMutablePointer<Double>
  let uniformsAhead: PackedList<Double>
  /// What the steps of a round drew, [steps, rows].
  let drawnTokens: PackedList<Int32>
  let drawnLogProbs: PackedList<Float>
  let drawnEntropies: PackedList<Float>
  let scratch: UnsafeMutablePointer<Float>
  private let cacheBuffers: [DeviceBuffer]
  private let buffers: [DeviceBuffer]

  init(_ model: PolicyModel, maxSequences: Int, maxLength: Int) {
    let device = model.device
    live = min(max(maxSequences, 1), device.liveRows)
    self.maxLength = maxLength
    var sizes = MatrixAllocator(device: device)
    let width = model.shape.width
    let rows = max(live, device.liveRows + maxLength)
    stream = sizes.take(rows, width)
    streamRstd = sizes.take(rows, 1).base
    qkv = sizes.takeActivations(rows, model.heads.rowWidth)
    attention = sizes.takeActivations(rows, width)
    logSums = sizes.take(rows, model.heads.query)
    blockRows = BlockRows(
      projected: sizes.takeActivations(rows, width), middle: sizes.take(rows, width),
      middleRstd: sizes.take(rows, 1).base, normed: sizes.takeActivations(rows, width),
      gateUp: sizes.takeActivations(rows, 2 * model.shape.hidden),
      activated: sizes.takeActivations(rows, model.shape.hidden))
    tailInput = sizes.take(rows, width)
    tailAttention = sizes.takeActivations(rows, width)
    finalNormed = sizes.takeActivations(rows, width)
    logits = sizes.take(live, model.outputColumns)
    nucleus = sizes.take(live, model.outputColumns)
    promptLogits = sizes.take(live + 1, model.outputColumns)
    readLogits = sizes.take(min(rows, live + 1), model.outputColumns)
    logProbs = sizes.take(live, 1).base
    entropies = sizes.take(live, 1).base
    let drawn = live * device.roundSteps
    uniforms = UnsafeMutableRawPointer(sizes.take(live, 2).base).assumingMemoryBound(
      to: Double.self)
    uniformsAhead = PackedList(capacity: drawn, on: device)
    drawnTokens = PackedList(capacity: drawn, on: device)
    drawnLogProbs = PackedList(capacity: drawn, on: device)
    drawnEntropies = PackedList(capacity: drawn, on: device)
    let scratchFloats = max(
      device.attentionScratch(longest: maxLength + 16, heads: model.heads),
      4 * model.outputColumns)
    scratch = sizes.take(1, scratchFloats).base
    buffers = sizes.buffers
    let slotElements = model.heads.key * model.heads.width * RolloutStorage.padded(maxLength)
    let cacheBytes = (live + 1) * slotElements * device.activationBytes
    cacheBuffers = (0..<4 * model.shape.layers).map { _ in
      DeviceBuffer.required(bytes: cacheBytes, on: device)
    }
  }

  /// The first rows of all activations.
  func views(rows: Int) -> RolloutViews {
    RolloutViews(
      stream: stream.prefix(rows), qkv: qkv.prefix(rows), attention: attention.prefix(rows),
      logSums: logSums.prefix(rows), tailInput: tailInput.prefix(rows),
      tailAttention: tailAttention.prefix(rows), finalNormed: finalNormed.prefix(rows),
      block: BlockRows(
        projected: blockRows.projected.prefix(rows), middle: blockRows.middle.prefix(rows),
        middleRstd: blockRows.middleRstd, normed: blockRows.normed.prefix(rows),
        gateUp: blockRows.gateUp.prefix(rows), activated: blockRows.activated.prefix(rows)))
  }

  /// Brings what a round drew to the host.
  func download(drawn count: Int) {
    drawnTokens.resize(count)
    drawnLogProbs.resize(count)
    drawnEntropies.resize(count)
    drawnTokens.download()
    drawnLogProbs.download()
    drawnEntropies.download()
  }

  static func padded(_ tokens: Int) -> Int { max((tokens + 15) / 16 * 16, 16) }

  /// A layer's keys and values of prompts, in slots of `capacity` tokens.
  func prefix(_ layer: Int, capacity: Int) -> AttentionCache { cache(4 * layer, capacity) }

  /// A layer's keys and values of answers, in slots of `capacity` tokens.
  func suffix(_ layer: Int, capacity: Int) -> AttentionCache { cache(4 * layer + 2, capacity) }

  private func cache(_ buffer: Int, _ capacity: Int) -> AttentionCache {
    precondition(capacity <= RolloutStorage.padded(maxLength), "slots of \(capacity) tokens")
    return AttentionCache(
      keys: cacheBuffers[buffer].start, values: cacheBuffers[buffer + 1].start, capacity: capacity)
  }
}

/// Views of the activations of so many rows.
struct RolloutViews {
  let stream: Matrix
  let qkv: Activations
  let attention: Activations
  let logSums: Matrix
  let tailInput: Matrix
  let tailAttention: Activations
  let finalNormed: Activations
  let block: BlockRows
}
