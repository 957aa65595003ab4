internal import ExpFit
internal import Glibc

/// Processor time of fitting many runs of 600 points.
struct Speed {
  private static let pointCount = 600
  private static let repetitions = 5
  private static let sizes = [13_920.0, 23_680, 83_232, 302_720, 974_080]

  let runCount: Int

  var markdown: String {
    let curves = (0..<runCount).map(Speed.curve)
    let rows: [(name: String, seconds: Double)] = [
      ("`LawFit`: line, errors, guards, influence", Speed.median { Speed.fitLaws(curves) }),
      ("`RunFit`: with rivals", Speed.median { Speed.fitRuns(curves) }),
      ("`SweepFit`: with lines across sizes", Speed.median { Speed.fitSweep(curves) }),
    ]
    var lines = [
      "| \(runCount) runs of \(Speed.pointCount) points | seconds | µs per run |",
      "| --- | --: | --: |",
    ]
    for row in rows {
      let perRun = row.seconds / Double(runCount) * 1e6
      lines.append("| \(row.name) | \(Speed.text(row.seconds)) | \(Int(perRun.rounded())) |")
    }
    return lines.joined(separator: "\n")
  }

  /// Prints runs as `exp fit --csv` reads them.
  static func printData(runCount: Int) {
    print("run,model_params,step,entropy,score")
    for index in 0..<runCount {
      let curve = curve(index)
      for point in curve.points {
        print("\(curve.id),\(curve.modelParams),\(point.step),\(point.entropy),\(point.score)")
      }
    }
  }

  private static func curve(_ index: Int) -> Curve {
    var noise = Noise(seed: UInt64(index))
    let simulation = Simulation(variant: .even, pointCount: pointCount, rho: 0.3)
    return Curve(
      id: "run\(index)", modelParams: sizes[index % sizes.count], seed: index,
      points: simulation.points(&noise))
  }

  private static func fitLaws(_ curves: [Curve]) -> Double {
    curves.reduce(0) { sum, curve in
      // try?: simulated runs have fits; one without would show in no figure.
      sum + ((try? LawFit(curve.points))?.ceiling ?? 0)
    }
  }

  private static func fitRuns(_ curves: [Curve]) -> Double {
    curves.reduce(0) { $0 + Double(RunFit($1).warnings.count) }
  }

  private static func fitSweep(_ curves: [Curve]) -> Double {
    Double(SweepFit(curves).runs.count)
  }

  /// The median processor time; results go into a sum that is looked at, so that no fit is left out.
  private static func median(_ work: () -> Double) -> Double {
    var times: [Double] = []
    var sum = 0.0
    for _ in 0..<repetitions {
      let start = processorTime()
      sum += work()
      times.append(processorTime() - start)
    }
    precondition(!sum.isNaN)
    return times.sorted()[repetitions / 2]
  }

  private static func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }

  private static func text(_ seconds: Double) -> String {
    let thousandths = Int((seconds * 1000).rounded())
    let rest = String(thousandths % 1000)
    return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }
}
