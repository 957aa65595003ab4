import ExpCore
import Foundation
import TestSupport
import Testing

/// A folder with a small spec and a cluster of its own.
private struct SlurmBench {
  let folder: String
  let cluster: SlurmCluster

  /// Runs the body beside a real cluster; `steps` decides how long a run takes.
  static func with(
    steps: Int, nodes: Int = 2, settings: [String] = [], _ body: (SlurmBench) throws -> Void
  ) throws {
    try withTemporaryFolder("exp") { folder in
      let cluster = try SlurmCluster(in: "\(folder)/slurm", nodes: nodes, settings: settings)
      defer { cluster.stop() }
      let place = "\(folder)/it's here"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      try write(tinySpec(steps: steps), to: "\(place)/tiny.yaml")
      try body(SlurmBench(folder: place, cluster: cluster))
    }
  }

  /// Steps of runs that something is to happen to: some seconds.
  static let longSteps = 2000

  /// The values of the long runs on this machine alone, undisturbed.
  private static let longValues = Result {
    try withTemporaryFolder { folder in try localValues(steps: longSteps, in: folder) }
  }

  static let arguments = ["sweep", "tiny.yaml", "--executor", "slurm"]

  func run(_ arguments: [String] = arguments) throws -> ToolResult {
    try ExpProgram.run(arguments, in: folder, environment: cluster.environment)
  }

  func start(log: String = "log") throws -> Process {
    try ExpProgram.start(
      SlurmBench.arguments, in: folder, log: path(log), environment: cluster.environment)
  }

  func path(_ name: String) -> String { "\(folder)/\(name)" }
  func log(_ name: String = "log") -> String {
    (try? String(contentsOfFile: path(name), encoding: .utf8)) ?? ""
  }

  /// The records of all attempts, those of base policies included.
  func attempts() throws -> [JSONValue] {
    let found = try runTool(
      "find", [path("runs"), "-name", "attempts.jsonl", "-exec", "cat", "{}", "+"])
    return try found.output.split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
  }

  /// Waits for a run that has recorded steps on a node; returns its task and node.
  func midRun(log: String = "log") throws -> (task: String, node: String) {
    var found: (String, String)?
    let isFound = eventually(60) {
      guard !Trainers.midRun(below: folder).isEmpty else { return false }
      for line in cluster.queue {
        let words = line.split(separator: " ").map(String.init)
        if words.count == 3, words[1] == "RUNNING" { found = (words[0], words[2]) }
      }
      return found != nil
    }
    try #require(isFound, "\(self.log(log))")
    return try #require(found)
  }

  /// The values of a sweep on this machine alone.
  static func localValues(steps: Int, in folder: String) throws -> [String: String] {
    let place = "\(folder)/alone"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    try write(tinySpec(steps: steps), to: "\(place)/tiny.yaml")
    let sweep = try ExpProgram.run(["sweep", "tiny.yaml"], in: place)
    try #require(sweep.status == 0, "\(sweep.errors)")
    return try recordedValues(in: place)
  }

  func values() throws -> [String: String] { try recordedValues(in: folder) }

  /// Waits for a sweep that was started, and checks that it did all it was to do.
  func finish(_ sweep: Process, log name: String = "log") throws {
    sweep.waitUntilExit()
    try #require(sweep.terminationStatus == 0, "\(log(name))")
    #expect(try values() == SlurmBench.longValues.get())
    #expect(cluster.queue.isEmpty)
  }
}

/// Waits until something holds; false after the time is over.
private func eventually(_ seconds: Double, _ condition: () -> Bool) -> Bool {
  let end = Date.now + seconds
  while Date.now < end {
    if condition() { return true }
    usleep(50_000)
  }
  return condition()
}

@Suite("Sweeps through a real Slurm", .serialized, .timeLimit(.minutes(5)))
struct SlurmTests {
  @Test("A sweep in small arrays gives the values of this machine, and --dry-run submits nothing")
  func sameValues() throws {
    try SlurmBench.with(steps: 8, settings: ["MaxArraySize=4"]) { bench in
      let dry = try bench.run(SlurmBench.arguments + ["--dry-run"])
      #expect(dry.status == 0, "\(dry.errors)")
      #expect(dry.output.contains("# runs: 6 tasks in 2 arrays"))
      #expect(dry.output.contains("#SBATCH --array=0-3\n"))
      #expect(bench.cluster.queue.isEmpty)
      #expect(!FileManager.default.fileExists(atPath: bench.path("runs/sweeps/tiny/slurm")))

      let sweep = try bench.run()
      try #require(sweep.status == 0, "\(sweep.errors)")
      // Two base policies, then six runs in arrays of at most four tasks.
      #expect(sweep.errors.matches(of: /submitted (\d) tasks/).map(\.1) == ["2", "4", "2"])
      #expect(try bench.values() == SlurmBench.localValues(steps: 8, in: bench.folder + " beside"))
      let attempts = try bench.attempts()
      #expect(attempts.count == 8)
      #expect(attempts.allSatisfy { $0[path: "job"]?.string?.contains("_") == true })
      #expect(attempts.allSatisfy { ["n1", "n2"].contains($0[path: "host"]?.string) })

      let again = try bench.run()
      #expect(again.status == 0)
      #expect(again.errors.contains("nothing to run: all 6 points are done"))
      let doctor = try bench.run(["doctor"])
      #expect(doctor.output.contains("arrays of up to 4 tasks, no accounting"))
    }
  }

  @Test("A node that loses power in mid-run: its run goes on elsewhere, to the same values")
  func powerCut() throws {
    try SlurmBench.with(steps: SlurmBench.longSteps) { bench in
      let sweep = try bench.start()
      let (task, node) = try bench.midRun()
      bench.cluster.cutPower(of: node)
      try bench.finish(sweep)
      let attempts = try bench.attempts().filter { $0[path: "outcome"]?.string == "succeeded" }
      #expect(attempts.count == 8)
      #expect(
        attempts.contains { $0[path: "job"]?.string == task && $0[path: "host"]?.string != node })
    }
  }

  @Test("A restart of the controller, a stranger's scancel and a requeue are lived through")
  func disturbed() throws {
    try SlurmBench.with(steps: SlurmBench.longSteps) { bench in
      let sweep = try bench.start()
      let (cancelled, _) = try bench.midRun()
      bench.cluster.run(["scancel", cancelled])
      let isGone = eventually(20) {
        !bench.cluster.queue.contains { $0.hasPrefix("\(cancelled) ") }
      }
      #expect(isGone)
      let (requeued, _) = try bench.midRun()
      #expect(bench.cluster.run(["scontrol", "requeue", requeued]).status == 0)
      bench.cluster.stopController()
      #expect(eventually(20) { bench.log().contains("squeue") })
      try bench.cluster.startController()
      try bench.finish(sweep)
      #expect(bench.log().contains("Slurm answers again"))
      // Both were told to save and leave, and went on from there.
      let attempts = try bench.attempts()
      for task in [cancelled, requeued] {
        let first = attempts.first { $0[path: "job"]?.string == task }
        #expect(first?[path: "outcome"]?.string == "cancelled")
      }
      #expect(attempts.count { $0[path: "outcome"]?.string == "succeeded" } == 8)
    }
  }

  @Test("Killed, the next start takes over its tasks; told to stop, it cancels and saves them")
  func takenOver() throws {
    try SlurmBench.with(steps: SlurmBench.longSteps) { bench in
      let killed = try bench.start()
      _ = try bench.midRun()
      kill(killed.processIdentifier, SIGKILL)
      killed.waitUntilExit()
      let submitted = bench.log().matches(of: /as array \d+/).count
      let status = try bench.run(["status"])
      #expect(status.output.contains("in Slurm"), "\(status.output)")

      let second = try bench.start(log: "second")
      #expect(eventually(20) { bench.log("second").contains("are taken over") })
      _ = try bench.midRun(log: "second")
      kill(second.processIdentifier, SIGTERM)
      second.waitUntilExit()
      #expect(second.terminationStatus == 75, "\(bench.log("second"))")
      #expect(!bench.log("second").contains("submitted"), "\(bench.log("second"))")
      #expect(submitted == 2)
      #expect(bench.cluster.queue.isEmpty)
      #expect(Trainers.alive(below: bench.folder).isEmpty)
      let attempts = try bench.attempts()
      #expect(attempts.contains { $0[path: "outcome"]?.string == "cancelled" })
      #expect(attempts.allSatisfy { $0[path: "outcome"]?.string != "lost" })

      // Killed once more, and stopped by 'exp stop' while nobody runs it.
      let third = try bench.start(log: "third")
      _ = try bench.midRun(log: "third")
      kill(third.processIdentifier, SIGKILL)
      third.waitUntilExit()
      let stopped = try bench.run(["stop", "tiny"])
      #expect(stopped.status == 0, "\(stopped.errors)")
      #expect(stopped.errors.contains("but Slurm has tasks of it"), "\(stopped.errors)")
      #expect(eventually(30) { bench.cluster.queue.isEmpty })

      try bench.finish(bench.start(log: "fourth"), log: "fourth")
    }
  }
}
