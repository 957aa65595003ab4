internal import ExpCore

/// Keeps each section of the configurations once, with its canonical text.
///
/// The points of a grid differ in a few sections and share the others: stored once, ten thousand points stay
/// small, and their hashes need no text written twice.
struct SectionTexts {
  /// A configuration made of shared sections.
  struct Document {
    var config: JSONValue
    var hash: ContentHash
    var base: JSONValue
    var baseHash: ContentHash
  }

  /// A configuration whose seed is still open: configurations that differ in their seed alone share the rest.
  struct Template {
    fileprivate var members: [String: JSONValue]
    /// The canonical text before and behind the seed's value.
    fileprivate var before: String
    fileprivate var behind: String
    fileprivate var base: Base

    /// The configuration with a seed.
    func document(seed: JSONValue) -> Document {
      var members = members
      members["seed"] = seed
      return Document(
        config: .object(members), hash: ContentHash(of: before + seed.canonicalJSON + behind),
        base: base.config, baseHash: base.hash)
    }
  }

  private struct Section {
    var value: JSONValue
    var text: String
  }

  fileprivate struct Base {
    var config: JSONValue
    var hash: ContentHash
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
