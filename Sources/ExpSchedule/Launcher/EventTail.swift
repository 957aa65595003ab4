internal import FoundationEssentials
internal import Glibc
package import TrainerProtocol

/// Reads what is appended to `events.jsonl`, whole lines only, from a byte offset on.
package struct EventTail: Sendable {
  /// Bytes read at one time.
  package static let chunk = 256 << 10

  private let path: String
  private var offset: Int
  /// Whether the line at `offset` is longer than a chunk and is being passed over.
  private var skipsLine = false

  /// Starts at an offset, which must be the beginning of a line.
  package init(path: String, from offset: Int) {
    self.path = path
    self.offset = offset
  }

  /// Starts after the last whole line that is there now; a cut-off one behind it will be healed by the trainer.
  package init(path: String) {
    self.init(path: path, from: 0)
    // try?: before the first attempt there is no such file.
    guard let file = try? Descriptor(opening: path, O_RDONLY) else { return }
    var end = file.size
    while end > 0 {
      let start = max(0, end - EventTail.chunk)
      if let line = file.read(at: start, limit: end - start).lastIndex(of: 0x0a) {
        offset = start + line + 1
        return
      }
      end = start
    }
  }

  /// Reads one chunk and hands out its events; returns whether nothing whole is left.
  ///
  /// Lines that are no events are passed over. With `only`, lines that have none of these texts are not parsed.
  package mutating func read(only: [String] = [], _ body: (TrainEvent) -> Void) -> Bool {
    // try?: the file comes with the trainer's first event.
    guard let file = try? Descriptor(opening: path, O_RDONLY) else { return true }
    let bytes = file.read(at: offset, limit: min(EventTail.chunk, max(0, file.size - offset)))
    guard let last = bytes.lastIndex(of: 0x0a) else {
      guard bytes.count == EventTail.chunk else { return true }
      skipsLine = true
      offset += bytes.count
      return false
    }
    var lines = bytes[...last].split(separator: 0x0a, omittingEmptySubsequences: false)[...]
    if skipsLine { lines = lines.dropFirst() }
    skipsLine = false
    offset += last + 1
    let decoder = JSONDecoder()
    let marks = only.map { Array($0.utf8) }
    for line in lines where !line.isEmpty {
      guard marks.isEmpty || marks.contains(where: { line.contains($0) }) else { continue }
      // try?: a foreign or damaged line is passed over here; whoever imports the events reports it.
      if let event = try? decoder.decode(TrainEvent.self, from: Data(line)) { body(event) }
    }
    return bytes.count < EventTail.chunk
  }
}
