internal import Glibc

/// A file of lines that is only ever appended to, each line by a single write.
package struct LineLog: ~Copyable {
  private let file: FileHandleOwner

  /// Opens the file, making it if need be; a last line that was cut off is removed first.
  ///
  /// A line without its end was never whole for any reader, so removing it loses nothing.
  package init(path: String) throws {
    let file = try FileHandleOwner(opening: path, flags: O_WRONLY | O_CREAT | O_APPEND)
    let content = try LineLog.content(path)
    if let last = content.last, last != UInt8(ascii: "\n") {
      let kept = content.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      try file.truncate(to: kept)
    }
    self.file = file
  }

  /// Appends a line.
  package borrowing func append(_ line: String) throws {
    try Array((line + "\n").utf8).withUnsafeBytes { try file.write($0) }
  }

  /// Waits until every line is on the disk.
  package borrowing func synchronize() throws { try file.synchronize() }

  /// Returns the whole lines of a file; none where there is no file.
  package static func lines(_ path: String) throws -> [ArraySlice<UInt8>] {
    guard access(path, F_OK) == 0 else { return [] }
    let content = try content(path)
    guard let end = content.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
    return content[..<end].split(separator: UInt8(ascii: "\n"))
  }

  private static func content(_ path: String) throws -> [UInt8] {
    try FileHandleOwner(opening: path, flags: O_RDONLY).readAll()
  }
}
