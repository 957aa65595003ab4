internal import Glibc

/// `law-bench`: how often the law's intervals cover, and how fast the law is fitted.
@main
enum LawBench {
  private static let usage = """
    law-bench coverage            simulated coverage of the intervals, as Markdown (docs/law/run.md)
    law-bench sizes               the same for predictions of a new size (docs/law/sizes.md)
    law-bench speed [RUNS]        time to fit RUNS runs of 600 points (10000), as Markdown
    law-bench data RUNS           the first of those runs as CSV, for other programs
    """

  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let count = arguments.count > 1 ? Int(arguments[1]) : nil
    switch (arguments.first, arguments.count, count) {
    case ("coverage", 1, _): print(CoverageReport().markdown)
    case ("sizes", 1, _): print(SizesCoverage().markdown)
    case ("speed", 1, _): print(Speed(runCount: 10_000).markdown)
    case ("speed", 2, let count?) where count > 0: print(Speed(runCount: count).markdown)
    case ("data", 2, let count?) where count > 0: Speed.printData(runCount: count)
    default:
      print(usage)
      exit(64)
    }
  }
}
