internal import ArgumentParser
internal import ExpCore
internal import ExpReport
internal import ExpSchedule
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp status`: what is going on now.
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show every sweep, or one: who runs it, how far it is, what went wrong.")

  @Argument(help: "Only this sweep, with its running and failed runs.") var sweep: String?
  @Flag(name: .shortAndLong, help: "Look on until nobody runs the sweep any more.") var follow =
    false
  @Flag(help: "Print the result as JSON.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let paths = location.paths()
      if follow { return try look(paths) }
      let store = try location.openStore()
      let sweeps = try store.sweeps().filter { sweep == nil || $0.name == sweep }
      if let sweep, sweeps.isEmpty {
        throw Failure(
          "there is no sweep '\(sweep)'; 'exp status' lists all", code: ExitStatus.usage)
      }
      let owners = try sweeps.map { try Owner(of: $0.name, paths: paths) }
      if json {
        Terminal.output(StatusCommand.document(sweeps, owners).prettyJSON)
        return
      }
      guard !sweeps.isEmpty else {
        return Terminal.output("no sweeps yet; 'exp sweep SPEC' starts one")
      }
      let rows = zip(sweeps, owners).map { sweep, owner -> [TextTable.Cell] in
        let who = owner.holder.map { "process \($0.pid) on \($0.host) since \($0.startedAt)" }
        let states = RunState.allCases.compactMap { state in
          sweep.states[state].map { "\($0) \(state.rawValue)" }
        }
        return [
          .init(sweep.name), .init(String(sweep.points)),
          .init(states.joined(separator: ", ")),
          .init((owner.isHeld ? who ?? "another process" : "nobody") + owner.slurmWords),
        ]
      }
      Terminal.output(
        TextTable(
          columns: [.init("sweep"), .init("points", .right), .init("states"), .init("run by")],
          rows: Array(rows), emptyText: "no sweeps"
        ).rendered(Terminal.current.outputStyle))
      for (sweep, owner) in zip(sweeps, owners) where owner.progress != nil {
        for line in owner.lines(of: sweep.name) { Terminal.output(line) }
      }
      for line in try failed(sweeps, store, limit: sweep == nil ? 5 : 20) { Terminal.output(line) }
      for line in try pruned(sweeps, store, limit: 10) { Terminal.output(line) }
    }
  }

  /// Looks on while another process runs the sweep.
  private func look(_ paths: RunPaths) throws {
    let name = try SweepReference(sweep).name(paths)
    let follower = SweepFollower(sweep: name, paths: paths)
    try follower.follow()
    try follower.conclude()
  }

  /// The failed runs with their reasons, the first few.
  private func failed(_ sweeps: [SweepRow], _ store: Store, limit: Int) throws -> [String] {
    let bad: [RunState] = [.failed, .timedOut, .lost]
    var lines: [String] = []
    var retries: [String] = []
    for sweep in sweeps where bad.contains(where: { sweep.states[$0, default: 0] > 0 }) {
      for row in try store.runs(matching: nil, sweep: sweep.name, sort: nil)
      where bad.contains(row.status) {
        lines.append(
          "\(sweep.name): \(row.label) (\(row.id)) \(row.status.rawValue): "
            + (row.reason ?? "no reason recorded"))
      }
      retries.append("exp retry \(sweep.name)")
    }
    for (name, line) in try failedBases(store) where sweeps.contains(where: { $0.name == name }) {
      lines.insert(line, at: 0)
      if !retries.contains("exp retry \(name)") { retries.append("exp retry \(name)") }
    }
    guard !lines.isEmpty else { return [] }
    let rest = lines.count - limit
    return [""] + lines.prefix(limit)
      + (rest > 0 ? ["… and \(rest) more: exp runs 'status = failed'"] : [])
      + ["again: \(retries.joined(separator: " · ")); what they said: exp logs RUN"]
  }

  /// Base policies that failed, for which runs wait, with the sweeps that want them.
  private func failedBases(_ store: Store) throws -> [(sweep: String, line: String)] {
    let found = try store.query(
      sql: """
        SELECT sweep_runs.sweep, bases.id, bases.status, coalesce(bases.reason, 'no reason recorded'),
          count(*) FROM bases JOIN runs ON runs.base = bases.id AND runs.status = 'pending'
          JOIN sweep_runs ON sweep_runs.run = runs.id
        WHERE bases.status IN ('failed', 'timed_out', 'lost') GROUP BY 1, 2 ORDER BY 1, 2
        """)
    return found.rows.compactMap { row in
      guard row.count == 5, let sweep = row[0].string, let id = row[1].string,
        let status = row[2].string, let reason = row[3].string
      else { return nil }
      return (
        sweep,
        "\(sweep): base policy \(id) \(status): \(reason); \(SpecArguments.count(row[4].integer ?? 0, "run")) "
          + "cannot start without it"
      )
    }
  }

  /// The pruned runs with their reasons, the first few.
  private func pruned(_ sweeps: [SweepRow], _ store: Store, limit: Int) throws -> [String] {
    let names = sweeps.filter { $0.states[.pruned, default: 0] > 0 }.map(\.name)
    guard !names.isEmpty else { return [] }
    var lines: [String] = []
    for name in names {
      for row in try store.runs(matching: nil, sweep: name, sort: nil) where row.status == .pruned {
        lines.append(
          "\(name): \(row.label) (\(row.id)) pruned: \(row.reason ?? "no reason recorded")")
      }
    }
    let rest = lines.count - limit
    return [""] + lines.prefix(limit)
      + (rest > 0 ? ["… and \(rest) more: exp runs 'status = pruned'"] : [])
  }

  private static func document(
    _ sweeps: [SweepRow], _ owners: [Owner]
  ) -> JSONValue {
    .array(
      zip(sweeps, owners).map { sweep, owner in
        [
          "sweep": .string(sweep.name), "points": .number(Double(sweep.points)),
          "states": .object(
            Dictionary(
              uniqueKeysWithValues: sweep.states.map {
                ($0.key.rawValue, JSONValue.number(Double($0.value)))
              })),
          "held": .bool(owner.isHeld),
          "pid": owner.holder.map { .number(Double($0.pid)) } ?? .null,
          "since": owner.holder.map { .string($0.startedAt) } ?? .null,
          "host": owner.holder.map { .string($0.host) } ?? .null,
          // try?: a progress that is not finite somewhere is left out.
          "progress": owner.progress.flatMap { try? JSONValue(encoding: $0) } ?? .null,
          "slurm": owner.slurm.map {
            ["queued": .number(Double($0.queued)), "running": .number(Double($0.running))]
          } ?? .null,
        ]
      })
  }
}

/// Who runs a sweep, where anybody does.
private struct Owner {
  let isHeld: Bool
  let holder: SweepLock.Holder?
  /// How far it is, as its process last wrote it.
  let progress: SweepSnapshot?
  /// What Slurm has of it; nil where nothing was submitted, or where Slurm does not answer.
  let slurm: SlurmStatus?

  init(of name: String, paths: RunPaths) throws {
    isHeld = try SweepLock.isHeld(name, paths: paths)
    holder = isHeld ? try SweepLock.holder(of: name, paths: paths) : nil
    progress = isHeld ? SweepProgressFile.read(name, paths: paths) : nil
    do {
      slurm = try SlurmStatus.read(
        sweep: name, paths: paths, environment: ProcessInfo.processInfo.environment)
    } catch {
      Terminal.message("\(name): \(error)")
      slurm = nil
    }
  }

  /// The sweep's bar and its running runs.
  func lines(of name: String) -> [String] {
    guard let progress else { return [] }
    let view = ProgressView.lines(
      SweepDisplay.progress(progress, of: name), Terminal.current.outputStyle)
    let wait = progress.waitsForRoom.map { ["  waiting: \($0)"] } ?? []
    let stopping = progress.isStopping ? ["  stopping"] : []
    return [""] + view + wait + stopping
  }

  /// Its tasks in words, to stand behind who runs it.
  var slurmWords: String {
    guard let slurm else { return "" }
    return "; \(slurm.queued) queued and \(slurm.running) running in Slurm"
  }
}
