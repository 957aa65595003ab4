internal import CLibGit2
internal import Glibc

/// The modes that git knows.
enum FileMode {
  static let plain = GIT_FILEMODE_BLOB.rawValue
  static let executable = GIT_FILEMODE_BLOB_EXECUTABLE.rawValue
  static let symbolicLink = GIT_FILEMODE_LINK.rawValue
  static let submodule = GIT_FILEMODE_COMMIT.rawValue

  static func isRegular(_ mode: UInt32) -> Bool { mode == plain || mode == executable }
}

/// What the file system says about a path of the work tree, links not followed.
struct FileFacts {
  /// The mode git would record; nil for what git does not record, such as folders and pipes.
  var mode: UInt32?
  var isFolder: Bool
  /// Whether this process may read the content.
  var isReadable: Bool
  var bytes: Int

  /// Looks at a path below `root`; nil where nothing is there.
  init?(_ path: [CChar], below root: String) {
    // Paths are bytes: a name that is not UTF-8 must still reach its file.
    let full = [CChar](root.utf8CString.dropLast()) + [CChar(bitPattern: UInt8(ascii: "/"))] + path
    var status = stat()
    guard lstat(full, &status) == 0 else { return nil }
    let kind = status.st_mode & S_IFMT
    isFolder = kind == S_IFDIR
    bytes = Int(status.st_size)
    switch kind {
    case S_IFREG: mode = status.st_mode & S_IXUSR != 0 ? FileMode.executable : FileMode.plain
    case S_IFLNK: mode = FileMode.symbolicLink
    default: mode = nil
    }
    isReadable = kind != S_IFREG || access(full, R_OK) == 0
  }
}

/// Copies a C string with its NUL.
func terminated(_ text: UnsafePointer<CChar>) -> [CChar] {
  Array(UnsafeBufferPointer(start: text, count: strlen(text) + 1))
}

/// The text of a C string; bytes that are not UTF-8 become replacement characters.
func text(of path: [CChar]) -> String {
  String(decoding: path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

extension git_index_entry {
  /// Whether `git update-index --assume-unchanged` was told of it.
  var isAssumedUnchanged: Bool { UInt32(flags) & GIT_INDEX_ENTRY_VALID.rawValue != 0 }

  /// Whether a sparse checkout leaves it out of the work tree.
  var isOutsideSparseCheckout: Bool {
    UInt32(flags_extended) & GIT_INDEX_ENTRY_SKIP_WORKTREE.rawValue != 0
  }

  /// Whether only its name was announced, by `git add --intent-to-add`.
  var isIntentToAdd: Bool {
    UInt32(flags_extended) & GIT_INDEX_ENTRY_INTENT_TO_ADD.rawValue != 0
  }
}
