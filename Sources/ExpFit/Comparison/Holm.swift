/// Holm's adjustment of p values for a family of tests (Holm 1979).
///
/// The k-th smallest of m p values is multiplied by m - k + 1, and made no smaller than those
/// before it; rejecting where the adjusted p is at most α keeps the chance of any false rejection
/// at α, whatever the dependence of the tests.
package enum Holm {
  /// Returns the adjusted p values in the order given, at most 1.
  package static func adjusted(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
    var adjusted = values
    var largest = 0.0
    for (rank, index) in order.enumerated() {
      largest = max(largest, min(1, Double(values.count - rank) * values[index]))
      adjusted[index] = largest
    }
    return adjusted
  }

  /// Adjusts the values that are there; the others stay out of the family.
  package static func adjusted(_ values: [Double?]) -> [Double?] {
    var known = adjusted(values.compactMap(\.self))[...]
    return values.map { $0 == nil ? nil : known.popFirst() }
  }
}
