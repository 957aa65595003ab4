/// Addresses of remotes, without what must not be written down.
package enum RemoteURL {
  /// Takes user names, passwords, tokens and queries out of an address; ssh keeps its user, which is no secret.
  package static func withoutCredentials(_ address: String) -> String {
    guard let mark = address.firstRange(of: "://") else { return shortForm(address) }
    let scheme = address[..<mark.lowerBound].lowercased()
    var rest = address[mark.upperBound...]
    let isSSH = scheme == "ssh" || scheme == "git+ssh" || scheme == "ssh+git"
    if scheme != "file", !isSSH, let query = rest.firstIndex(where: { $0 == "?" || $0 == "#" }) {
      rest = rest[..<query]
    }
    let authority = authorityEnd(of: rest)
    guard let at = rest[..<authority].lastIndex(of: "@") else {
      return String(address[..<mark.upperBound] + rest)
    }
    let host = rest[rest.index(after: at)...]
    let user = rest[..<at].prefix { $0 != ":" }
    return "\(address[..<mark.upperBound])\(isSSH ? "\(user)@" : "")\(host)"
  }

  /// Finds where the host ends: at the first slash, unless what precedes it is a password that holds one.
  private static func authorityEnd(of rest: Substring) -> Substring.Index {
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let authority = rest[..<slash]
    guard !authority.contains("@"), let colon = authority.lastIndex(of: ":"),
      !authority.hasPrefix("["), let at = rest.lastIndex(of: "@"),
      !authority[authority.index(after: colon)...].allSatisfy(\.isNumber)
    else { return slash }
    return rest[at...].firstIndex(of: "/") ?? rest.endIndex
  }

  /// `user@host:path` as ssh writes it keeps its user; a password in it goes.
  private static func shortForm(_ address: String) -> String {
    let host = address.prefix { $0 != "/" }
    guard let at = host.lastIndex(of: "@"), let colon = host[..<at].firstIndex(of: ":") else {
      return address
    }
    return String(address[..<colon] + address[at...])
  }
}
