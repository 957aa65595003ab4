internal import Glibc

/// The inverse of the runs' covariance, level by level.
///
/// V = size J + base (J within bases) + diag(run + known), block by block of a size. Inverting the
/// diagonal, then each base's and each size's common term (Sherman and Morrison) takes a few sums
/// over runs, however many there are.
struct NestedCovariance {
  /// Of each run: 1 / (run + known).
  private(set) var precisions: [Double]
  /// Of each base: the sum of its runs' precisions.
  private(set) var basePrecisions: [Double]
  /// Of each base: the precision of its mean, base policies' spread included.
  private(set) var baseWeights: [Double]
  /// Of each size: the sum of `baseWeights`.
  private(set) var sizePrecisions: [Double]
  /// Of each size: the precision of its mean, spread of sizes included.
  private(set) var sizeWeights: [Double]
  /// ln det V.
  private(set) var logDeterminant = 0.0

  let nesting: RunNesting
  let components: Components

  /// Takes the runs' known variances in order of the nesting, all above 0.
  init(_ components: Components, nesting: RunNesting, known: [Double]) {
    self.nesting = nesting
    self.components = components
    precisions = known.map { 1 / (components.run + $0) }
    basePrecisions = []
    baseWeights = []
    sizePrecisions = []
    sizeWeights = []
    for precision in precisions { logDeterminant -= log(precision) }
    for range in nesting.bases {
      var sum = 0.0
      for run in range { sum += precisions[run] }
      basePrecisions.append(sum)
      baseWeights.append(sum / (1 + components.base * sum))
      logDeterminant += log1p(components.base * sum)
    }
    for range in nesting.sizes {
      var sum = 0.0
      for base in range { sum += baseWeights[base] }
      sizePrecisions.append(sum)
      sizeWeights.append(sum / (1 + components.size * sum))
      logDeterminant += log1p(components.size * sum)
    }
  }

  /// How much each run counts in the weighted mean of its size; the runs of a size sum to 1.
  var shares: [Double] {
    var result = precisions
    for (size, bases) in nesting.sizes.enumerated() {
      for base in bases {
        let factor =
          1 / (1 + components.base * basePrecisions[base]) / sizePrecisions[size]
        for run in nesting.bases[base] { result[run] *= factor }
      }
    }
    return result
  }

  /// Means of bases and sizes of values given in order of the nesting, and the squares around them.
  func means(of values: [Double]) -> (bases: [Double], sizes: [Double], squaresWithin: Double) {
    var (baseMeans, sizeMeans, squares) = ([Double](), [Double](), 0.0)
    for (base, runs) in nesting.bases.enumerated() {
      var sum = 0.0
      for run in runs { sum += precisions[run] * values[run] }
      let mean = sum / basePrecisions[base]
      for run in runs {
        squares += precisions[run] * (values[run] - mean) * (values[run] - mean)
      }
      baseMeans.append(mean)
    }
    for (size, bases) in nesting.sizes.enumerated() {
      var sum = 0.0
      for base in bases { sum += baseWeights[base] * baseMeans[base] }
      let mean = sum / sizePrecisions[size]
      for base in bases {
        squares += baseWeights[base] * (baseMeans[base] - mean) * (baseMeans[base] - mean)
      }
      sizeMeans.append(mean)
    }
    return (baseMeans, sizeMeans, squares)
  }
}

/// Two columns over sizes, and the weighted least squares on them.
struct SizeBasis: Sendable, Hashable {
  let first: [Double]
  let second: [Double]

  /// The inverse of the 2 x 2 normal matrix under weights per size, with its log determinant.
  struct Normal {
    let inverse: (Double, Double, Double)
    let logDeterminant: Double

    func leverage(_ x: Double, _ y: Double) -> Double {
      inverse.0 * x * x + 2 * inverse.1 * x * y + inverse.2 * y * y
    }
  }

  func normal(_ weights: [Double]) -> Normal {
    var (xx, xy) = (0.0, 0.0)
    for size in weights.indices {
      xx += weights[size] * first[size] * first[size]
      xy += weights[size] * first[size] * second[size]
    }
    // The second column less its projection on the first, so that nearly equal columns lose least.
    let slope = xy / xx
    var yy = 0.0
    for size in weights.indices {
      let rest = second[size] - slope * first[size]
      yy += weights[size] * rest * rest
    }
    return Normal(
      inverse: (1 / xx + slope * slope / yy, -slope / yy, 1 / yy),
      logDeterminant: log(xx) + log(yy))
  }

  /// How much each size's mean counts in the two coefficients.
  func influence(_ weights: [Double]) -> (first: [Double], second: [Double]) {
    let inverse = normal(weights).inverse
    return (
      weights.indices.map {
        weights[$0] * (inverse.0 * first[$0] + inverse.1 * second[$0])
      },
      weights.indices.map {
        weights[$0] * (inverse.1 * first[$0] + inverse.2 * second[$0])
      }
    )
  }
}
