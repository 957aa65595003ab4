public import ExpCore

/// The facts a number comes from: the state of the sources, the machine, the environment.
public enum Provenance {
  /// Pins the working state of the git repository that holds a path; nil where there is no repository.
  ///
  /// Where the files are those of the checked-out commit, the pin is that commit and nothing is written.
  /// Otherwise the whole working state (what is tracked, and what is neither tracked nor ignored) becomes
  /// a commit under `refs/exp/snapshots/` whose parent is the checked-out one. Index, work tree, branches,
  /// HEAD, stash and logs are not touched. The same files on the same commit give the same snapshot.
  ///
  /// Left out of a snapshot, and named in `leftOut`: untracked files that look secret or exceed 10 MiB,
  /// what cannot be read, repositories inside that are no submodules, and changes inside submodules
  /// (which are kept as the commit they have checked out).
  /// - Parameters:
  ///   - path: An absolute path of a file or folder.
  ///   - requireClean: Whether to refuse, instead of writing a snapshot.
  ///   - excluding: Absolute paths of folders whose untracked files never count, such as `runs/`.
  /// - Returns: The pin; nil where no folder above the path is a repository.
  /// - Throws: `ProvenanceError` where the repository is bare, another user's, or not readable; and with
  ///   `requireClean` where `git status` would not be silent.
  public static func pin(
    containing path: String, requireClean: Bool, excluding: [String] = []
  ) throws(ProvenanceError) -> SourcePin? {
    guard let repository = try Repository.containing(path) else { return nil }
    let head = try repository.head()
    let filter = UntrackedFilter(root: repository.root, excluding: excluding)
    let state = try WorkingState(of: repository, head: head, filter: filter)
    if requireClean { try requireNothingOpen(state, head, repository.root) }
    var pin = SourcePin(
      commit: head?.commit ?? "", tree: head?.tree ?? "", head: head?.commit,
      branch: try repository.branch(), remote: try repository.remoteURL(), snapshot: false,
      root: repository.root, leftOut: state.leftOut)
    if head == nil || !state.isClean {
      let snapshot = try Snapshot.write(state, of: repository, head: head)
      pin.commit = snapshot.commit
      pin.tree = snapshot.tree
      pin.snapshot = snapshot.commit != head?.commit
    }
    return pin
  }

  /// Says in one line which repository holds a path, and in what state it is; nil where there is none.
  ///
  /// Writes nothing. `FOLDER on main at 0123456789ab, 2 paths changed`.
  /// - Returns: The line; nil where no folder above the path is a repository.
  /// - Throws: `ProvenanceError` as `pin`.
  public static func repository(
    containing path: String, excluding: [String] = []
  ) throws(ProvenanceError) -> String? {
    guard let repository = try Repository.containing(path) else { return nil }
    let head = try repository.head()
    let filter = UntrackedFilter(root: repository.root, excluding: excluding)
    let state = try WorkingState(of: repository, head: head, filter: filter)
    let place = try repository.branch().map { "on \($0)" } ?? "on no branch"
    let commit = head.map { "at \($0.commit.prefix(12))" } ?? "without a commit"
    let count = state.openPaths.count
    let changes = count == 0 ? "clean" : count == 1 ? "1 path changed" : "\(count) paths changed"
    return "\(repository.root) \(place) \(commit), \(changes)"
  }

  private static func requireNothingOpen(
    _ state: WorkingState, _ head: Repository.Head?, _ root: String
  ) throws(ProvenanceError) {
    guard head != nil else { throw .unborn(root: root) }
    let paths = state.openPaths
    guard paths.isEmpty else {
      throw .dirty(root: root, paths: Array(paths.prefix(5)), count: paths.count)
    }
  }
}
