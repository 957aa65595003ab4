/// Why the state of a repository cannot be pinned.
public enum ProvenanceError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The repository has no work tree, so nothing in it could have been run.
  case bare(path: String)
  /// The repository belongs to another user, whose configuration must not be trusted.
  case notOwned(path: String)
  /// A clean tree was asked for, and these paths differ from the commit; `count` counts all of them.
  case dirty(root: String, paths: [String], count: Int)
  /// A clean tree was asked for, and the branch has no commit yet.
  case unborn(root: String)
  /// The repository uses a format that this library does not read.
  case unsupported(path: String, detail: String)
  /// Git's files are damaged, unreadable or not writable; `action` says what was tried.
  case failed(action: String, path: String, detail: String)

  /// What happened, where, and how to mend it.
  public var description: String {
    switch self {
    case .bare(let path):
      "the repository '\(path)' is bare: it has no work tree to pin\n"
        + "  help: put the spec into a clone or a worktree of it (git worktree add DIR)"
    case .notOwned(let path):
      "the repository of '\(path)' belongs to another user, and git's safety rule forbids its use\n"
        + "  help: git config --global --add safe.directory DIR, if you trust it"
    case .dirty(let root, let paths, let count):
      "the work tree '\(root)' is not clean: \(ProvenanceError.list(paths, of: count))\n"
        + "  help: commit or ignore these, or leave out --require-clean: a snapshot is pinned then"
    case .unborn(let root):
      "the work tree '\(root)' is not clean: its branch has no commit yet\n"
        + "  help: commit once, or leave out --require-clean: a snapshot is pinned then"
    case .unsupported(let path, let detail):
      "the repository of '\(path)' cannot be read: \(detail)\n"
        + "  help: use a clone in git's ordinary format (SHA-1 objects, reference files, full index)"
    case .failed(let action, let path, let detail):
      "cannot \(action) of the repository '\(path)': \(detail)\n"
        + "  help: see what 'git status' and 'git fsck' say there, and whether its files are yours "
        + "and the disk has room"
    }
  }

  private static func list(_ paths: [String], of count: Int) -> String {
    let more = count - paths.count
    let named = paths.map { "'\($0)'" }.joined(separator: ", ")
    return more > 0 ? "\(named) and \(more) more" : named
  }
}
