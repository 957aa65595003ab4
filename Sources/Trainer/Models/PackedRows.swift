/// The rows a forward pass computes for a batch, cut into tiles of whole sequences.
///
/// A sequence's last token predicts nothing that is scored, so it gets no row. A sequence without scored tokens gets
/// none at all.
final class PackedRows {
  /// Some whole sequences whose activations stay in the cache together.
  struct Tile {
    /// Rows of the batch.
    var rows: Range<Int>
    /// Scored tokens of the batch.
    var scored: Range<Int>
    /// First of the tile's entries in `offsets`; there is one more entry than sequences.
    var firstOffset: Int
    var sequences: Int
  }

  private(set) var tiles: [Tile] = []
  /// Token and position of each row.
  let tokens: PackedList<Int32>
  let positions: PackedList<Int32>
  /// Offsets of each tile's sequences, from 0 for each tile.
  let offsets: PackedList<Int64>
  /// For each scored token the row that predicts it, counted within its tile, and the token itself.
  let predictors: PackedList<Int32>
  let targets: PackedList<Int32>
  /// Key-query pairs that attention forms, over all sequences.
  private(set) var attentionPairs = 0
  private let tileRows: Int
  private var open = Tile(rows: 0..<0, scored: 0..<0, firstOffset: 0, sequences: 0)

  init(tileRows: Int, capacity: Int) {
    self.tileRows = tileRows
    tokens = PackedList(capacity: capacity)
    positions = PackedList(capacity: capacity)
    offsets = PackedList(capacity: capacity)
    predictors = PackedList(capacity: capacity)
    targets = PackedList(capacity: capacity)
    tiles.reserveCapacity(capacity / tileRows + 2)
  }

  var rowCount: Int { tokens.count }
  var scoredCount: Int { targets.count }

  /// Replaces the rows by those of a batch.
  ///
  /// - Precondition: tokens are in `0..<vocabulary`, sequences at most `contextLength` tokens long.
  func pack(_ batch: TokenBatch, vocabulary: Int, contextLength: Int) {
    removeAll()
    batch.tokens.withUnsafeBufferPointer { tokens in
      for index in 0..<batch.sequenceCount {
        let range = batch.offsets[index]..<batch.offsets[index + 1]
        append(
          UnsafeBufferPointer(rebasing: tokens[range]), scoredFrom: batch.promptLengths[index],
          vocabulary: vocabulary, contextLength: contextLength)
      }
    }
    closeTile()
  }

  /// Empties the rows.
  func removeAll() {
    tiles.removeAll(keepingCapacity: true)
    for list in [tokens, positions, predictors, targets] { list.removeAll() }
    offsets.removeAll()
    attentionPairs = 0
    open = Tile(rows: 0..<0, scored: 0..<0, firstOffset: 0, sequences: 0)
    offsets.append(0)
  }

  /// Adds one sequence; its tile may have to be closed before the rows are used.
  func append(
    _ sequence: UnsafeBufferPointer<Int32>, scoredFrom first: Int, vocabulary: Int,
    contextLength: Int
  ) {
    precondition(
      sequence.count <= contextLength,
      "a sequence of \(sequence.count) tokens for a context of \(contextLength)")
    precondition(first >= 1, "a sequence without a prompt")
    guard sequence.count > first else { return }
    let rows = sequence.count - 1
    let start = tokens.count - open.rows.lowerBound
    for position in 0..<rows {
      let token = sequence[position]
      let target = sequence[position + 1]
      precondition(token >= 0 && token < vocabulary, "token \(token) of \(vocabulary)")
      precondition(target >= 0 && target < vocabulary, "token \(target) of \(vocabulary)")
      tokens.append(token)
      positions.append(Int32(position))
      if position + 1 >= first {
        predictors.append(Int32(start + position))
        targets.append(target)
      }
    }
    attentionPairs += rows * (rows + 1) / 2
    offsets.append(Int64(tokens.count - open.rows.lowerBound))
    open.sequences += 1
    if tokens.count - open.rows.lowerBound >= tileRows { closeTile() }
  }

  private func closeTile() {
    guard open.sequences > 0 else { return }
    open.rows = open.rows.lowerBound..<tokens.count
    open.scored = open.scored.lowerBound..<targets.count
    tiles.append(open)
    open = Tile(
      rows: tokens.count..<tokens.count, scored: targets.count..<targets.count,
      firstOffset: offsets.count, sequences: 0)
    offsets.append(0)
  }
}
