internal import Glibc

/// ScaleRL's R = R0 + (A - R0) / (1 + (Cmid / C)^B) (arXiv 2510.13786), fitted by least squares.
///
/// R0 is the score of the first point and C the compute since it, as published; A is linear given
/// (ln Cmid, B) and is projected out. A grid over neighbours put together finds the valley;
/// Levenberg-Marquardt steps in (ln Cmid, ln B) find its bottom, first there and then on all points.
/// B stays in [0.2, 10] and Cmid between 1/10 of the first and 10 times the last compute.
struct Sigmoid {
  let start: Double
  let asymptote: Double
  let logMidpoint: Double
  let exponent: Double
  let sumSquaredErrors: Double
  /// Whether Cmid is not at the edge of the search, where A says nothing.
  let isMidpointInside: Bool

  /// Fits on the first points of a series; nil for fewer than 4 or where compute does not move.
  init?(_ series: FormSeries, count: Int) {
    let spent = series.logCompute[..<count].drop { $0 == -.infinity }
    guard count >= 4, let low = spent.first, let high = spent.last, high > low,
      low.isFinite, high.isFinite
    else { return nil }
    let start = series.scores[0]
    let scores = series.scores[..<count]
    // Before any compute the curve is at R0, whatever the numbers.
    let still = scores[..<spent.startIndex].reduce(0) { $0 + ($1 - start) * ($1 - start) }
    let gains = scores[spent.startIndex...].map { $0 - start }
    let thinned = Thinned(spent, gains[...])
    let box = SigmoidBox(low: low - log(10), high: high + log(10))
    let rough = SigmoidSums(x: thinned.x, y: thinned.y, weights: thinned.weights)
    let all = SigmoidSums(x: Array(spent), y: gains, weights: nil)
    let valley = rough.valley(in: box, from: low, to: high)
    let (place, here) = all.bottom(from: rough.bottom(from: valley, in: box).place, in: box)
    let squares = gains.reduce(0) { $0 + $1 * $1 }
    self.start = start
    asymptote = start + here.weight
    logMidpoint = place.midpoint
    exponent = exp(place.logExponent)
    isMidpointInside = place.midpoint < box.high - 1e-6
    // The difference loses digits where the fit is close, so the squares are summed again there.
    let difference = squares - here.explained
    sumSquaredErrors =
      still
      + (difference > 1e-6 * squares ? difference : all.squaredErrors(at: place, here.weight))
    guard asymptote.isFinite, sumSquaredErrors.isFinite else { return nil }
  }

  func score(atLogCompute place: Double) -> Double {
    start + (asymptote - start) / (1 + exp(exponent * (logMidpoint - place)))
  }
}

/// A place in the search.
struct SigmoidPlace {
  var midpoint: Double
  var logExponent: Double
}

/// Where the search may go.
struct SigmoidBox {
  let low: Double
  let high: Double
  private static let logExponents = log(0.2)...log(10)

  func clamped(_ place: SigmoidPlace) -> SigmoidPlace {
    SigmoidPlace(
      midpoint: max(low, min(high, place.midpoint)),
      logExponent: max(
        SigmoidBox.logExponents.lowerBound,
        min(SigmoidBox.logExponents.upperBound, place.logExponent)))
  }
}

/// The sums that a fit of the share 1 / (1 + exp(B (m - x))) of a gain needs.
struct SigmoidSums {
  /// How much of the squares a place takes away, and the normal equations there.
  struct Look {
    var explained = -Double.infinity
    /// The gain A - R0.
    var weight = 0.0
    /// Curvatures and slopes in m and ln B, the gain projected out.
    var (mm, mb, bb, m, b) = (0.0, 0.0, 0.0, 0.0, 0.0)

    /// The damped Gauss-Newton step; at an edge of the box, along it.
    func step(from place: SigmoidPlace, damping: Double, in box: SigmoidBox) -> SigmoidPlace {
      let (mm, bb) = (mm * (1 + damping), bb * (1 + damping))
      let determinant = (mm * bb - mb * mb) * weight
      let free = SigmoidPlace(
        midpoint: place.midpoint + (m * bb - b * mb) / determinant,
        logExponent: place.logExponent + (b * mm - m * mb) / determinant)
      var next = box.clamped(free)
      if next.midpoint != free.midpoint {
        next.logExponent = place.logExponent + b / (bb * weight)
      } else if next.logExponent != free.logExponent {
        next.midpoint = place.midpoint + m / (mm * weight)
      }
      return box.clamped(next)
    }
  }

  let x: [Double]
  let y: [Double]
  /// Points behind each value; nil for 1.
  let weights: [Double]?

  /// The best place of a grid: B by factors of 2, m evenly.
  func valley(in box: SigmoidBox, from low: Double, to high: Double) -> SigmoidPlace {
    var best = (place: SigmoidPlace(midpoint: high, logExponent: 0), explained: -Double.infinity)
    var exponent = 0.25
    let (values, weights) = (lanes(y), lanes(self.weights ?? y.map { _ in 1 }))
    var decays = lanes(x.map { exp(-exponent * ($0 - high)) })
    let steps = 14
    for _ in 0..<6 {
      for step in 0...steps {
        let midpoint = low - 1 + (box.high - low + 1) * Double(step) / Double(steps)
        let scale = exp(exponent * (midpoint - high))
        var (ff, fy) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
        for index in decays.indices {
          let share = 1 / (1 + scale * decays[index])
          let weighted = weights[index] * share
          ff += weighted * share
          fy += weighted * values[index]
        }
        let (squares, products) = (ff.sum(), fy.sum())
        let explained = squares > 0 ? products * products / squares : -.infinity
        if explained > best.explained {
          best = (SigmoidPlace(midpoint: midpoint, logExponent: log(exponent)), explained)
        }
      }
      exponent *= 2
      for index in decays.indices { decays[index] *= decays[index] }
    }
    return best.place
  }

  /// Values four by four, which divide faster together; zeros, which have no weight, fill the last.
  private func lanes(_ values: [Double]) -> [SIMD4<Double>] {
    stride(from: 0, to: values.count, by: 4).map { start in
      var four = SIMD4<Double>.zero
      for lane in 0..<min(4, values.count - start) { four[lane] = values[start + lane] }
      return four
    }
  }

  func look(at place: SigmoidPlace) -> Look {
    let exponent = exp(place.logExponent)
    var (ff, fy, fm, fb, ym, yb) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    var look = Look()
    for index in x.indices {
      let distance = exponent * (place.midpoint - x[index])
      let share = 1 / (1 + exp(distance))
      let weight = weights?[index] ?? 1
      // Slopes of the share in m and in ln B, without the factor -1 that they have in common.
      let base = share * (1 - share)
      let slopeM = exponent * base
      let slopeB = base == 0 ? 0 : distance * base
      let value = weight * y[index]
      ff += weight * share * share
      fy += share * value
      fm += weight * share * slopeM
      fb += weight * share * slopeB
      ym += slopeM * value
      yb += slopeB * value
      look.mm += weight * slopeM * slopeM
      look.mb += weight * slopeM * slopeB
      look.bb += weight * slopeB * slopeB
    }
    guard ff > 0 else { return look }
    look.weight = fy / ff
    look.explained = fy * look.weight
    look.mm -= fm * fm / ff
    look.mb -= fm * fb / ff
    look.bb -= fb * fb / ff
    look.m = -(ym - look.weight * fm)
    look.b = -(yb - look.weight * fb)
    return look
  }

  /// The bottom of the valley that a place lies in.
  func bottom(
    from start: SigmoidPlace, in box: SigmoidBox
  ) -> (place: SigmoidPlace, look: Look) {
    var place = box.clamped(start)
    var here = look(at: place)
    var damping = 1e-3
    for _ in 0..<60 {
      let next = here.step(from: place, damping: damping, in: box)
      let promised =
        here.weight
        * (here.m * (next.midpoint - place.midpoint)
          + here.b * (next.logExponent - place.logExponent))
      // Below this a step is lost in rounding; the place is known to the square root of it.
      guard promised > 1e-11 * here.explained else { break }
      let there = look(at: next)
      if there.explained > here.explained {
        (place, here) = (next, there)
        damping = max(damping / 10, 1e-9)
      } else {
        damping *= 10
        if damping > 1e6 { break }
      }
    }
    return (place, here)
  }

  func squaredErrors(at place: SigmoidPlace, _ weight: Double) -> Double {
    let exponent = exp(place.logExponent)
    var sum = 0.0
    for index in x.indices {
      let error = y[index] - weight / (1 + exp(exponent * (place.midpoint - x[index])))
      sum += error * error
    }
    return sum
  }
}
