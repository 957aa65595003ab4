internal import CLibGit2
internal import Glibc

/// An open repository with a work tree; owns libgit2's handle.
struct Repository: ~Copyable {
  /// What is checked out.
  struct Head {
    var commit: String
    var tree: String
    var time: Int64
    var id: git_oid
  }

  let handle: OpaquePointer
  /// The work tree, without a slash at the end.
  let root: String

  /// Opens the repository that holds a path; nil where there is none.
  static func containing(_ path: String) throws(ProvenanceError) -> Repository? {
    git_libgit2_init()
    var handle: OpaquePointer?
    let code = git_repository_open_ext(&handle, folder(of: path), 0, nil)
    guard code == 0, let handle else {
      let detail = lastMessage()
      // libgit2 1.5 says "not found" of another user's repository where no `safe.directory` is set at all.
      let isConfiguration = git_error_last()?.pointee.klass == Int32(GIT_ERROR_CONFIG.rawValue)
      git_libgit2_shutdown()
      switch code {
      case GIT_ENOTFOUND.rawValue:
        guard isConfiguration else { return nil }
        throw .notOwned(path: path)
      case GIT_EOWNER.rawValue: throw .notOwned(path: path)
      default: throw .unsupported(path: path, detail: detail)
      }
    }
    guard git_repository_is_bare(handle) == 0, let root = git_repository_workdir(handle) else {
      let place = git_repository_path(handle).map { String(cString: $0) } ?? path
      git_repository_free(handle)
      git_libgit2_shutdown()
      throw .bare(path: place)
    }
    return Repository(handle: handle, root: withoutSlash(String(cString: root)))
  }

  private init(handle: OpaquePointer, root: String) {
    self.handle = handle
    self.root = root
  }

  deinit {
    git_repository_free(handle)
    git_libgit2_shutdown()
  }

  /// The commit that is checked out; nil on a branch without one.
  func head() throws(ProvenanceError) -> Head? {
    var id = git_oid()
    let code = git_reference_name_to_id(&id, handle, "HEAD")
    if code == GIT_ENOTFOUND.rawValue, git_repository_head_unborn(handle) == 1 { return nil }
    try check(code, "read the HEAD")
    var commit: OpaquePointer?
    try check(git_commit_lookup(&commit, handle, &id), "read the checked-out commit")
    defer { git_commit_free(commit) }
    guard let tree = git_commit_tree_id(commit) else {
      throw failure("read the checked-out commit")
    }
    return Head(
      commit: id.hex, tree: tree.pointee.hex, time: git_commit_time(commit), id: id)
  }

  /// The name of the branch, born or not; nil where HEAD is detached.
  func branch() throws(ProvenanceError) -> String? {
    var reference: OpaquePointer?
    try check(git_reference_lookup(&reference, handle, "HEAD"), "read the HEAD")
    defer { git_reference_free(reference) }
    guard let target = git_reference_symbolic_target(reference) else { return nil }
    let name = String(cString: target)
    let prefix = "refs/heads/"
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
  }

  /// The URL of `origin` as it is written in the configuration, without credentials; nil where there is none.
  func remoteURL() throws(ProvenanceError) -> String? {
    var configuration: OpaquePointer?
    try check(
      git_repository_config_snapshot(&configuration, handle), "read the configuration")
    defer { git_config_free(configuration) }
    var value: UnsafePointer<CChar>?
    // The remote's own URL would have `insteadOf` applied, which is where tokens hide.
    let code = git_config_get_string(&value, configuration, "remote.origin.url")
    guard code != GIT_ENOTFOUND.rawValue else { return nil }
    try check(code, "read the remote 'origin'")
    return value.map { RemoteURL.withoutCredentials(String(cString: $0)) }
  }

  /// The id that a file's content would have as a blob; links are followed.
  func hash(of path: [CChar]) throws(ProvenanceError) -> String {
    var id = git_oid()
    let code = git_repository_hashfile(&id, handle, path, GIT_OBJECT_BLOB, path)
    try check(code, "read '\(text(of: path))'")
    return id.hex
  }

  /// Turns a status of libgit2 into an error that says what was tried.
  func check(_ code: Int32, _ action: String) throws(ProvenanceError) {
    guard code >= 0 else { throw failure(action) }
  }

  /// The error for what libgit2 failed at last.
  func failure(_ action: String) -> ProvenanceError {
    .failed(action: action, path: root, detail: Repository.lastMessage())
  }

  private static func lastMessage() -> String {
    guard let message = git_error_last()?.pointee.message else { return "no reason given" }
    return String(cString: message)
  }

  private static func folder(of path: String) -> String {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR,
      let slash = path.lastIndex(of: "/")
    else { return path }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}

extension git_oid {
  /// The 40 hexadecimal digits.
  var hex: String {
    var copy = self
    var text = [CChar](repeating: 0, count: Int(GIT_OID_HEXSZ) + 1)
    git_oid_tostr(&text, text.count, &copy)
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// Takes one slash off the end, except where nothing else is left.
func withoutSlash(_ path: String) -> String {
  path.utf8.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
}
