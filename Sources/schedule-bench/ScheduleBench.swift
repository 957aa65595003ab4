internal import ArgumentParser
internal import ExpCore
internal import Glibc
internal import SimulatedCluster

/// `schedule-bench`: what a decision of the scheduler costs, on clusters that do not exist.
@main
struct ScheduleBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule-bench", abstract: "Measure the scheduler.", subcommands: [Simulate.self])
}

/// `schedule-bench simulate`: the scheduler under a virtual clock.
struct Simulate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a workload on a simulated cluster and check that no run is lost or done twice.")

  @Option(help: "Runs of the workload.") var runs = 1_000_000
  @Option(help: "Base policies before them.") var bases = 300
  @Option(help: "Single-core jobs at one time.") var slots = 10_000
  @Option(help: "Start of the random numbers.") var seed: UInt64 = 1

  func validate() throws {
    guard runs > 0, bases > 0, slots > 0 else {
      throw ValidationError("--runs, --bases and --slots must be at least 1")
    }
  }

  func run() throws {
    var workload = ClusterWorkload(runs: runs, bases: bases, slots: slots)
    workload.seed = seed
    let begin = Simulate.processorSeconds()
    var cluster = SimulatedCluster(workload)
    let ready = Simulate.processorSeconds()
    let report = cluster.run()
    let took = Simulate.processorSeconds() - ready
    let states = report.states.sorted { $0.key.rawValue < $1.key.rawValue }
      .map { "\($0.value) \($0.key.rawValue)" }
    print(
      """
      jobs                  \(runs + bases) on \(slots) slots, \(report.mostRunning) at one time at most
      cluster's clock       \(Int(report.elapsed / .seconds(3600))) hours
      attempts              \(report.attempts): \(report.crashes) crashed, \(report.hangs) hung
      states                \(states.joined(separator: ", "))
      decisions             \(report.decisions)
      decisions per second  \(Int(Double(report.decisions) / took)) (\(Int(took * 1000)) ms of processor time, \
      and \(Int((ready - begin) * 1000)) ms to make the jobs)
      bytes per run         \(Simulate.peakBytes() / runs) (peak memory of this process)
      runs lost             \(report.lost)
      runs done twice       \(report.repeated)
      runs before bases     \(report.tooEarly)
      """)
    if !report.isSound { throw ExitCode(1) }
  }

  /// Processor time of this process so far: other programs on the machine do not count.
  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// The most memory that this process has held.
  private static func peakBytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }
}
