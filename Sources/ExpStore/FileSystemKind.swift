internal import Glibc

/// The file system that a folder lies on, as far as SQLite cares.
enum FileSystemKind {
  /// File systems that other machines may write too, by the kernel's names for them.
  private static let network: Set<String> = [
    "nfs", "nfs3", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "coda", "ceph", "lustre", "gpfs",
    "beegfs", "gfs2", "ocfs2", "panfs", "ncpfs", "pvfs2", "orangefs", "glusterfs", "virtiofs",
  ]

  /// The network file system that a folder lies on; nil for a local one, or where it cannot be told.
  static func networkName(of folder: String) -> String? {
    guard let resolved = realpath(folder, nil) else { return nil }
    defer { free(resolved) }
    // try?: without the kernel's list the file system is taken for a local one, as nearly all are.
    guard let mounts = try? procText("/proc/self/mountinfo") else { return nil }
    return networkName(of: String(cString: resolved), mountinfo: mounts)
  }

  /// Finds the mount with the longest path above `folder` in a text of the form of proc(5)'s `mountinfo`.
  static func networkName(of folder: String, mountinfo: String) -> String? {
    var best: (length: Int, type: Substring)?
    for line in mountinfo.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count > 6, let dash = fields[6...].firstIndex(of: "-"), dash + 1 < fields.count
      else { continue }
      let mount = unescaped(fields[4])
      let isAbove = mount == "/" || folder == mount || folder.hasPrefix(mount + "/")
      // Of two mounts on one place the later hides the earlier.
      if isAbove, mount.utf8.count >= best?.length ?? 0 {
        best = (mount.utf8.count, fields[dash + 1])
      }
    }
    guard let type = best.map({ String($0.type) }) else { return nil }
    return network.contains(type) || type.hasPrefix("fuse.") ? type : nil
  }

  /// Undoes the octal escapes of blanks in a mount's path.
  private static func unescaped(_ text: Substring) -> String {
    guard text.contains("\\") else { return String(text) }
    var result = ""
    var rest = text
    while let first = rest.first {
      let digits = rest.dropFirst().prefix(3)
      if first == "\\", digits.count == 3, let byte = UInt8(digits, radix: 8) {
        result.unicodeScalars.append(Unicode.Scalar(byte))
        rest = rest.dropFirst(4)
      } else {
        result.append(first)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  /// Reads a file of /proc, whose size is not known before.
  private static func procText(_ path: String) throws(StoreError) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw StoreError(.file, "'\(path)' cannot be read") }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(file, &chunk, chunk.count)
      guard count > 0, bytes.count < 16 << 20 else { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension Store {
  /// Names the network file system that a folder lies on, from a text of the form of proc(5)'s `mountinfo`.
  package static func networkFileSystem(of folder: String, mountinfo: String) -> String? {
    FileSystemKind.networkName(of: folder, mountinfo: mountinfo)
  }
}
