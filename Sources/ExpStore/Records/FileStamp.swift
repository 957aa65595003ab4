internal import ExpCore
internal import Glibc

/// What changes whenever a file does: size, time of the last change to the nanosecond, and inode.
struct FileStamp {
  /// The facts of the file; `-` where there is none.
  let text: String

  /// Looks at a path, which may be relative to an open folder: the way to each of many files is then short.
  init(of path: String, in folder: Int32 = AT_FDCWD) {
    var facts = stat()
    guard fstatat(folder, path, &facts, 0) == 0 else {
      text = "-"
      return
    }
    text = "\(facts.st_size):\(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec):\(facts.st_ino)"
  }

  /// Stands for all files of a folder with their names.
  init(folder: String) {
    let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else {
      text = "-"
      return
    }
    defer { close(directory) }
    var bytes: [UInt8] = []
    for name in RecordFile.names(in: folder) {
      var facts = stat()
      _ = fstatat(directory, name, &facts, 0)
      bytes += name.utf8
      // No file has this name, so a list of names and numbers can be read one way only.
      bytes.append(0)
      for number in [
        Int(facts.st_size), facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec, Int(facts.st_ino),
      ] {
        withUnsafeBytes(of: number) { bytes += $0 }
      }
    }
    text = bytes.isEmpty ? "-" : ContentHash(of: bytes).hex
  }
}
