internal import ExpCore
internal import Glibc

/// The text of one file, known to be UTF-8 without characters that YAML forbids.
struct SourceText: Sendable {
  /// The largest file that is read: 1 MiB.
  static let largestFile = 1 << 20

  var path: String
  var text: String

  /// The lines as libyaml counts them: it breaks at CR, LF, CR LF, NEL, LS and PS.
  static func lines(of text: String) -> [String] {
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var previous: Unicode.Scalar = " "
    for scalar in text.unicodeScalars {
      if isBreak(scalar) {
        if scalar != "\n" || previous != "\r" {
          lines.append(String(line))
          line = String.UnicodeScalarView()
        }
      } else {
        line.append(scalar)
      }
      previous = scalar
    }
    lines.append(String(line))
    return lines
  }

  /// One line, counted from 1; nil where there are fewer.
  static func line(_ number: Int, of text: String) -> String? {
    let lines = lines(of: text)
    return lines.indices.contains(number - 1) ? lines[number - 1] : nil
  }

  /// Whether libyaml begins a new line after this character.
  static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0xa, 0xd, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }
}

/// Why a file cannot be read, as the end of a sentence that began with its name.
struct FileError: Error {
  var reason: String
}

/// A file's identity, equal for two paths that lead to one file.
struct FileIdentity: Hashable {
  var device: UInt64
  var number: UInt64
}

/// Reads a whole regular file of at most `SourceText.largestFile` bytes.
///
/// It is opened without blocking, so that a pipe does not hang, and judged by what was opened.
func readRegularFile(_ path: String) throws(FileError) -> (bytes: [UInt8], identity: FileIdentity) {
  guard !path.utf8.contains(0) else { throw FileError(reason: "the path has a NUL") }
  let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
  guard descriptor >= 0 else { throw FileError(reason: errorText(errno)) }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw FileError(reason: errorText(errno)) }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw FileError(reason: "it is not a regular file")
  }
  let most = SourceText.largestFile
  var bytes = [UInt8](repeating: 0, count: most + 1)
  var count = 0
  while count <= most {
    let got = bytes.withUnsafeMutableBytes { buffer in
      read(descriptor, buffer.baseAddress?.advanced(by: count), most + 1 - count)
    }
    if got < 0, errno == EINTR { continue }
    guard got >= 0 else { throw FileError(reason: errorText(errno)) }
    if got == 0 { break }
    count += got
  }
  guard count <= most else { throw FileError(reason: "it is larger than 1 MiB") }
  bytes.removeSubrange(count...)
  let identity = FileIdentity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
  return (bytes, identity)
}

private func errorText(_ code: Int32) -> String {
  switch code {
  case ENOENT: "there is no such file"
  case EACCES: "permission is denied"
  case EISDIR: "it is not a regular file"
  default: String(cString: strerror(code))
  }
}
