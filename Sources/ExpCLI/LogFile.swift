internal import Glibc

/// Reads a log that a person names: a file, or `-` for standard input; never a pipe or a device that may not end.
enum LogFile {
  /// Bytes that are read at most; reading takes about three times as much memory.
  static let limit = 1 << 30

  /// The name of a log in messages.
  static func name(_ path: String) -> String { path == "-" ? "stdin" : path }

  /// Reads all bytes; a failure has exit code 64.
  static func read(_ path: String) throws -> [UInt8] {
    guard path != "-" else {
      guard isatty(STDIN_FILENO) == 0 else {
        throw Failure(
          "standard input is the terminal: give it a CSV, as in 'exp fit --csv - < log.csv'",
          code: ExitStatus.usage)
      }
      return try bytes(of: STDIN_FILENO, name: "standard input")
    }
    // Without O_NONBLOCK a pipe that nobody writes to would never open.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Failure(
        "cannot read '\(path)': \(String(cString: strerror(errno)))", code: ExitStatus.usage)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      throw Failure(
        "'\(path)' is \(isFolder ? "a folder" : "a pipe or a device"), not a file"
          + (isFolder ? "" : "; 'exp fit --csv -' reads standard input"),
        code: ExitStatus.usage)
    }
    return try bytes(of: descriptor, name: "'\(path)'", expected: Int(status.st_size))
  }

  private static func bytes(
    of descriptor: Int32, name: String, expected: Int = 0
  ) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(max(expected, 0), limit) + 1)
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw Failure(
          "cannot read \(name): \(String(cString: strerror(errno)))", code: ExitStatus.usage)
      }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
      // A zero byte makes it no text; what follows, such as all of /dev/zero, changes nothing.
      if chunk[..<count].contains(0) { return bytes }
      guard bytes.count <= limit else {
        throw Failure("\(name) is larger than 1 GiB", code: ExitStatus.usage)
      }
    }
  }
}
