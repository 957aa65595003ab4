/// Prompts about to be read together, packed.
final class PromptRows {
  let tokens: PackedList<Int32>
  let positions: PackedList<Int32>
  let offsets: PackedList<Int64>
  /// The row of each prompt's last token, and the slot its keys and values go to.
  let lastRows: PackedList<Int32>
  let slots: PackedList<Int32>
  /// Key-query pairs that attention forms.
  private(set) var pairs = 0

  init(rows: Int) {
    tokens = PackedList(capacity: rows)
    positions = PackedList(capacity: rows)
    offsets = PackedList(capacity: rows + 1)
    lastRows = PackedList(capacity: rows)
    slots = PackedList(capacity: rows)
    removeAll()
  }

  var rowCount: Int { tokens.count }
  var promptCount: Int { slots.count }

  func removeAll() {
    tokens.removeAll()
    positions.removeAll()
    lastRows.removeAll()
    slots.removeAll()
    offsets.removeAll()
    offsets.append(0)
    pairs = 0
  }

  func append(_ prompt: [Int32], slot: Int32) {
    for (position, token) in prompt.enumerated() {
      tokens.append(token)
      positions.append(Int32(position))
    }
    lastRows.append(Int32(tokens.count - 1))
    offsets.append(Int64(tokens.count))
    slots.append(slot)
    pairs += prompt.count * (prompt.count + 1) / 2
  }
}
