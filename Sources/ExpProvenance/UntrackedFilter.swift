internal import Glibc

/// Decides which untracked files a snapshot takes.
package struct UntrackedFilter: Sendable {
  /// What becomes of an untracked file.
  package enum Verdict: Sendable, Hashable {
    /// It goes into the snapshot.
    case take
    /// It stays out and is named.
    case leaveOut
    /// It does not count at all.
    case ignore
  }

  /// The largest untracked file that is taken, bytes.
  package static let largest = 10 << 20

  /// Excluded folders, relative to the work tree.
  private let excluded: [String]

  /// Takes absolute folders to exclude; those that do not lie below `root` have no effect.
  package init(root: String, excluding folders: [String]) {
    let base = UntrackedFilter.resolved(root)
    let prefix = base == "/" ? base : base + "/"
    // A folder that is a link counts by both its names: git sees the link.
    let names = folders.flatMap { [UntrackedFilter.resolved($0), UntrackedFilter.named($0)] }
    excluded = Set(names).compactMap { path in
      guard path.hasPrefix(prefix), path.utf8.count > prefix.utf8.count else { return nil }
      return String(path.dropFirst(prefix.count))
    }
  }

  /// Decides about a path relative to the work tree, of a file of so many bytes.
  package func verdict(_ path: String, bytes: Int) -> Verdict {
    if excluded.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) { return .ignore }
    return bytes > UntrackedFilter.largest || UntrackedFilter.looksSecret(path) ? .leaveOut : .take
  }

  /// Whether a name is one that keys, passwords and tokens are usually kept under.
  package static func looksSecret(_ path: String) -> Bool {
    let parts = path.lowercased().split(separator: "/")
    guard let name = parts.last else { return false }
    if parts.contains(where: { secretNames.contains(String($0)) }) { return true }
    if harmlessEndings.contains(where: { name.hasSuffix($0) }) { return false }
    return secretBeginnings.contains { name.hasPrefix($0) }
      || secretEndings.contains { name.hasSuffix($0) }
  }

  private static let secretNames: Set<String> = [
    ".env", ".envrc", ".ssh", ".aws", ".gnupg", ".kube", ".azure", ".netrc", "_netrc", ".npmrc",
    ".pypirc", ".pgpass", ".my.cnf", ".git-credentials", ".htpasswd", ".vault-token",
    "service-account.json", "service_account.json", "token", "token.txt",
  ]
  private static let secretBeginnings = [
    ".env.", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials", "secrets.", "secret.",
  ]
  private static let secretEndings = [
    ".env", ".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".token",
  ]
  private static let harmlessEndings = [".pub", ".example", ".sample", ".template"]

  /// Follows links as far as the path exists, so that two spellings of a folder compare equal.
  private static func resolved(_ path: String) -> String {
    if let real = realpath(path, nil) {
      defer { free(real) }
      return String(cString: real)
    }
    return named(path)
  }

  /// Follows the links of what holds a path, but keeps its last name.
  private static func named(_ path: String) -> String {
    let trimmed = withoutSlash(path)
    guard let slash = trimmed.lastIndex(of: "/"), slash != trimmed.startIndex else {
      return trimmed
    }
    return resolved(String(trimmed[..<slash])) + trimmed[slash...]
  }
}
