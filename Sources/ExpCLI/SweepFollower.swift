internal import ArgumentParser
internal import ExpCore
internal import ExpSchedule
internal import ExpStore
internal import FoundationEssentials
internal import Glibc
internal import TrainerProtocol

/// Looks on while another process runs a sweep.
struct SweepFollower {
  private static let interval: UInt32 = 500_000

  let sweep: String
  let paths: RunPaths

  /// Shows progress and messages until nobody runs the sweep any more.
  func follow() throws {
    let display = SweepDisplay()
    let messages = SweepMessages(of: sweep, paths)
    var offset = messages.size
    defer { display.finish() }
    while try SweepLock.isHeld(sweep, paths: paths) {
      offset = tell(messages, from: offset, display)
      if let snapshot = SweepProgressFile.read(sweep, paths: paths) {
        display.show(snapshot, of: sweep)
      }
      usleep(SweepFollower.interval)
    }
    _ = tell(messages, from: offset, display)
  }

  /// Waits until nobody runs the sweep any more, without showing anything.
  func wait() throws {
    while try SweepLock.isHeld(sweep, paths: paths) { usleep(SweepFollower.interval / 5) }
  }

  private func tell(_ messages: SweepMessages, from offset: Int, _ display: SweepDisplay) -> Int {
    let (lines, end) = messages.lines(from: offset)
    for line in lines { display.say(line) }
    return end
  }

  /// Leaves with the code that the sweep itself would leave with, told from the files of its runs.
  func conclude() throws {
    let record = try SweepRecord.read(sweep, below: paths)
    var bases: [RunID: RunState] = [:]
    for base in Set(record.points.map(\.base)) {
      bases[base] = RunStatus.read(paths.base(base)).state
    }
    let states = record.points.map { point in
      let state = RunStatus.read(paths.run(point.run)).state
      // A run whose base policy failed has no files of its own.
      guard state == .pending, let base = bases[point.base], [.failed, .timedOut].contains(base)
      else { return state }
      return .failed
    }
    let done = states.count { $0 == .succeeded || $0 == .pruned }
    Terminal.message("\(sweep): \(done) of \(states.count) points done")
    if states.contains(where: { !$0.isFinished || $0 == .cancelled }) { throw ExitStatus.canGoOn }
    if done < states.count { throw ExitStatus.someRunsFailed }
  }
}

/// The sweep that a command means: the one that is named, or the only one that somebody runs.
struct SweepReference: ParsableArguments {
  @Argument(help: "The sweep (default: the only one that is being run).") var sweep: String?

  init() {}

  init(_ sweep: String?) { self.sweep = sweep }

  /// Returns the sweep's name; one that was never planned is a usage error.
  func name(_ paths: RunPaths) throws -> String {
    let known = SweepReference.known(paths)
    guard let sweep else {
      let held = try known.filter { try SweepLock.isHeld($0, paths: paths) }
      if held.count == 1 { return held[0] }
      throw Failure(
        held.isEmpty
          ? "nobody runs a sweep at the moment"
          : "several sweeps are being run; name one of them: \(held.joined(separator: ", "))",
        code: ExitStatus.usage)
    }
    guard known.contains(sweep) else {
      let names = known.isEmpty ? "there are none" : "there are \(known.joined(separator: ", "))"
      throw Failure("there is no sweep '\(sweep)'; \(names)", code: ExitStatus.usage)
    }
    return sweep
  }

  /// The names of all sweeps, in order.
  static func known(_ paths: RunPaths) -> [String] {
    // try?: without the folder there are no sweeps.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(paths.root)/sweeps")) ?? []
    return names.filter { SweepRecord.isName($0) }.sorted()
  }
}
