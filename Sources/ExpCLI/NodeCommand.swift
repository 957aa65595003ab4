internal import ArgumentParser
internal import ExpCore
internal import ExpSchedule
internal import Foundation
internal import TrainerProtocol

/// `exp node`: one task of a Slurm array, on the node that got it.
///
/// Its standard error goes to the task's own file.
struct NodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "node", abstract: "Run one task of a Slurm array; 'exp sweep' submits it.",
    shouldDisplay: false)

  /// How long files of the submitting machine may take to be seen here.
  private static let patience: Duration = .seconds(60)

  @Option(help: "The record of the array.") var record: String
  @Option(help: "The task's index in it.") var index: Int

  func run() throws {
    try reportingFailures {
      let environment = ProcessInfo.processInfo.environment
      guard let job = environment["SLURM_ARRAY_JOB_ID"].flatMap({ Int($0) }) else {
        throw Failure(
          "'exp node' runs inside a Slurm array, and SLURM_ARRAY_JOB_ID is not set; start a sweep with "
            + "'exp sweep SPEC --executor slurm'", code: ExitStatus.usage)
      }
      let node = try SlurmNode(record: record, index: index, patience: NodeCommand.patience)
      let host = environment["SLURMD_NODENAME"] ?? ProcessInfo.processInfo.hostName
      Terminal.message("\(node.task.label) (\(node.task.id)) on \(host), Slurm \(job)_\(index)")
      let request = try node.request(patience: NodeCommand.patience)
      try NodeCommand.refuseForeignProcessor(request.compute, host: host)
      let runner = try node.runner(
        request, environment: TrainerProbe.neutralEnvironment, host: host, job: job,
        observer: NodeObserver())
      try conclude(node, runner.run())
    }
  }

  private func conclude(_ node: SlurmNode, _ outcome: SweepOutcome) throws {
    let state = outcome.states[node.task.id] ?? .pending
    let reason = outcome.reasons[node.task.id].map { ": \($0)" } ?? ""
    Terminal.message("\(node.task.label) \(state.rawValue)\(reason)")
    switch state {
    case .succeeded, .pruned: return
    case .pending, .running, .cancelled, .lost: throw ExitStatus.canGoOn
    case .failed, .timedOut: throw ExitStatus.failed
    }
  }

  /// A request is pinned to vector kernels, and a processor without them would end the trainer in the middle.
  private static func refuseForeignProcessor(
    _ compute: RunRequest.Compute, host: String
  ) throws {
    let order = ["generic", "avx2", "avx512"]
    let own = TrainerProbe.compute(threads: 1).kernelSet
    guard let wanted = order.firstIndex(of: compute.kernelSet),
      let best = order.firstIndex(of: own), wanted > best
    else { return }
    throw Failure(
      "the run is pinned to \(compute.kernelSet) kernels, and the processor of \(host) has no more than "
        + "\(own); name nodes that have them with 'slurm: {constraint: ...}'")
  }
}

/// Writes what happens into the task's file; the store is the sweep's own.
private final class NodeObserver: SweepObserver {
  private var said: Set<String> = []

  func jobChanged(_ snapshot: JobSnapshot) {}
  func progress(_ snapshot: SweepSnapshot) {}
  func message(_ text: String) {
    if said.insert(text).inserted { Terminal.message(text) }
  }
  func phaseWillStart(_ phase: Int) throws {}
  func runFinished(_ id: RunID, folder: RunFolder) {}
}
