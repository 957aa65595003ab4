internal import ExpCore

/// Keeps each section of the configurations once, with its canonical text.
///
/// The points of a grid differ in a few sections and share the others: stored once, ten thousand points stay
/// small, and their hashes need no text written twice.
struct SectionTexts {
  private struct Section {
    var value: JSONValue
    var text: String
  }

  /// What determines a base policy, with its identity.
  struct Base {
    var config: JSONValue
    var hash: ContentHash
  }

  /// A configuration whose seed is still open.
  struct Template {
    /// All sections but the seed.
    var members: [String: JSONValue]
    /// The canonical text before the seed's value.
    var before: String
    /// The canonical text behind it.
    var behind: String
    var base: Base
  }

  private var sections: [JSONValue: Section] = [:]
  private var bases: [String: Base] = [:]

  /// The keys that determine a base policy.
  private static let baseKeys: Set<String> = ["task", "model", "base"]

  /// Takes a configuration and gives it back with shared sections and an open seed.
  mutating func template(of config: JSONValue) -> Template {
    var members: [String: JSONValue] = [:]
    var texts: [(key: String, text: String)] = []
    for (key, value) in config.object ?? [:] where key != "seed" {
      let section = shared(value)
      members[key] = section.value
      texts.append((key, section.text))
    }
    let base = base(of: members, texts.filter { SectionTexts.baseKeys.contains($0.key) })
    let before = SectionTexts.members(texts.filter { $0.key < "seed" }).map { $0 + "," }
    let behind = SectionTexts.members(texts.filter { $0.key > "seed" }).map { "," + $0 }
    return Template(
      members: members, before: "{" + before.joined() + "\"seed\":",
      behind: behind.joined() + "}", base: base)
  }

  private mutating func base(
    of members: [String: JSONValue], _ texts: [(key: String, text: String)]
  ) -> Base {
    let text = SectionTexts.object(texts)
    if let known = bases[text] { return known }
    let base = Base(
      config: .object(members.filter { SectionTexts.baseKeys.contains($0.key) }),
      hash: ContentHash(of: text))
    bases[text] = base
    return base
  }

  private mutating func shared(_ value: JSONValue) -> Section {
    if let known = sections[value] { return known }
    let section = Section(value: value, text: value.canonicalJSON)
    sections[value] = section
    return section
  }

  /// The canonical text of an object whose members' texts are known; the sections' names are plain ASCII.
  private static func object(_ texts: [(key: String, text: String)]) -> String {
    "{\(members(texts).joined(separator: ","))}"
  }

  private static func members(_ texts: [(key: String, text: String)]) -> [String] {
    texts.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.text)" }
  }
}
