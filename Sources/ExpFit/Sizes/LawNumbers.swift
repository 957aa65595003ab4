internal import Glibc

/// The law's numbers at one size.
public struct LawNumbers: Sendable, Hashable {
  /// The slope a.
  public var a: Double
  /// The constant b.
  public var b: Double
  /// The ceiling b - a.
  public var ceiling: Double

  /// Makes the numbers.
  public init(a: Double, b: Double, ceiling: Double) {
    self.a = a
    self.b = b
    self.ceiling = ceiling
  }

  /// The mean of several; nil for none.
  init?(meanOf numbers: [LawNumbers]) {
    guard !numbers.isEmpty else { return nil }
    let count = Double(numbers.count)
    a = numbers.reduce(0) { $0 + $1.a } / count
    b = numbers.reduce(0) { $0 + $1.b } / count
    ceiling = numbers.reduce(0) { $0 + $1.ceiling } / count
  }

  static func - (left: LawNumbers, right: LawNumbers) -> LawNumbers {
    LawNumbers(a: left.a - right.a, b: left.b - right.b, ceiling: left.ceiling - right.ceiling)
  }

  /// The law's score at an entropy: R = -a exp(H) + b.
  public func score(atEntropy entropy: Double) -> Double { ceiling - a * expm1(entropy) }
}
