internal import ArgumentParser
internal import ExpCore
internal import ExpReport
internal import ExpSchedule
internal import ExpStore
internal import TrainerProtocol

/// `exp status`: what is going on now.
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show every sweep: who runs it, and how far it is.")

  @Flag(help: "Print the result as JSON.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let paths = location.paths()
      let sweeps = try location.openStore().sweeps()
      let owners = try sweeps.map { try Owner(of: $0.name, paths: paths) }
      if json {
        Terminal.output(StatusCommand.document(sweeps, owners).prettyJSON)
        return
      }
      let rows = zip(sweeps, owners).map { sweep, owner -> [TextTable.Cell] in
        let who = owner.holder.map { "process \($0.pid) on \($0.host) since \($0.startedAt)" }
        let states = RunState.allCases.compactMap { state in
          sweep.states[state].map { "\($0) \(state.rawValue)" }
        }
        return [
          .init(sweep.name), .init(String(sweep.points)),
          .init(states.joined(separator: ", ")),
          .init(owner.isHeld ? who ?? "another process" : "nobody"),
        ]
      }
      Terminal.output(
        TextTable(
          columns: [.init("sweep"), .init("points", .right), .init("states"), .init("run by")],
          rows: Array(rows), emptyText: "no sweeps"
        ).rendered(Terminal.current.outputStyle))
      for line in try pruned(sweeps, limit: 10) { Terminal.output(line) }
    }
  }

  /// The pruned runs with their reasons, the first few.
  private func pruned(_ sweeps: [SweepRow], limit: Int) throws -> [String] {
    let names = sweeps.filter { $0.states[.pruned, default: 0] > 0 }.map(\.name)
    guard !names.isEmpty else { return [] }
    let store = try location.openStore()
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
        ]
      })
  }
}

/// Who runs a sweep, where anybody does.
private struct Owner {
  let isHeld: Bool
  let holder: SweepLock.Holder?

  init(of name: String, paths: RunPaths) throws {
    isHeld = try SweepLock.isHeld(name, paths: paths)
    holder = isHeld ? try SweepLock.holder(of: name, paths: paths) : nil
  }
}
