internal import ExpCore
internal import Glibc

/// What changes whenever a file does: size, time of the last change to the nanosecond, and inode.
struct FileStamp {
  /// The facts of the file; `-` where there is none.
  let text: String

  init(of path: String) {
    var facts = stat()
    guard stat(path, &facts) == 0 else {
      text = "-"
      return
    }
    text = "\(facts.st_size):\(facts.st_mtim.tv_sec).\(facts.st_mtim.tv_nsec):\(facts.st_ino)"
  }

  /// Stands for all files of a folder with their names.
  init(folder: String) {
    let parts = RecordFile.names(in: folder).map {
      "\($0) \(FileStamp(of: "\(folder)/\($0)").text)"
    }
    text = parts.isEmpty ? "-" : ContentHash(of: parts.joined(separator: "\n")).hex
  }
}
