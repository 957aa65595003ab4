/// What has become of a run.
public enum RunState: String, Sendable, Hashable, Codable, CodingKeyRepresentable, CaseIterable {
  case pending
  case running
  case succeeded
  case failed
  case cancelled
  case timedOut = "timed_out"
  case pruned
  case lost

  /// Whether nothing more will happen to it unless somebody asks.
  public var isFinished: Bool { self != .pending && self != .running }
}

/// The id of a run or of a base policy: the first 16 hexadecimal digits of what determines it.
public struct RunID: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  /// The digits as a number: a million ids take no memory of their own and are found fast.
  private let word: UInt64

  /// 16 lower-case hexadecimal digits, made anew each time.
  public var text: String { HexDigits.text(of: word) }

  /// Derives the id of what a configuration, the trainer's sources and the inputs determine.
  ///
  /// Two runs with one id compute the same numbers, so one of them is enough.
  public init(configHash: ContentHash, sourceFingerprint: ContentHash, inputs: [ContentHash]) {
    let parts = [configHash, sourceFingerprint] + inputs
    word = ContentHash(of: parts.map(\.hex).joined(separator: "\n")).first
  }

  /// Takes an id that was written down; nil unless it is 16 lower-case hexadecimal digits, so that no id leaves `runs/`.
  public init?(text: String) {
    guard let words = HexDigits.words(text, count: 1) else { return nil }
    word = words[0]
  }

  /// Reads an id; anything but 16 hexadecimal digits is corrupt.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let id = RunID(text: text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not a run id (16 hexadecimal digits)")
    }
    self = id
  }

  /// Writes the digits.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  /// The digits.
  public var description: String { text }

  /// Orders by digits.
  public static func < (left: RunID, right: RunID) -> Bool { left.word < right.word }
}
