import TrainerTensor

/// The sequences being sampled: a row each in lists without gaps, and the slots of their keys and values.
///
/// The lists that operations read lie together in one block, which goes to the device as a whole.
final class LiveSequences {
  /// A list in the block.
  enum Field: Int, CaseIterable {
    /// The token drawn last, which is fed next, and its position.
    case token, position
    /// Tokens of the answer so far, and of those the ones whose keys are cached.
    case length, suffixLength
    case prefixSlot, prefixLength, suffixSlot
    /// 1 for a row that stands still: its answer is complete, or there is none.
    case complete
  }

  let capacity: Int
  private(set) var count = 0
  /// Rows beyond the sequences, for a number of rows that operations were captured for.
  private(set) var padding = 0
  /// Which answer each row is: prompt * samples + sample.
  private var answer: [Int32]
  private let block: PackedList<Int32>
  /// Steps of the round that operations have recorded.
  private let stepPlace: Int

  private var freeSuffixes: [Int32] = []
  private var freePrefixes: [Int32] = []
  private var prefixUsers: [Int]

  init(capacity: Int, device: Device) {
    self.capacity = capacity
    answer = Array(repeating: 0, count: capacity)
    stepPlace = capacity * Field.allCases.count
    block = PackedList(capacity: stepPlace + 1, on: device)
    block.resize(stepPlace + 1)
    // One prompt more than answers: the one whose next samples still wait.
    prefixUsers = Array(repeating: 0, count: capacity + 1)
    freeSuffixes.reserveCapacity(capacity)
    freePrefixes.reserveCapacity(capacity + 1)
    removeAll()
  }

  var freeCount: Int { freeSuffixes.count }
  /// Rows that operations work on.
  var rows: Int { count + padding }

  subscript(field: Field, row: Int) -> Int32 {
    get { block.base[place(field, row)] }
    set { block.base[place(field, row)] = newValue }
  }

  func answer(of row: Int) -> Int32 { answer[row] }

  private func place(_ field: Field, _ row: Int) -> Int {
    precondition(row >= 0 && row < capacity, "row \(row) of \(capacity)")
    return field.rawValue * capacity + row
  }

  /// The list as operations see it.
  func list(_ field: Field) -> UnsafeMutablePointer<Int32> {
    block.onDevice + field.rawValue * capacity
  }

  /// The number of steps recorded, as operations see it.
  var step: UnsafeMutablePointer<Int32> { block.onDevice + stepPlace }

  /// Brings all lists to the device; a round begins.
  func upload() {
    block.base[stepPlace] = 0
    block.upload()
  }

  /// Brings all lists from the device, which has moved the rows on; a round is over.
  func download() { block.download() }

  func removeAll() {
    count = 0
    padding = 0
    freeSuffixes.removeAll(keepingCapacity: true)
    freePrefixes.removeAll(keepingCapacity: true)
    for slot in stride(from: prefixUsers.count - 1, through: 0, by: -1) {
      freePrefixes.append(Int32(slot))
      prefixUsers[slot] = 0
    }
    for slot in stride(from: prefixUsers.count - 2, through: 0, by: -1) {
      freeSuffixes.append(Int32(slot))
    }
  }

  /// Takes a slot for a prompt, with the caller as its first user.
  func takePrefix() -> Int32 {
    guard let slot = freePrefixes.popLast() else { preconditionFailure("no slot for a prompt") }
    prefixUsers[Int(slot)] = 1
    return slot
  }

  /// Ends one use of a prompt's slot; the last one frees it.
  func releasePrefix(_ slot: Int32) {
    prefixUsers[Int(slot)] -= 1
    if prefixUsers[Int(slot)] == 0 { freePrefixes.append(slot) }
  }

  /// Adds an answer that has no token yet.
  func append(answer index: Int, prefix: Int32, prefixLength tokens: Int) {
    guard let slot = freeSuffixes.popLast() else { preconditionFailure("no slot for an answer") }
    prefixUsers[Int(prefix)] += 1
    let row = count
    count += 1
    answer[row] = Int32(index)
    self[.token, row] = 0
    self[.position, row] = Int32(tokens) - 1
    self[.length, row] = 0
    self[.suffixLength, row] = -1
    self[.prefixSlot, row] = prefix
    self[.prefixLength, row] = Int32(tokens)
    self[.suffixSlot, row] = slot
    self[.complete, row] = 0
  }

  /// Gives back the slots of a row; `move` then fills its place.
  func release(_ row: Int) {
    freeSuffixes.append(self[.suffixSlot, row])
    releasePrefix(self[.prefixSlot, row])
  }

  /// Puts a row in the place of an earlier one.
  func move(_ row: Int, to target: Int) {
    guard row != target else { return }
    answer[target] = answer[row]
    for field in Field.allCases { self[field, target] = self[field, row] }
  }

  /// Drops the rows from `count` on.
  func truncate(to count: Int) { self.count = count }

  /// Fills up with rows that stand still, in slots that nobody uses.
  func pad(to rows: Int) {
    padding = rows - count
    precondition(padding >= 0 && padding <= freeSuffixes.count, "no slots for \(rows) rows")
    for index in 0..<padding {
      let row = count + index
      for field in Field.allCases { self[field, row] = 0 }
      self[.suffixSlot, row] = freeSuffixes[index]
      self[.complete, row] = 1
    }
  }
}
