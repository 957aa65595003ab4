internal import Crypto

/// A SHA-256: what points, runs, inputs and checkpoints are named by.
public struct ContentHash: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  // Four words in the value itself: a plan holds hundreds of thousands of hashes, compares them and looks them up.
  let first: UInt64
  let second: UInt64
  let third: UInt64
  let fourth: UInt64

  /// 64 lower-case hexadecimal digits, made anew each time.
  public var hex: String { HexDigits.text(of: first, second, third, fourth) }

  /// Hashes bytes.
  public init(of bytes: some Sequence<UInt8>) {
    var hasher = SHA256()
    if bytes.withContiguousStorageIfAvailable({ hasher.update(bufferPointer: .init($0)) }) == nil {
      hasher.update(data: Array(bytes))
    }
    self.init(hasher.finalize())
  }

  /// Hashes the UTF-8 of a text.
  public init(of text: String) { self.init(of: text.utf8) }

  /// Hashes the canonical JSON of a document.
  public init(of document: JSONValue) { self.init(of: document.canonicalJSON) }

  /// Hashes raw memory, such as a checkpoint's payload.
  public init(of buffer: UnsafeRawBufferPointer) {
    var hasher = SHA256()
    hasher.update(bufferPointer: buffer)
    self.init(hasher.finalize())
  }

  /// Takes a hash that was written down; nil unless it is 64 lower-case hexadecimal digits.
  public init?(hex: String) {
    guard let words = HexDigits.words(hex, count: 4) else { return nil }
    (first, second, third, fourth) = (words[0], words[1], words[2], words[3])
  }

  /// Reads a hash; anything but 64 hexadecimal digits is corrupt.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let hash = ContentHash(hex: text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not a SHA-256 in hexadecimal")
    }
    self = hash
  }

  /// Writes the digits.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(hex)
  }

  /// The digits.
  public var description: String { hex }

  /// Orders by digits.
  public static func < (left: ContentHash, right: ContentHash) -> Bool {
    (left.first, left.second, left.third, left.fourth)
      < (right.first, right.second, right.third, right.fourth)
  }

  /// Feeds a quarter of the digits: they are random already, and looking up a hundred thousand hashes takes time.
  public func hash(into hasher: inout Hasher) { hasher.combine(first) }

  fileprivate init(_ digest: SHA256.Digest) {
    (first, second, third, fourth) = digest.withUnsafeBytes { bytes in
      func word(_ index: Int) -> UInt64 {
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
      }
      return (word(0), word(1), word(2), word(3))
    }
  }
}

/// The hash of texts that begin alike, as far as the beginning goes: it is read once for all of them.
public struct HashedBeginning: Sendable {
  private var hasher = SHA256()

  /// Reads the beginning.
  public init(_ text: String) { append(text) }

  /// The hash of the beginning with these texts behind it.
  public func hash(_ rest: String...) -> ContentHash {
    var whole = self
    for text in rest { whole.append(text) }
    return ContentHash(whole.hasher.finalize())
  }

  private mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { hasher.update(bufferPointer: .init($0)) }
  }
}
