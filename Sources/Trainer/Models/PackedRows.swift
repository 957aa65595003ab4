import TrainerTensor

/// The rows a forward pass computes for a batch: trees of shared beginnings, cut into tiles of whole trees.
///
/// A sequence's last token predicts nothing that is scored, so it gets no row of its own. A sequence without scored
/// tokens gets none at all.
final class PackedRows {
  /// Some trees whose activations stay in the cache together.
  struct Tile {
    /// Rows of the batch.
    var rows: Range<Int>
    /// Rows that predict a scored token, as places in `outputs`.
    var outputs: Range<Int>
    /// Scored tokens, as places in `targets`.
    var scored: Range<Int>
    /// First of the tile's entries in `offsets`; there is one more entry than runs.
    var firstOffset: Int
    /// First of its entries in `starts`.
    var firstRun: Int
    var runs: Int
    /// First byte of its attention plan in `plans`.
    var firstPlan: Int
  }

  private(set) var tiles: [Tile] = []
  /// Token and position of each row.
  let tokens: PackedList<Int32>
  let positions: PackedList<Int32>
  /// Offsets of each tile's runs, from 0 for each tile, and the position each run starts at.
  let offsets: PackedList<Int64>
  let starts: PackedList<Int32>
  /// Rows that predict a scored token, counted within their tile.
  let outputs: PackedList<Int32>
  /// For each scored token the place of the row that predicts it among its tile's outputs, the token itself, and its
  /// place among the batch's scored tokens in the order of appending.
  let predictors: PackedList<Int32>
  let targets: PackedList<Int32>
  let places: PackedList<Int32>
  /// What attention over each tile's runs needs besides, on devices with memory of their own.
  let plans: PackedList<UInt8>
  /// Key-query pairs that attention forms.
  private(set) var attentionPairs = 0

  private let device: Device
  private let tileRows: Int
  private let order: SequenceOrder
  /// Place of each row among its tile's outputs, or -1.
  private let outputOfRow: PackedList<Int32>
  /// The present path's rows, by position.
  private let path: PackedList<Int32>
  /// Place of each sequence's first scored token.
  private let firstPlaces: PackedList<Int32>
  private var open = Tile(
    rows: 0..<0, outputs: 0..<0, scored: 0..<0, firstOffset: 0, firstRun: 0, runs: 0,
    firstPlan: 0)

  init(device: Device, capacity: Int) {
    self.device = device
    tileRows = device.tileRows
    order = SequenceOrder(capacity: capacity)
    tokens = PackedList(capacity: capacity, on: device)
    positions = PackedList(capacity: capacity, on: device)
    offsets = PackedList(capacity: capacity)
    starts = PackedList(capacity: capacity)
    outputs = PackedList(capacity: capacity, on: device)
    predictors = PackedList(capacity: capacity, on: device)
    targets = PackedList(capacity: capacity, on: device)
    places = PackedList(capacity: capacity)
    plans = PackedList(capacity: 1, on: device)
    outputOfRow = PackedList(capacity: capacity)
    path = PackedList(capacity: capacity)
    firstPlaces = PackedList(capacity: capacity)
    tiles.reserveCapacity(capacity / tileRows + 2)
  }

  var rowCount: Int { tokens.count }
  var outputCount: Int { outputs.count }
  var scoredCount: Int { targets.count }

  /// Rows that a tile has at most, over contexts of a length: see `closeTileIfFull`.
  static func mostRows(tileRows: Int, contextLength: Int) -> Int {
    max(tileRows, PackedRows.cutFactor * contextLength) + contextLength
  }

  /// A tree is cut where what must be computed again is at most the tile's rows over this.
  private static let cutFactor = 16

  /// Replaces the rows by those of a batch.
  ///
  /// - Precondition: tokens are in `0..<vocabulary`, sequences at most `contextLength` tokens long.
  func pack(_ batch: TokenBatch, vocabulary: Int, contextLength: Int) {
    removeAll()
    check(batch, vocabulary: vocabulary, contextLength: contextLength)
    // Tokens shared with the sequence before last carry over one that has no rows.
    var shared = 0
    order.forEach(batch) { index, common in
      shared = min(shared, common)
      let length = batch.offsets[index + 1] - batch.offsets[index]
      guard length > batch.promptLengths[index] else { return }
      shared = min(shared, path.count, length - 1)
      closeTileIfFull(&shared)
      append(batch, index, shared: shared)
      shared = length
    }
    closeTile()
    tokens.upload()
    positions.upload()
    outputs.upload()
    predictors.upload()
    targets.upload()
    plans.upload()
  }

  /// The runs of a tile.
  func sequences(_ tile: Tile) -> PackedSequences {
    PackedSequences(
      offsets: UnsafePointer(offsets.base + tile.firstOffset),
      starts: UnsafePointer(starts.base + tile.firstRun), count: tile.runs,
      plan: UnsafePointer(plans.onDevice + tile.firstPlan))
  }

  private func check(_ batch: TokenBatch, vocabulary: Int, contextLength: Int) {
    var scored = 0
    for index in 0..<batch.sequenceCount {
      let length = batch.offsets[index + 1] - batch.offsets[index]
      precondition(
        length <= contextLength,
        "a sequence of \(length) tokens for a context of \(contextLength)")
      firstPlaces.append(Int32(scored))
      scored += length - batch.promptLengths[index]
    }
    for token in batch.tokens {
      precondition(token >= 0 && token < vocabulary, "token \(token) of \(vocabulary)")
    }
  }

  private func removeAll() {
    tiles.removeAll(keepingCapacity: true)
    tokens.removeAll()
    positions.removeAll()
    offsets.removeAll()
    starts.removeAll()
    outputs.removeAll()
    predictors.removeAll()
    targets.removeAll()
    places.removeAll()
    outputOfRow.removeAll()
    path.removeAll()
    firstPlaces.removeAll()
    plans.removeAll()
    attentionPairs = 0
    open = Tile(
      rows: 0..<0, outputs: 0..<0, scored: 0..<0, firstOffset: 0, firstRun: 0, runs: 0,
      firstPlan: 0)
    offsets.append(0)
  }

  /// Adds the rows of a sequence from position `shared` on, and its scored tokens.
  private func append(_ batch: TokenBatch, _ index: Int, shared: Int) {
    let begin = batch.offsets[index]
    let rows = batch.offsets[index + 1] - begin - 1
    path.removeLast(path.count - shared)
    for position in shared..<rows {
      path.append(Int32(tokens.count - open.rows.lowerBound))
      tokens.append(batch.tokens[begin + position])
      positions.append(Int32(position))
      outputOfRow.append(-1)
      attentionPairs += position + 1
    }
    if rows > shared {
      starts.append(Int32(shared))
      offsets.append(Int64(tokens.count - open.rows.lowerBound))
      open.runs += 1
    }
    let first = batch.promptLengths[index]
    for position in first...rows {
      predictors.append(output(of: Int(path[position - 1])))
      targets.append(batch.tokens[begin + position])
      places.append(firstPlaces[index] + Int32(position - first))
    }
  }

  /// The place of a row among the outputs; takes one if it has none.
  private func output(of row: Int) -> Int32 {
    let place = open.rows.lowerBound + row
    if outputOfRow[place] < 0 {
      outputOfRow[place] = Int32(outputs.count - open.outputs.lowerBound)
      outputs.append(Int32(row))
    }
    return outputOfRow[place]
  }

  /// Closes a tile with enough rows before a sequence that shares little with it; the next tile computes that again.
  private func closeTileIfFull(_ shared: inout Int) {
    let rows = tokens.count - open.rows.lowerBound
    guard rows >= tileRows, shared * PackedRows.cutFactor <= rows else { return }
    closeTile()
    shared = 0
  }

  private func closeTile() {
    guard open.runs > 0 else { return }
    open.rows = open.rows.lowerBound..<tokens.count
    open.outputs = open.outputs.lowerBound..<outputs.count
    open.scored = open.scored.lowerBound..<targets.count
    appendPlan(open)
    tiles.append(open)
    open = Tile(
      rows: tokens.count..<tokens.count, outputs: outputs.count..<outputs.count,
      scored: targets.count..<targets.count, firstOffset: offsets.count, firstRun: starts.count,
      runs: 0, firstPlan: plans.count)
    offsets.append(0)
    path.removeAll()
  }

  /// Plans begin at multiples of 16 bytes.
  private func appendPlan(_ tile: Tile) {
    let runs = sequences(tile)
    let bytes = (device.planBytes(runs) + 15) / 16 * 16
    guard bytes > 0 else { return }
    plans.resize(tile.firstPlan + bytes)
    device.plan(runs, into: plans.base + tile.firstPlan)
  }
}
