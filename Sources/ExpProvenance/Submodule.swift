internal import CLibGit2

/// Repositories inside the work tree.
enum Submodule {
  /// The commit that a submodule has checked out; nil where it has none.
  static func checkedOut(_ path: [CChar], _ repository: borrowing Repository) -> git_oid? {
    var submodule: OpaquePointer?
    guard git_submodule_lookup(&submodule, repository.handle, path) == 0 else { return nil }
    defer { git_submodule_free(submodule) }
    return git_submodule_wd_id(submodule)?.pointee
  }

  /// Whether a submodule's own work tree or index differs from its commit.
  static func hasOpenChanges(_ path: [CChar], _ repository: borrowing Repository) -> Bool {
    var status: UInt32 = 0
    let code = git_submodule_status(
      &status, repository.handle, path, GIT_SUBMODULE_IGNORE_NONE)
    let open =
      GIT_SUBMODULE_STATUS_WD_INDEX_MODIFIED.rawValue
      | GIT_SUBMODULE_STATUS_WD_WD_MODIFIED.rawValue
      | GIT_SUBMODULE_STATUS_WD_UNTRACKED.rawValue
    // A submodule that cannot be looked into may hold anything.
    return code < 0 || status & open != 0
  }
}
