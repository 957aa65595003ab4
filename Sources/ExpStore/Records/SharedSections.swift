internal import ExpCore
internal import FoundationEssentials
internal import Synchronization

/// The sections of many configurations while they are decoded: those that are equal take memory once.
final class SharedSections: Sendable {
  private static let key = CodingUserInfoKey(rawValue: "shared sections")
  private let known = Mutex<Set<JSONValue>>([])

  /// What a decoder was given for this.
  static func of(_ decoder: any Decoder) -> SharedSections? {
    key.flatMap { decoder.userInfo[$0] as? SharedSections }
  }

  /// Makes a decoder share what it decodes.
  func attach(to decoder: JSONDecoder) {
    if let key = SharedSections.key { decoder.userInfo[key] = self }
  }

  /// The configuration made of sections that are kept already where they are equal.
  func share(_ config: JSONValue) -> JSONValue {
    guard case .object(let sections) = config else { return config }
    return .object(
      sections.mapValues { section in
        known.withLock { $0.insert(section).memberAfterInsert }
      })
  }
}
