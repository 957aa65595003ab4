/// The sequences of a batch in lexicographic order of their tokens: neighbours share the longest beginnings.
///
/// A sequence comes before those that continue it, and equal ones in the order of appending.
final class SequenceOrder {
  private let order: PackedList<Int32>
  private var batch: UnsafeBufferPointer<Int32>
  private var offsets: UnsafeBufferPointer<Int>

  init(capacity: Int) {
    order = PackedList(capacity: capacity)
    batch = UnsafeBufferPointer(start: nil, count: 0)
    offsets = UnsafeBufferPointer(start: nil, count: 0)
  }

  /// Calls `visit` with each sequence's number, in order, and the count of tokens it shares with the one before it.
  func forEach(_ tokenBatch: TokenBatch, _ visit: (_ index: Int, _ shared: Int) -> Void) {
    tokenBatch.tokens.withUnsafeBufferPointer { tokens in
      tokenBatch.offsets.withUnsafeBufferPointer { offsets in
        batch = tokens
        self.offsets = offsets
        sort(tokenBatch.sequenceCount)
        for place in 0..<order.count {
          let index = Int(order[place])
          visit(index, place == 0 ? 0 : common(Int(order[place - 1]), index))
        }
      }
    }
  }

  private func length(_ sequence: Int) -> Int { offsets[sequence + 1] - offsets[sequence] }

  /// Tokens that two sequences have in common at their beginnings.
  private func common(_ left: Int, _ right: Int) -> Int {
    let count = min(length(left), length(right))
    var shared = 0
    while shared < count && batch[offsets[left] + shared] == batch[offsets[right] + shared] {
      shared += 1
    }
    return shared
  }

  private func precedes(_ left: Int32, _ right: Int32) -> Bool {
    let (left, right) = (Int(left), Int(right))
    let shared = common(left, right)
    if shared == length(left) || shared == length(right) {
      return (length(left), left) < (length(right), right)
    }
    return batch[offsets[left] + shared] < batch[offsets[right] + shared]
  }

  /// Heapsort, which needs no memory; indices break ties, so that it is as good as stable.
  private func sort(_ count: Int) {
    order.removeAll()
    for index in 0..<count { order.append(Int32(index)) }
    for root in stride(from: count / 2 - 1, through: 0, by: -1) { sift(root, count) }
    for end in stride(from: count - 1, to: 0, by: -1) {
      (order[0], order[end]) = (order[end], order[0])
      sift(0, end)
    }
  }

  private func sift(_ start: Int, _ end: Int) {
    var root = start
    while 2 * root + 1 < end {
      var child = 2 * root + 1
      if child + 1 < end && precedes(order[child], order[child + 1]) { child += 1 }
      guard precedes(order[root], order[child]) else { return }
      (order[root], order[child]) = (order[child], order[root])
      root = child
    }
  }
}
