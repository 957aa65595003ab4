internal import CLibGit2
internal import Glibc

/// How the files on disk differ from the repository's index, and the index from the commit.
struct WorkingState {
  /// One path whose content on disk is not the index's.
  struct Change {
    /// What a snapshot does with it.
    enum Action {
      /// Stores the file or link with this mode.
      case store(mode: UInt32)
      /// Stores the commit that the submodule has checked out.
      case link
      /// Removes it.
      case remove
    }

    /// The path below the work tree as git has it: bytes with a NUL at the end.
    var path: [CChar]
    var action: Action
    var isTracked: Bool
  }

  /// What a snapshot has to change in the index's entries, in order of the path.
  private(set) var changes: [Change] = []
  /// Names of what no snapshot takes.
  private(set) var leftOut: [String] = []
  /// Every path that `git status` would name.
  private(set) var openPaths: [String] = []
  /// Whether the index differs from the commit.
  private(set) var hasStaged = false

  /// Whether the files on disk are those of the commit.
  var isClean: Bool { changes.isEmpty && !hasStaged }

  /// Compares disk, index and commit; writes nothing.
  init(
    of repository: borrowing Repository, head: Repository.Head?, filter: UntrackedFilter
  ) throws(ProvenanceError) {
    var index: OpaquePointer?
    try repository.check(git_repository_index(&index, repository.handle), "read the index")
    defer { git_index_free(index) }
    try compareDisk(repository, index, filter)
    try compareUnwatched(repository, index)
    try compareStaged(repository, index, head)
    openPaths = Set(openPaths).sorted()
    leftOut = Set(leftOut).sorted()
  }

  private mutating func compareDisk(
    _ repository: borrowing Repository, _ index: OpaquePointer?, _ filter: UntrackedFilter
  ) throws(ProvenanceError) {
    var options = git_diff_options()
    git_diff_options_init(&options, UInt32(GIT_DIFF_OPTIONS_VERSION))
    options.flags =
      GIT_DIFF_INCLUDE_UNTRACKED.rawValue | GIT_DIFF_RECURSE_UNTRACKED_DIRS.rawValue
      | GIT_DIFF_INCLUDE_TYPECHANGE.rawValue | GIT_DIFF_INCLUDE_UNREADABLE.rawValue
    // A configuration that hides a submodule's changes must not hide them from a pin.
    options.ignore_submodules = GIT_SUBMODULE_IGNORE_NONE
    var diff: OpaquePointer?
    let code = git_diff_index_to_workdir(&diff, repository.handle, index, &options)
    try repository.check(code, "compare the work tree")
    defer { git_diff_free(diff) }
    for position in 0..<git_diff_num_deltas(diff) {
      guard let delta = git_diff_get_delta(diff, position) else { continue }
      note(delta.pointee, repository, index, filter)
    }
  }

  private mutating func note(
    _ delta: git_diff_delta, _ repository: borrowing Repository, _ index: OpaquePointer?,
    _ filter: UntrackedFilter
  ) {
    guard let path = delta.new_file.path ?? delta.old_file.path else { return }
    let name = String(cString: path)
    let bytes = terminated(path)
    switch delta.status {
    case GIT_DELTA_UNMODIFIED, GIT_DELTA_IGNORED:
      return
    case GIT_DELTA_UNTRACKED:
      noteUntracked(bytes, name, repository, filter)
    case GIT_DELTA_UNREADABLE:
      if filter.verdict(name, bytes: 0) != .ignore { leftOut.append(name) }
    default:
      guard !isHidden(bytes, repository, index) else { return }
      openPaths.append(name)
      noteTracked(bytes, name, delta, repository)
    }
  }

  private mutating func noteUntracked(
    _ path: [CChar], _ name: String, _ repository: borrowing Repository, _ filter: UntrackedFilter
  ) {
    let file = FileFacts(path, below: repository.root)
    let verdict = filter.verdict(name, bytes: file?.bytes ?? 0)
    guard verdict != .ignore, let file else { return }
    // A folder is only named where it could not be entered: a repository of its own, or no permission.
    if file.mode == nil && !file.isFolder { return }
    openPaths.append(name)
    guard verdict == .take, let mode = file.mode, file.isReadable else {
      leftOut.append(name)
      return
    }
    changes.append(Change(path: path, action: .store(mode: mode), isTracked: false))
  }

  private mutating func noteTracked(
    _ path: [CChar], _ name: String, _ delta: git_diff_delta,
    _ repository: borrowing Repository
  ) {
    let file = FileFacts(path, below: repository.root)
    if UInt32(delta.old_file.mode) == FileMode.submodule, file?.isFolder == true {
      changes.append(Change(path: path, action: .link, isTracked: true))
      if Submodule.hasOpenChanges(path, repository) { leftOut.append(name) }
    } else if let mode = file?.mode {
      // libgit2's mode heeds `core.fileMode`; it has none for a file in conflict.
      let heeded = UInt32(delta.new_file.mode)
      let regular = FileMode.isRegular(mode) && FileMode.isRegular(heeded)
      changes.append(
        Change(path: path, action: .store(mode: regular ? heeded : mode), isTracked: true))
    } else {
      changes.append(Change(path: path, action: .remove, isTracked: true))
    }
  }

  /// Whether a missing file is one that a sparse checkout leaves out on purpose.
  private func isHidden(
    _ path: [CChar], _ repository: borrowing Repository, _ index: OpaquePointer?
  ) -> Bool {
    guard git_index_get_bypath(index, path, 0)?.pointee.isOutsideSparseCheckout == true
    else { return false }
    return FileFacts(path, below: repository.root) == nil
  }

  /// Looks at files that the user told git not to look at: a pin must be true whatever git was told.
  private mutating func compareUnwatched(
    _ repository: borrowing Repository, _ index: OpaquePointer?
  ) throws(ProvenanceError) {
    for position in 0..<git_index_entrycount(index) {
      guard let entry = git_index_get_byindex(index, position)?.pointee, let name = entry.path,
        entry.isAssumedUnchanged || entry.isOutsideSparseCheckout,
        entry.mode != FileMode.submodule
      else { continue }
      let path = terminated(name)
      let mode = FileFacts(path, below: repository.root)?.mode
      if let mode {
        guard try repository.hash(of: path) != entry.id.hex else { continue }
        changes.append(Change(path: path, action: .store(mode: mode), isTracked: true))
      } else {
        guard entry.isAssumedUnchanged else { continue }
        changes.append(Change(path: path, action: .remove, isTracked: true))
      }
      openPaths.append(String(cString: name))
    }
  }

  private mutating func compareStaged(
    _ repository: borrowing Repository, _ index: OpaquePointer?, _ head: Repository.Head?
  ) throws(ProvenanceError) {
    var tree: OpaquePointer?
    defer { git_tree_free(tree) }
    if let head {
      var commit: OpaquePointer?
      var id = head.id
      try repository.check(
        git_commit_lookup(&commit, repository.handle, &id), "read the checked-out commit")
      defer { git_commit_free(commit) }
      try repository.check(git_commit_tree(&tree, commit), "read the checked-out tree")
    }
    var diff: OpaquePointer?
    try repository.check(
      git_diff_tree_to_index(&diff, repository.handle, tree, index, nil), "compare the index")
    defer { git_diff_free(diff) }
    for position in 0..<git_diff_num_deltas(diff) {
      guard let delta = git_diff_get_delta(diff, position)?.pointee,
        let path = delta.new_file.path ?? delta.old_file.path
      else { continue }
      openPaths.append(String(cString: path))
    }
    hasStaged = git_diff_num_deltas(diff) > 0
  }
}
