internal import Glibc

/// Files that are either the old ones or the new ones, whole, whatever happens in between.
package enum DurableFile {
  /// Writes pieces one after the other: to a temporary name, synced, renamed, the folder synced.
  ///
  /// - Throws: `TrainerError` with the system's reason; the file that stood there is then untouched.
  package static func write(_ pieces: [UnsafeRawBufferPointer], to path: String) throws {
    let temporary = path + ".partial"
    do {
      let file = try FileHandleOwner(opening: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC)
      for piece in pieces { try file.write(piece) }
      try file.synchronize()
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path) == 0 else { throw TrainerError.system("rename", temporary) }
    try synchronizeFolder(of: path)
  }

  /// Writes a text so.
  package static func write(_ text: String, to path: String) throws {
    try Array(text.utf8).withUnsafeBytes { try write([$0], to: path) }
  }

  private static func synchronizeFolder(of path: String) throws {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let handle = try FileHandleOwner(
      opening: folder.isEmpty ? "/" : folder, flags: O_RDONLY | O_DIRECTORY)
    try handle.synchronize()
  }
}
