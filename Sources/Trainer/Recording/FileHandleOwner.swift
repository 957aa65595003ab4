internal import Glibc

/// An open file with one owner, closed when it goes.
package struct FileHandleOwner: ~Copyable {
  private let descriptor: Int32
  private let path: String

  /// Opens a file; `flags` are those of open(2), and what is created is readable by all.
  ///
  /// - Throws: `TrainerError` naming the path and the system's reason.
  package init(opening path: String, flags: Int32) throws {
    descriptor = open(path, flags | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw TrainerError.system("open", path) }
    self.path = path
  }

  deinit { close(descriptor) }

  /// Writes all bytes; what fits goes out in a single write(2).
  package borrowing func write(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw TrainerError.system("write", path) }
      done += count
    }
  }

  /// Reads from where the file stands to its end.
  package borrowing func readAll() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw TrainerError.system("read", path) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
    }
  }

  /// Waits until everything written is on the disk.
  package borrowing func synchronize() throws {
    guard fsync(descriptor) == 0 else { throw TrainerError.system("sync", path) }
  }

  /// Cuts the file to this many bytes.
  package borrowing func truncate(to length: Int) throws {
    guard ftruncate(descriptor, length) == 0 else { throw TrainerError.system("cut", path) }
  }

  /// Takes the file's lock without waiting; false where somebody holds it.
  package borrowing func tryLock() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }
}
