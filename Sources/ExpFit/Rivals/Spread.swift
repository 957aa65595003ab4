/// Median and range of some numbers.
public struct Spread: Sendable, Hashable {
  /// The median; the mean of the middle two where the count is even.
  public let median: Double
  /// The smallest.
  public let low: Double
  /// The largest.
  public let high: Double
  /// How many there are.
  public let count: Int

  /// Takes the finite ones; nil where there is none.
  public init?(_ values: [Double]) {
    let sorted = values.filter(\.isFinite).sorted()
    guard let low = sorted.first, let high = sorted.last else { return nil }
    let middle = sorted.count / 2
    median =
      sorted.count % 2 == 1 ? sorted[middle] : sorted[middle - 1] / 2 + sorted[middle] / 2
    (self.low, self.high, count) = (low, high, sorted.count)
  }
}
