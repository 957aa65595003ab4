internal import ArgumentParser
internal import ExpCore
internal import ExpPlan
internal import ExpReport
internal import ExpSpec
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp plan`: the grid, what of it is done, and what the rest should take.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show the points of a spec: what would run, what is done, what it should take.")

  @OptionGroup var arguments: SpecArguments
  @Flag(help: "Print every point with its configuration as JSON.") var json = false
  @Flag(help: "Print the points as CSV.") var csv = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let session = try arguments.session()
      let plan = session.plan
      let paths = location.paths()
      // One look at the folder spares a look for each run that is not there.
      let begun = Set(try PlanCommand.names(in: paths.root))
      let states = plan.points.map { point in
        // Where nothing was begun, no id need be made.
        guard !begun.isEmpty else { return PlanCommand.fresh }
        let id = session.runID(point)
        return begun.contains(id.text)
          ? PlanCommand.state(RunStatus.read(paths.run(id))) : PlanCommand.fresh
      }
      if json {
        Terminal.output(PlanCommand.document(plan, states).canonicalJSON)
      } else if csv {
        Terminal.output(PlanCommand.csv(plan, states))
      } else {
        Terminal.output(text(session, states, paths: paths))
      }
    }
  }

  /// What a plan says of whatever would run.
  private static let fresh = "new"

  private static func names(in folder: String) throws -> [String] {
    let files = FileManager.default
    return files.fileExists(atPath: folder) ? try files.contentsOfDirectory(atPath: folder) : []
  }

  private static func state(_ status: RunStatus) -> String {
    switch status.state {
    case .succeeded: "done"
    case .pruned: "pruned"
    case .failed, .timedOut: "failed"
    case .running: "running"
    case .pending, .cancelled, .lost: fresh
    }
  }

  private static func document(_ plan: Plan, _ states: [String]) -> JSONValue {
    [
      "experiment": .string(plan.experiment),
      "points": .array(
        zip(plan.points, states).map { point, state in
          [
            "config_hash": .string(point.configHash.hex), "label": .string(point.label),
            "config": point.config, "state": .string(state), "held_out": .bool(point.heldOut),
          ]
        }),
    ]
  }

  private static func csv(_ plan: Plan, _ states: [String]) -> String {
    var text = "index,label,state,held_out,model_params,seconds,config_hash\n"
    for (point, state) in zip(plan.points, states) {
      let seconds = point.cost.seconds.shortestText ?? ""
      text +=
        "\(point.index),\"\(point.label)\",\(state),\(point.heldOut),"
        + "\(point.modelParams),\(seconds),\(point.configHash)\n"
    }
    return text
  }

  private func text(_ session: SweepSession, _ states: [String], paths: RunPaths) -> String {
    let plan = session.plan
    let limit = 200
    let rows = zip(plan.points, states).prefix(limit).map { point, state -> [TextTable.Cell] in
      [
        .init(String(point.index)), .init(point.label),
        .init(NumberText.size(Double(point.modelParams))),
        .init(point.heldOut ? "held out" : ""), .init(state),
        .init(NumberText.duration(seconds: point.cost.seconds)),
      ]
    }
    let table = TextTable(
      columns: [
        .init("#", .right), .init("point"), .init("N", .right), .init(""), .init("state"),
        .init("should take", .right),
      ], rows: Array(rows))
    var lines = [plan.arithmetic.sentence, table.rendered(Terminal.current.outputStyle)]
    if plan.points.count > limit {
      lines.append("… and \(plan.points.count - limit) more; --json or --csv has all")
    }
    lines.append(totals(session, states, paths: paths))
    return lines.joined(separator: "\n")
  }

  /// Time, memory and disk of what would run.
  private func totals(
    _ session: SweepSession, _ states: [String], paths: RunPaths
  ) -> String {
    let plan = session.plan
    let keepsPruned = session.spec.prune != nil
    let isOpen = states.map { $0 != "done" && !(keepsPruned && $0 == "pruned") }
    let count = isOpen.count { $0 }
    guard count > 0 else {
      let pruned = states.contains("pruned") ? " or pruned" : ""
      return "all \(plan.points.count) points are done\(pruned)"
    }
    let bases = plan.bases.filter { base in
      base.points.contains { isOpen[$0] }
        && RunStatus.read(paths.base(session.baseID(base.configHash))).state != .succeeded
    }
    var cost = CostEstimate.zero
    for (point, counts) in zip(plan.points, isOpen) where counts { cost = cost + point.cost }
    for base in bases { cost = cost + base.cost }
    return "\(SpecArguments.count(count, "point")) to run"
      + " and \(bases.count) base \(bases.count == 1 ? "policy" : "policies") to train:"
      + " about \(NumberText.duration(seconds: cost.seconds)) of one core"
      + (session.compute.usesGPU ? " (there is no estimate for GPUs)," : ",")
      + " up to \(NumberText.bytes(session.memory(cost))) of memory a run, \(NumberText.bytes(cost.diskBytes)) of disk"
  }
}
