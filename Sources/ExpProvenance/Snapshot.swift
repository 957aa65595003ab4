internal import CLibGit2
internal import Glibc

/// A working state as a commit that garbage collection keeps.
struct Snapshot {
  var commit: String
  var tree: String

  /// Writes the files that differ, the tree, the commit and its reference; where the tree is the checked-out
  /// commit's, that commit is the answer and no reference is written.
  static func write(
    _ state: WorkingState, of repository: borrowing Repository, head: Repository.Head?
  ) throws(ProvenanceError) -> Snapshot {
    var tree = try writeTree(state, repository)
    if let head, tree.hex == head.tree { return Snapshot(commit: head.commit, tree: head.tree) }
    var commit = try writeCommit(&tree, repository, head)
    try keep(&commit, repository)
    return Snapshot(commit: commit.hex, tree: tree.hex)
  }

  /// Builds the tree in an index that lives in memory only.
  private static func writeTree(
    _ state: WorkingState, _ repository: borrowing Repository
  ) throws(ProvenanceError) -> git_oid {
    var index: OpaquePointer?
    try repository.check(git_index_new(&index), "make a snapshot")
    defer { git_index_free(index) }
    try copyEntries(to: index, repository)
    for change in state.changes {
      try apply(change, to: index, repository)
    }
    var tree = git_oid()
    try repository.check(
      git_index_write_tree_to(&tree, index, repository.handle), "write the snapshot's tree")
    return tree
  }

  private static func copyEntries(
    to index: OpaquePointer?, _ repository: borrowing Repository
  ) throws(ProvenanceError) {
    var source: OpaquePointer?
    try repository.check(git_repository_index(&source, repository.handle), "read the index")
    defer { git_index_free(source) }
    for position in 0..<git_index_entrycount(source) {
      guard let entry = git_index_get_byindex(source, position) else { continue }
      // Sides of a conflict and announced names have no content of their own: the disk has it.
      guard git_index_entry_stage(entry) == 0, !entry.pointee.isIntentToAdd else { continue }
      try add(entry.pointee.path, entry.pointee.mode, entry.pointee.id, to: index, repository)
    }
  }

  private static func apply(
    _ change: WorkingState.Change, to index: OpaquePointer?, _ repository: borrowing Repository
  ) throws(ProvenanceError) {
    switch change.action {
    case .remove:
      let code = git_index_remove(index, change.path, 0)
      // A folder that a file replaced is gone from the index already.
      guard code != GIT_ENOTFOUND.rawValue else { return }
      try repository.check(code, "make a snapshot")
    case .link:
      guard let commit = Submodule.checkedOut(change.path, repository) else { return }
      try add(change.path, FileMode.submodule, commit, to: index, repository)
    case .store(let mode):
      var blob = git_oid()
      // Attributes apply here as in `git add`: line endings and the like.
      let code = git_blob_create_from_workdir(&blob, repository.handle, change.path)
      // An editor's passing file may be gone by now; a tracked one that goes meanwhile is worth a word.
      if code == GIT_ENOTFOUND.rawValue, !change.isTracked { return }
      try repository.check(
        code, "store '\(text(of: change.path))' in the snapshot")
      try add(change.path, mode, blob, to: index, repository)
    }
  }

  private static func add(
    _ path: UnsafePointer<CChar>, _ mode: UInt32, _ id: git_oid, to index: OpaquePointer?,
    _ repository: borrowing Repository
  ) throws(ProvenanceError) {
    var entry = git_index_entry()
    entry.path = path
    entry.mode = mode
    entry.id = id
    try repository.check(git_index_add(index, &entry), "make a snapshot")
  }

  private static func writeCommit(
    _ tree: inout git_oid, _ repository: borrowing Repository, _ head: Repository.Head?
  ) throws(ProvenanceError) -> git_oid {
    let action = "write the snapshot's commit"
    var signature: UnsafeMutablePointer<git_signature>?
    // No name, no clock: the same files on the same commit must give the same snapshot.
    try repository.check(
      git_signature_new(&signature, "exp", "exp@localhost", head?.time ?? 0, 0), action)
    defer { git_signature_free(signature) }
    var object: OpaquePointer?
    try repository.check(git_tree_lookup(&object, repository.handle, &tree), action)
    defer { git_tree_free(object) }
    var parent: OpaquePointer?
    defer { git_commit_free(parent) }
    if var id = head?.id {
      try repository.check(git_commit_lookup(&parent, repository.handle, &id), action)
    }
    var commit = git_oid()
    var parents = [parent]
    let code = git_commit_create(
      &commit, repository.handle, nil, signature, signature, nil,
      "exp: snapshot of the working state\n", object, head == nil ? 0 : 1, &parents)
    try repository.check(code, action)
    return commit
  }

  /// Makes the reference, unless it is there; another process may be making the same one.
  private static func keep(
    _ commit: inout git_oid, _ repository: borrowing Repository
  ) throws(ProvenanceError) {
    let name = "refs/exp/snapshots/\(commit.hex)"
    var code: Int32 = 0
    for _ in 0..<50 {
      var existing = git_oid()
      if git_reference_name_to_id(&existing, repository.handle, name) == 0 { return }
      var reference: OpaquePointer?
      code = git_reference_create(&reference, repository.handle, name, &commit, 0, nil)
      git_reference_free(reference)
      guard code == GIT_ELOCKED.rawValue || code == GIT_EEXISTS.rawValue else { break }
      usleep(20_000)
    }
    try repository.check(code, "write the reference '\(name)'")
  }
}
