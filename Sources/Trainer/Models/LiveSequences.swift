/// The sequences being sampled: parallel lists without gaps, and the slots of their keys and values.
final class LiveSequences {
  /// Which answer each row is: prompt * samples + sample.
  let answer: PackedList<Int32>
  /// Tokens of the answer so far.
  let length: PackedList<Int32>
  let prefixSlot: PackedList<Int32>
  let prefixLength: PackedList<Int32>
  let suffixSlot: PackedList<Int32>
  /// Tokens of the answer whose keys are cached.
  let suffixLength: PackedList<Int32>
  /// The token to be fed next, and its position.
  let token: PackedList<Int32>
  let position: PackedList<Int32>
  /// Drawn for the next token.
  let uniform: PackedList<Double>

  private var freeSuffixes: [Int32] = []
  private var freePrefixes: [Int32] = []
  private var prefixUsers: [Int]

  init(capacity: Int) {
    answer = PackedList(capacity: capacity)
    length = PackedList(capacity: capacity)
    prefixSlot = PackedList(capacity: capacity)
    prefixLength = PackedList(capacity: capacity)
    suffixSlot = PackedList(capacity: capacity)
    suffixLength = PackedList(capacity: capacity)
    token = PackedList(capacity: capacity)
    position = PackedList(capacity: capacity)
    uniform = PackedList(capacity: capacity)
    // One prompt more than answers: the one whose next samples still wait.
    prefixUsers = Array(repeating: 0, count: capacity + 1)
    freeSuffixes.reserveCapacity(capacity)
    freePrefixes.reserveCapacity(capacity + 1)
    removeAll()
  }

  var count: Int { answer.count }
  var freeCount: Int { freeSuffixes.count }

  func removeAll() {
    truncate(to: 0)
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
    answer.append(Int32(index))
    length.append(0)
    prefixSlot.append(prefix)
    prefixLength.append(Int32(tokens))
    suffixSlot.append(slot)
    suffixLength.append(0)
    token.append(0)
    position.append(Int32(tokens))
    uniform.append(0)
  }

  /// Gives back the slots of a row; `move` then fills its place.
  func release(_ row: Int) {
    freeSuffixes.append(suffixSlot[row])
    releasePrefix(prefixSlot[row])
  }

  /// Puts a row in the place of an earlier one.
  func move(_ row: Int, to place: Int) {
    guard row != place else { return }
    answer[place] = answer[row]
    length[place] = length[row]
    prefixSlot[place] = prefixSlot[row]
    prefixLength[place] = prefixLength[row]
    suffixSlot[place] = suffixSlot[row]
    suffixLength[place] = suffixLength[row]
    token[place] = token[row]
    position[place] = position[row]
  }

  /// Drops the rows from `count` on.
  func truncate(to count: Int) {
    let surplus = answer.count - count
    for list in [
      answer, length, prefixSlot, prefixLength, suffixSlot, suffixLength, token, position,
    ] { list.removeLast(surplus) }
    uniform.removeLast(surplus)
  }
}
