internal import Glibc

/// How wide a forecast's interval is expected to be once runs were added, both forms in view.
public struct ExpectedForecast: Sendable, Hashable {
  /// The expected width of the ceiling's interval.
  public let width: Double
  /// The interval by the line in ln N alone.
  public let line: ExpectedInterval
}

extension ScalingFit {
  /// Returns how wide the interval of the ceiling's forecast at a size is expected to be if runs
  /// were added.
  ///
  /// Two things narrow it: a design that knows the forms' numbers better
  /// (`ScalingLine.expectedInterval(at:adding:)`; the power's spread is taken to shrink as the
  /// line's does), and evidence that tells the forms apart. At sizes that were not run yet the
  /// forms predict means that differ by d with covariance C, so the logarithm of the evidence ratio
  /// gains a normal number of mean ± d'C⁻¹d/2 and variance d'C⁻¹d, whichever form is true (Lindley
  /// 1956, On a measure of the information provided by an experiment). The width is averaged over
  /// that number and over both forms being true, by today's weights. Runs at sizes run already
  /// count as no evidence, for both forms have been fitted to them.
  /// - Parameters:
  ///   - size: Non-embedding parameters N of the prediction.
  ///   - additions: Runs to add; none gives today's width.
  /// - Returns: The expected width; nil where there is no interval today.
  public func expectedForecast(at size: Double, adding additions: [RunAddition])
    -> ExpectedForecast?
  {
    guard let today = ceiling.expectedInterval(at: size, adding: []),
      let line = ceiling.expectedInterval(at: size, adding: additions)
    else { return nil }
    let place = log(size)
    let alone = ExpectedForecast(width: 2 * line.halfWidth, line: line)
    guard case .success(let power) = powerLaw, logLinearWeight < 1,
      let spread = power.ceilingSpread(at: place), today.variance > 0
    else { return alone }
    let forms = FormPair(
      line: Prospect(
        value: ceiling.value(at: place),
        spread: .init(variance: line.variance, degreesOfFreedom: line.degreesOfFreedom)),
      power: Prospect(
        value: power.ceiling(at: place),
        spread: .init(
          variance: spread.variance * (line.variance / today.variance),
          degreesOfFreedom: max(
            1, spread.degreesOfFreedom * line.degreesOfFreedom / today.degreesOfFreedom))),
      level: ceiling.level)
    let gain = evidence(power, from: additions)
    let width = forms.expectedWidth(lineWeight: logLinearWeight, gain: gain)
    guard width.isFinite else { return alone }
    return ExpectedForecast(width: width, line: line)
  }

  /// d'C⁻¹d of the mean ceilings at sizes that were not run yet.
  ///
  /// C is the line's covariance of predictions, widened at each size to the mean of both forms'
  /// variances there.
  private func evidence(_ power: PowerFit, from additions: [RunAddition]) -> Double {
    let known = Set(sizes)
    let fresh = Dictionary(
      grouping: additions.filter { !known.contains($0.size) && $0.count > 0 }, by: \.size)
    let places = fresh.keys.sorted()
    guard !places.isEmpty else { return 0 }
    let error = ceiling.error
    let weights = places.map { ceiling.weights(at: log($0)) }
    let stretch = places.map { size in
      let line = ceiling.spread(at: log(size))?.variance ?? 0
      let curve = power.ceilingSpread(at: log(size))?.variance ?? line
      return line > 0 ? ((1 + curve / line) / 2).squareRoot() : 1
    }
    var covariance = places.indices.map { row in
      places.indices.map { column in
        error.value(error.factors(weights[row], weights[column])) * stretch[row] * stretch[column]
      }
    }
    for (index, size) in places.enumerated() {
      let runs = fresh[size] ?? []
      let count = Double(runs.reduce(0) { $0 + $1.count })
      let bases = Double(Set(runs.map(\.base)).count)
      covariance[index][index] +=
        error.components.size + error.components.base / bases
        + (error.components.run + error.typicalKnown) / count
    }
    let difference = places.map { ceiling.value(at: log($0)) - power.ceiling(at: log($0)) }
    return FormPair.squaredDistance(difference, covariance)
  }
}

/// Both forms' prospects of one number, with what is needed to average them.
private struct FormPair {
  let line: Prospect
  let power: Prospect
  let level: Double

  /// Equally likely parts of the standard normal distribution, each by its median.
  private static let normalParts: [Double] = (0..<15).map {
    StudentT.quantile((Double($0) + 0.5) / 15, degreesOfFreedom: 1e9)
  }

  /// The interval's width at a share of the evidence for the line.
  private func width(lineWeight weight: Double) -> Double {
    if weight > FormForecast.decisiveWeight {
      return line.estimate(level: level).interval?.width ?? .nan
    }
    if weight < 1 - FormForecast.decisiveWeight {
      return power.estimate(level: level).interval?.width ?? .nan
    }
    return Prospect.average(line, power, firstWeight: weight, level: level).interval?.width ?? .nan
  }

  /// The mean width over what the added runs may show; `gain` is the variance of the evidence's
  /// logarithm.
  func expectedWidth(lineWeight weight: Double, gain: Double) -> Double {
    guard gain > 0, weight > 0, weight < 1 else { return width(lineWeight: weight) }
    let start = log(weight / (1 - weight))
    func mean(_ shift: Double) -> Double {
      let widths = FormPair.normalParts.map { part in
        let evidence = start + shift * gain / 2 + gain.squareRoot() * part
        return width(lineWeight: 1 / (1 + exp(-max(-700, min(700, evidence)))))
      }
      return widths.reduce(0, +) / Double(widths.count)
    }
    return weight * mean(1) + (1 - weight) * mean(-1)
  }

  /// x'C⁻¹x by Cholesky's decomposition; 0 where the matrix is not positive definite.
  static func squaredDistance(_ x: [Double], _ matrix: [[Double]]) -> Double {
    var lower = matrix
    var solved = x
    for row in x.indices {
      for column in 0...row {
        var rest = matrix[row][column]
        for inner in 0..<column { rest -= lower[row][inner] * lower[column][inner] }
        if row == column {
          guard rest > 0 else { return 0 }
          lower[row][row] = rest.squareRoot()
        } else {
          lower[row][column] = rest / lower[column][column]
        }
      }
      for inner in 0..<row { solved[row] -= lower[row][inner] * solved[inner] }
      solved[row] /= lower[row][row]
    }
    return solved.reduce(0) { $0 + $1 * $1 }
  }
}
