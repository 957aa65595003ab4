internal import Glibc

/// A form with its numbers, fitted on the first points of a series.
struct FittedForm {
  private enum Numbers {
    case line(LeastSquaresLine)
    case saturation(LeastSquaresLine, rate: Double)
    case sigmoid(Sigmoid)
  }

  let form: LawForm
  /// Points fitted on.
  let count: Int
  let sumSquaredErrors: Double
  /// Where the form ends: the law at H = 0, the saturating forms after endless steps or compute;
  /// nil for the others, and where the data do not bend enough to tell.
  let asymptote: Double?
  private let sumYY: Double
  private let numbers: Numbers

  /// Fits on the first `count` points; nil where the feature does not move.
  init?(_ form: LawForm, on series: FormSeries, count: Int) {
    guard count > 0, count <= series.count else { return nil }
    self.form = form
    self.count = count
    let scores = Array(series.scores[..<count])
    guard form != .sigmoidInCompute else {
      guard let sigmoid = Sigmoid(series, count: count),
        let mean = LeastSquaresLine(constant: scores)
      else { return nil }
      numbers = .sigmoid(sigmoid)
      sumSquaredErrors = sigmoid.sumSquaredErrors
      sumYY = mean.sumYY
      asymptote = sigmoid.isMidpointInside ? sigmoid.asymptote : nil
      return
    }
    var rate: SaturationRate?
    if form == .saturationInStep {
      guard let found = SaturationRate(steps: series.steps[..<count], scores: scores) else {
        return nil
      }
      rate = found
    }
    let feature = FittedForm.feature(form, series, count, rate: rate?.perStep ?? 0)
    guard
      let line = form == .mean
        ? LeastSquaresLine(constant: scores) : LeastSquaresLine(x: feature, y: scores)
    else { return nil }
    sumSquaredErrors = line.sumSquaredErrors
    sumYY = line.sumYY
    switch form {
    case .law: asymptote = line.value(at: 0)
    case .saturationInStep: asymptote = rate?.isInside == true ? line.value(at: 0) : nil
    default: asymptote = nil
    }
    numbers = rate.map { .saturation(line, rate: $0.perStep) } ?? .line(line)
  }

  /// The share of the variance of the scores that the form takes away; 0 where they do not move.
  var r2: Double { sumYY > 0 ? 1 - sumSquaredErrors / sumYY : 0 }

  /// n ln(SSE / n) + 2k + 2k(k+1)/(n-k-1) (Hurvich and Tsai 1989).
  var aicc: Double? {
    let n = Double(count)
    let k = Double(form.parameterCount)
    guard n - k - 1 > 0, sumSquaredErrors > 0 else { return nil }
    return n * log(sumSquaredErrors / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1)
  }

  /// The form's score at a point of the series.
  func score(at index: Int, of series: FormSeries) -> Double {
    switch numbers {
    case .sigmoid(let sigmoid): return sigmoid.score(atLogCompute: series.logCompute[index])
    case .saturation(let line, let rate):
      return line.value(at: exp(-rate * (series.steps[index] - series.steps[0])))
    case .line(let line):
      switch form {
      case .law: return line.value(at: series.expEntropies[index])
      case .linearInEntropy: return line.value(at: series.entropies[index])
      default: return line.value(at: series.steps[index])
      }
    }
  }

  private static func feature(
    _ form: LawForm, _ series: FormSeries, _ count: Int, rate: Double
  ) -> [Double] {
    switch form {
    case .law: return Array(series.expEntropies[..<count])
    case .linearInEntropy: return Array(series.entropies[..<count])
    case .lineInStep: return Array(series.steps[..<count])
    case .saturationInStep:
      let first = series.steps[0]
      return series.steps[..<count].map { exp(-rate * ($0 - first)) }
    case .sigmoidInCompute, .mean: return []
    }
  }
}
