import Foundation
import TestSupport
import Testing

/// A repository in a temporary folder, driven through the real `git`.
struct TestRepository {
  struct GitFailed: Error, CustomStringConvertible {
    let description: String
  }

  let root: String

  /// Makes a repository with one commit: `a.txt`, `run.sh` (executable), `link`, `dir/b.txt`, `.gitignore`.
  static func with<Result>(_ body: (TestRepository) throws -> Result) throws -> Result {
    try withTemporaryFolder("exp-git") { folder in
      // The library gives real paths; a temporary folder may lie behind a link.
      let real = URL(filePath: folder).resolvingSymlinksInPath().path
      let repository = TestRepository(root: real + "/project")
      try FileManager.default.createDirectory(
        atPath: repository.root, withIntermediateDirectories: true)
      try repository.git("init", "-q", "-b", "main")
      try repository.write("a.txt", "one\n")
      try repository.write("run.sh", "#!/bin/sh\n", executable: true)
      try repository.link("link", to: "a.txt")
      try repository.write("dir/b.txt", "two\n")
      try repository.write(".gitignore", "*.log\nbuild/\n")
      try repository.commit("first")
      return try body(repository)
    }
  }

  static func environment(home: String) -> [String: String] {
    [
      "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": home,
      "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@localhost", "GIT_COMMITTER_NAME": "t",
      "GIT_COMMITTER_EMAIL": "t@localhost", "GIT_AUTHOR_DATE": "1700000000 +0200",
      "GIT_COMMITTER_DATE": "1700000001 +0200", "LC_ALL": "C",
    ]
  }

  @discardableResult
  func git(_ arguments: String..., in folder: String? = nil) throws -> String {
    let always = ["-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false"]
    let result = try runTool(
      "git", always + arguments, in: folder ?? root,
      environment: TestRepository.environment(home: root + "/.."))
    guard result.status == 0 else {
      throw GitFailed(description: "git \(arguments): \(result.status)\n\(result.errors)")
    }
    return result.output.hasSuffix("\n") ? String(result.output.dropLast()) : result.output
  }

  func commit(_ message: String) throws {
    try git("add", "-A")
    try git("commit", "-q", "--allow-empty", "-m", message)
  }

  func write(_ path: String, _ text: String, executable: Bool = false) throws {
    let full = "\(root)/\(path)"
    let folder = URL(filePath: full).deletingLastPathComponent().path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: URL(filePath: full))
    try FileManager.default.setAttributes(
      [.posixPermissions: executable ? 0o755 : 0o644], ofItemAtPath: full)
  }

  func link(_ path: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(
      atPath: "\(root)/\(path)", withDestinationPath: target)
  }

  func remove(_ path: String) throws {
    try FileManager.default.removeItem(atPath: "\(root)/\(path)")
  }

  /// Paths of a commit, one `mode path` each.
  func files(of commit: String) throws -> [String] {
    try git("ls-tree", "-r", "--format=%(objectmode) %(path)", commit)
      .split(separator: "\n").map(String.init)
  }

  var snapshotReferences: [String] {
    get throws {
      try git("for-each-ref", "--format=%(refname) %(objectname)", "refs/exp")
        .split(separator: "\n").map(String.init)
    }
  }

  /// Every file below a folder with its mode and content, as one text each.
  static func photograph(
    _ folder: String, leaveOut: (String) -> Bool = { _ in false }
  ) throws -> [String: String] {
    var picture: [String: String] = [:]
    let files = FileManager.default
    for path in try files.subpathsOfDirectory(atPath: folder) where !leaveOut(path) {
      let full = "\(folder)/\(path)"
      let facts = try files.attributesOfItem(atPath: full)
      let mode = facts[.posixPermissions] as? Int ?? 0
      switch facts[.type] as? FileAttributeType {
      case .typeSymbolicLink?:
        picture[path] = "link \(try files.destinationOfSymbolicLink(atPath: full))"
      case .typeRegular?:
        let content = try Data(contentsOf: URL(filePath: full)).base64EncodedString()
        picture[path] = "\(mode & 0o111 != 0 ? "executable" : "plain") \(content)"
      default:
        continue
      }
    }
    return picture
  }

  /// All that a snapshot must not touch: the work tree, and all of git's files but objects and our references.
  func photographUntouchable() throws -> [String: String] {
    let index = try FileManager.default.attributesOfItem(atPath: "\(root)/.git/index")
    var picture = try TestRepository.photograph(root) {
      $0.hasPrefix(".git/objects/") || $0.hasPrefix(".git/refs/exp/")
    }
    picture["time of the index"] = "\(index[.modificationDate] as? Date ?? .distantPast)"
    return picture
  }
}
