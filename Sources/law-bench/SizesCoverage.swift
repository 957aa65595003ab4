internal import ExpFit
internal import Glibc

/// How often the prediction interval of one new run at a new size covers: the tables of
/// docs/law/sizes.md.
struct SizesCoverage {
  /// Standard deviations, in units of one another.
  struct Spreads {
    let size: Double
    let base: Double
    let run: Double
    /// First stage's standard error; each run's lies within a factor of sqrt 2 of it.
    let known: Double
  }

  private static let families = [
    Spreads(size: 0, base: 0, run: 0, known: 1), Spreads(size: 0, base: 0, run: 1, known: 0.5),
    Spreads(size: 1, base: 0, run: 0, known: 0.5), Spreads(size: 1, base: 0, run: 1, known: 0.5),
    Spreads(size: 0, base: 1, run: 1, known: 0.5), Spreads(size: 1, base: 1, run: 1, known: 0.5),
    Spreads(size: 3, base: 0, run: 0.3, known: 0.3),
  ]
  private static let designs = [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
  private static let dataSets = 2_000

  var markdown: String {
    let names = SizesCoverage.designs.map { "\($0.0) × \($0.1)" }
    let columns = ["size", "base", "run", "first stage", "sizes"] + names
    var lines = [
      "| " + columns.joined(separator: " | ") + " |",
      "| " + columns.map { _ in "--:" }.joined(separator: " | ") + " |",
    ]
    for (index, family) in SizesCoverage.families.enumerated() {
      for sizes in 3...6 {
        let shares = SizesCoverage.designs.map { bases, runs in
          let seed = UInt64(index * 1_000 + sizes * 100 + bases * 10 + runs)
          return SizesCoverage.share(family, sizes: sizes, bases: bases, runs: runs, seed: seed)
        }
        let spreads = [family.size, family.base, family.run, family.known].map { "\($0)" }
        let cells = spreads + ["\(sizes)"] + shares
        lines.append("| " + cells.joined(separator: " | ") + " |")
      }
    }
    return (lines + ["", FormsCoverage().markdown]).joined(separator: "\n")
  }

  /// Percent of data sets whose interval held the new run.
  private static func share(
    _ spreads: Spreads, sizes: Int, bases: Int, runs: Int, seed: UInt64
  ) -> String {
    var noise = Noise(seed: seed)
    var (covered, intervals) = (0, 0)
    for _ in 0..<dataSets {
      let points = (0..<sizes).flatMap { size in
        draw(spreads, place: size, bases: bases, runs: runs, &noise)
      }
      let truth = draw(spreads, place: sizes, bases: 1, runs: 1, &noise)[0].value
      // try?: a data set without a line would lower the count of intervals, which is printed.
      guard let line = try? ScalingLine(points, level: 0.95),
        let interval = line.estimate(at: Double(sizes)).interval
      else { continue }
      intervals += 1
      if interval.contains(truth) { covered += 1 }
    }
    guard intervals == dataSets else { return "\(intervals) intervals" }
    let tenths = Int((1000 * Double(covered) / Double(intervals)).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  /// All runs of one size; sizes lie one unit of ln N apart.
  private static func draw(
    _ spreads: Spreads, place: Int, bases: Int, runs: Int, _ noise: inout Noise
  ) -> [ScalingPoint] {
    let size = 0.3 + 0.5 * Double(place) + spreads.size * noise.normal()
    var points: [ScalingPoint] = []
    for base in 0..<bases {
      let level = size + spreads.base * noise.normal()
      for _ in 0..<runs {
        let known = spreads.known * pow(2, noise.uniform() - 0.5)
        points.append(
          ScalingPoint(
            logSize: Double(place),
            value: level + spreads.run * noise.normal() + known * noise.normal(),
            variance: known * known, base: base))
      }
    }
    return points
  }
}

/// The same for the forecast with both forms, where the truth is a line in ln N or a power of N.
struct FormsCoverage {
  private static let dataSets = 2_000

  var markdown: String {
    var lines = [
      "| truth | sizes | forecast | line in ln N | power of N | forecast is the average |",
      "| :-- | --: | --: | --: | --: | --: |",
    ]
    for isPower in [false, true] {
      for sizes in 4...6 {
        let cells = FormsCoverage.shares(isPower: isPower, sizes: sizes)
        let name = isPower ? "power of N" : "line in ln N"
        lines.append("| \(name) | \(sizes) | \(cells.joined(separator: " | ")) |")
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func shares(isPower: Bool, sizes: Int) -> [String] {
    var noise = Noise(seed: UInt64(isPower ? 70 : 60) + UInt64(sizes))
    var counts = [0, 0, 0, 0]
    for _ in 0..<dataSets {
      let runs = (0..<sizes).flatMap { draw(isPower: isPower, place: $0, count: 2, &noise) }
      let truth = draw(isPower: isPower, place: sizes, count: 1, &noise)[0]
      // try?: these sizes always have a fit; a missing one would lower every share.
      guard let fit = try? ScalingFit(runs, level: 0.95) else { continue }
      let forecast = fit.forecast(size: truth.size)
      let intervals = [
        forecast.ceiling.interval, forecast.forecast(by: .logLinear)?.ceiling.interval,
        forecast.forecast(by: .powerLaw)?.ceiling.interval,
      ]
      for (index, interval) in intervals.enumerated()
      where interval?.contains(truth.ceiling) == true {
        counts[index] += 1
      }
      if forecast.form == .average { counts[3] += 1 }
    }
    return counts.map { count in
      let tenths = Int((1000 * Double(count) / Double(dataSets)).rounded())
      return "\(tenths / 10).\(tenths % 10)"
    }
  }

  /// Runs of one size; sizes lie a factor of e apart from 14k on, and numbers are like those of the
  /// small tasks of this project.
  private static func draw(
    isPower: Bool, place: Int, count: Int, _ noise: inout Noise
  ) -> [RunNumbers] {
    let step = Double(place)
    let (a, b) =
      isPower
      ? (0.16 * exp(0.27 * step), 0.42 * exp(0.24 * step))
      : (0.16 + 0.07 * step, 0.42 + 0.15 * step)
    let shift = 0.012 * noise.normal()
    return (0..<count).map { _ in
      let (da, db) = (
        0.4 * shift + 0.007 * noise.normal(), 1.4 * shift + 0.009 * noise.normal()
      )
      return RunNumbers(
        size: 14_000 * exp(step), a: a + da, b: b + db, ceiling: b + db - a - da,
        aStandardError: 0.005, bStandardError: 0.006, ceilingStandardError: 0.004)
    }
  }
}
