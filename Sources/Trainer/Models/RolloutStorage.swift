import ExpCore
import TrainerTensor

/// The memory of a `RolloutEngine`: activations of one step, and keys and values of prompts and answers.
final class RolloutStorage {
  /// Live sequences at most: enough for fast products, few enough that their keys and values stay in the cache.
  static let mostLive = 192
  /// Prompt rows computed at a time, but for one whole prompt.
  static let prefillRows = 192

  let live: Int
  let maxLength: Int
  /// Activations; every layer uses the same.
  let stream: Matrix
  let streamRstd: UnsafeMutablePointer<Float>
  let qkv: Matrix
  let attention: Matrix
  let logSums: Matrix
  let blockRows: BlockRows
  let tailInput: Matrix
  let tailAttention: Matrix
  let finalNormed: Matrix
  /// What each live sequence draws its next token from.
  let logits: Matrix
  /// The same with what lies outside the nucleus excluded.
  let nucleus: Matrix
  /// What follows each prompt, by the prompt's slot.
  let promptLogits: Matrix
  let readLogits: Matrix
  let logProbs: UnsafeMutablePointer<Float>
  let entropies: UnsafeMutablePointer<Float>
  let scratch: UnsafeMutablePointer<Float>
  private let cacheBuffers: [FloatBuffer]
  private let buffers: [FloatBuffer]

  init(_ model: PolicyModel, maxSequences: Int, maxLength: Int) {
    live = min(max(maxSequences, 1), RolloutStorage.mostLive)
    self.maxLength = maxLength
    var sizes = MatrixAllocator()
    let width = model.shape.width
    let rows = max(live, RolloutStorage.prefillRows + maxLength)
    stream = sizes.take(rows, width)
    streamRstd = sizes.take(rows, 1).base
    qkv = sizes.take(rows, model.heads.rowWidth)
    attention = sizes.take(rows, width)
    logSums = sizes.take(rows, model.heads.query)
    blockRows = BlockRows(
      projected: sizes.take(rows, width), middle: sizes.take(rows, width),
      middleRstd: sizes.take(rows, 1).base, normed: sizes.take(rows, width),
      gateUp: sizes.take(rows, 2 * model.shape.hidden),
      activated: sizes.take(rows, model.shape.hidden))
    tailInput = sizes.take(rows, width)
    tailAttention = sizes.take(rows, width)
    finalNormed = sizes.take(rows, width)
    logits = sizes.take(live, model.outputColumns)
    nucleus = sizes.take(live, model.outputColumns)
    promptLogits = sizes.take(live + 1, model.outputColumns)
    readLogits = sizes.take(rows, model.outputColumns)
    logProbs = sizes.take(live, 1).base
    entropies = sizes.take(live, 1).base
    let scratchFloats = max(
      model.device.attentionScratch(longest: maxLength + 16, heads: model.heads),
      model.outputColumns)
    scratch = sizes.take(1, scratchFloats).base
    buffers = sizes.buffers
    let slotFloats = model.heads.key * model.heads.width * RolloutStorage.padded(maxLength)
    let cacheFloats = (live + 1) * slotFloats
    cacheBuffers = (0..<4 * model.shape.layers).map { _ in
      FloatBuffer.required(count: cacheFloats)
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
  let qkv: Matrix
  let attention: Matrix
  let logSums: Matrix
  let tailInput: Matrix
  let tailAttention: Matrix
  let finalNormed: Matrix
  let block: BlockRows
}
