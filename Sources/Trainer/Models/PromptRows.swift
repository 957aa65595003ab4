import TrainerTensor

/// Prompts about to be read together, packed.
final class PromptRows {
  let tokens: PackedList<Int32>
  let positions: PackedList<Int32>
  let offsets: PackedList<Int64>
  /// The row of each prompt's last token, and the slot its keys and values go to.
  let lastRows: PackedList<Int32>
  let slots: PackedList<Int32>
  private let plan: PackedList<UInt8>
  private let device: Device
  /// Key-query pairs that attention forms.
  private(set) var pairs = 0

  init(rows: Int, device: Device) {
    self.device = device
    tokens = PackedList(capacity: rows, on: device)
    positions = PackedList(capacity: rows, on: device)
    offsets = PackedList(capacity: rows + 1)
    lastRows = PackedList(capacity: rows, on: device)
    slots = PackedList(capacity: rows, on: device)
    plan = PackedList(capacity: 1, on: device)
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

  /// Brings the lists to the device; returns the prompts as attention sees them.
  func upload() -> PackedSequences {
    for list in [tokens, positions, lastRows, slots] { list.upload() }
    let offsets = UnsafePointer(offsets.base)
    let sequences = PackedSequences(offsets: offsets, count: promptCount)
    let bytes = device.planBytes(sequences)
    if bytes > 0 {
      plan.resize(bytes)
      device.plan(sequences, into: plan.base)
      plan.upload()
    }
    return PackedSequences(
      offsets: offsets, count: promptCount, plan: UnsafePointer(plan.onDevice))
  }
}
