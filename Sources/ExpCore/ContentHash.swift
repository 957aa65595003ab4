internal import Crypto

/// A SHA-256 in lower-case hexadecimal: what points, runs, inputs and checkpoints are named by.
public struct ContentHash: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  /// 64 hexadecimal digits.
  public let hex: String

  /// Hashes bytes.
  public init(of bytes: some Sequence<UInt8>) {
    var hasher = SHA256()
    if bytes.withContiguousStorageIfAvailable({ hasher.update(bufferPointer: .init($0)) }) == nil {
      hasher.update(data: Array(bytes))
    }
    hex = ContentHash.hex(hasher.finalize())
  }

  /// Hashes the UTF-8 of a text.
  public init(of text: String) { self.init(of: Array(text.utf8)) }

  /// Hashes the canonical JSON of a document.
  public init(of document: JSONValue) { self.init(of: document.canonicalJSON) }

  /// Hashes raw memory, such as a checkpoint's payload.
  public init(of buffer: UnsafeRawBufferPointer) {
    var hasher = SHA256()
    hasher.update(bufferPointer: buffer)
    hex = ContentHash.hex(hasher.finalize())
  }

  /// Takes a hash that was written down; nil unless it is 64 lower-case hexadecimal digits.
  public init?(hex: String) {
    guard hex.utf8.count == 64,
      hex.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    self.hex = hex
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
  public static func < (left: ContentHash, right: ContentHash) -> Bool { left.hex < right.hex }

  private static func hex(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in digest {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
