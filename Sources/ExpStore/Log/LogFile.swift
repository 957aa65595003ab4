internal import Glibc

/// An open event log, read in chunks; closed when it goes.
struct LogFile: ~Copyable {
  static let chunkBytes = 1 << 20

  private let file: Int32
  private let path: String
  private let buffer: UnsafeMutableRawBufferPointer
  /// The size when it was opened.
  let size: Int

  init(_ path: String) throws(StoreError) {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      throw StoreError(
        errno == ENOENT ? .notFound : .file,
        "'\(path)' cannot be read: \(String(cString: strerror(errno)))")
    }
    var facts = stat()
    guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
      close(file)
      throw StoreError(.file, "'\(path)' is not a regular file")
    }
    self.file = file
    self.path = path
    size = Int(facts.st_size)
    buffer = .allocate(byteCount: LogFile.chunkBytes, alignment: 16)
  }

  deinit {
    close(file)
    buffer.deallocate()
  }

  /// Starts reading at a byte.
  func seek(to offset: Int) { lseek(file, offset, SEEK_SET) }

  /// Feeds the next chunk to a log; false at the end.
  func readChunk(into log: inout RunLog) throws(StoreError) -> Bool {
    let bytes = try readChunk()
    log.append(bytes)
    return !bytes.isEmpty
  }

  /// At most `count` bytes of the file from an offset on.
  func bytes(from offset: Int, count: Int) -> [UInt8] {
    let read = pread(file, buffer.baseAddress, min(count, buffer.count), off_t(offset))
    return Array(buffer.prefix(max(read, 0)))
  }

  private func readChunk() throws(StoreError) -> UnsafeRawBufferPointer {
    while true {
      let count = read(file, buffer.baseAddress, buffer.count)
      if count >= 0 { return UnsafeRawBufferPointer(rebasing: buffer[..<count]) }
      guard errno == EINTR else {
        throw StoreError(.file, "'\(path)' cannot be read: \(String(cString: strerror(errno)))")
      }
    }
  }
}
