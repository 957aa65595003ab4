internal import Glibc

/// What the forms are fitted to: the usable points of one run, each feature computed once.
struct FormSeries {
  let steps: [Double]
  let entropies: [Double]
  /// exp(H) - 1.
  let expEntropies: [Double]
  let scores: [Double]
  /// ln of the compute spent since the first point; -∞ where none was.
  let logCompute: [Double]
  /// Whether the step stands in for compute, which the points do not carry.
  let stepIsCompute: Bool

  var count: Int { scores.count }

  /// Takes usable points in order of the step.
  init(_ points: [CurvePoint]) {
    steps = points.map { Double($0.step) }
    entropies = points.map(\.entropy)
    expEntropies = points.map { expm1($0.entropy) }
    scores = points.map(\.score)
    let compute = FormSeries.compute(points)
    stepIsCompute = compute == nil
    let spent = compute ?? steps
    let first = spent.first ?? 0
    logCompute = spent.map { log($0 - first) }
  }

  /// The compute of every point; nil where one has none or where it falls, for then it is no sum.
  private static func compute(_ points: [CurvePoint]) -> [Double]? {
    var all: [Double] = []
    for point in points {
      guard let compute = point.compute, compute.isFinite, compute >= all.last ?? 0 else {
        return nil
      }
      all.append(compute)
    }
    guard let first = all.first, let last = all.last, last > first else { return nil }
    return all
  }
}
