internal import Foundation
internal import Glibc
internal import TrainerProtocol

/// `messages.log` in a sweep's folder: what was said while it ran, for those who look later or from elsewhere.
struct SweepMessages {
  /// A log that grew larger than this begins anew, its older half kept beside it.
  private static let limit = 16 << 20

  /// Where the log lies.
  static func path(of sweep: String, _ paths: RunPaths) -> String {
    "\(paths.sweep(sweep))/messages.log"
  }

  private let path: String

  init(of sweep: String, _ paths: RunPaths) { path = SweepMessages.path(of: sweep, paths) }

  /// Appends a message with its time; one that cannot be written stops no work.
  func append(_ text: String) {
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { return }
    defer { close(file) }
    if lseek(file, 0, SEEK_END) > SweepMessages.limit { rename(path, path + ".1") }
    let words = text.replacing("\n", with: " ")
    let line = Array("\(Date().formatted(.iso8601)) \(words)\n".utf8)
    _ = line.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
  }

  /// The size of the log now: where a follower begins.
  var size: Int {
    var facts = stat()
    return stat(path, &facts) == 0 ? Int(facts.st_size) : 0
  }

  /// Returns whole lines behind an offset, without their times, and the offset behind them.
  func lines(from offset: Int) -> (lines: [String], end: Int) {
    guard size > offset, let file = FileHandle(forReadingAtPath: path) else {
      // A log that began anew is read from its beginning.
      return ([], size < offset ? 0 : offset)
    }
    defer { try? file.close() }  // try?: nothing was written
    // try?: what cannot be read now is read at the next look.
    guard (try? file.seek(toOffset: UInt64(offset))) != nil,
      let data = try? file.read(upToCount: 1 << 20)
    else { return ([], offset) }
    // A line longer than that is passed over.
    guard let last = data.lastIndex(of: 0x0a) else {
      return ([], data.count == 1 << 20 ? offset + data.count : offset)
    }
    let whole = data[...last]
    let lines = whole.split(separator: 0x0a).map { line in
      let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 1)
      return words.count == 2 ? String(words[1]) : String(decoding: line, as: UTF8.self)
    }
    return (lines, offset + whole.count)
  }
}
