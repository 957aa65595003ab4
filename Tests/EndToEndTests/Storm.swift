import Foundation
import TestSupport
import Testing

/// A sweep that was killed in mid-run, and what became of it, beside one that nothing disturbed.
struct Storm {
  /// The folder of the disturbed sweep.
  let folder: String
  private let calm: String

  /// Runs a sweep to its end below `parent`, and kills another one in mid-run.
  init(below parent: String, environment: [String: String] = [:]) throws {
    (calm, folder) = ("\(parent)/calm", "\(parent)/storm")
    for place in [calm, folder] {
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      try write(Storm.spec, to: "\(place)/tiny.yaml")
    }
    let undisturbed = try ExpProgram.run(["sweep", "tiny.yaml"], in: calm)
    try #require(undisturbed.status == 0, "\(undisturbed.errors)")
    try killInMidRun(environment: environment)
  }

  /// Four points of about a second each, with checkpoints all the time.
  static let spec =
    tinySpec(steps: 400).replacing("count: 3", with: "count: 2")
    + "\ncheckpoints: {seconds: 0.05}\n"

  /// Starts the sweep and kills all of it, trainers too, once a run has a checkpoint.
  func killInMidRun(
    environment: [String: String] = [:], during: () throws -> Void = {}
  ) throws {
    let sweep = try ExpProgram.start(
      ["sweep", "tiny.yaml"], in: folder, log: "\(folder)/log", environment: environment)
    let deadline = Date.now + 60
    while checkpoints().isEmpty || Trainers.midRun(below: folder).isEmpty, sweep.isRunning,
      Date.now < deadline
    {
      usleep(2_000)
    }
    try during()
    let trainers = Trainers.alive(below: folder)
    for process in [sweep.processIdentifier] + trainers { kill(process, SIGKILL) }
    sweep.waitUntilExit()
    while !Trainers.alive(below: folder).isEmpty, Date.now < deadline { usleep(2_000) }
    #expect(!trainers.isEmpty, "the sweep was over before it could be killed")
  }

  /// The folders of runs and base policies.
  func runFolders() -> [String] {
    let files = FileManager.default
    return ["\(folder)/runs", "\(folder)/runs/bases"].flatMap { parent in
      // try?: before the first run there is no such folder.
      ((try? files.contentsOfDirectory(atPath: parent)) ?? []).filter { $0.utf8.count == 16 }
        .map { "\(parent)/\($0)" }
    }
  }

  /// The checkpoints that RL runs would go on from.
  func checkpoints() -> [String] {
    runFolders().filter { !$0.contains("/bases/") }.flatMap { run in
      // try?: before the first attempt there is no such folder.
      ((try? FileManager.default.contentsOfDirectory(atPath: "\(run)/checkpoints")) ?? [])
        .filter { $0.hasPrefix("step-") && $0.hasSuffix(".ckpt") }
        .map { "\(run)/checkpoints/\($0)" }
    }
  }

  /// Carries the sweep on and compares every value with the undisturbed one's.
  func expectWholeAfterCarryingOn(environment: [String: String] = [:]) throws {
    let last = try ExpProgram.run(["sweep", "tiny.yaml"], in: folder, environment: environment)
    try #require(last.status == 0, "\(last.errors)")
    #expect(Trainers.alive(below: folder).isEmpty)
    #expect(try recordedValues(in: folder) == recordedValues(in: calm))
    let check = try ExpProgram.run(["db", "check"], in: folder)
    #expect(check.status == 0, "\(check.output)")
    let again = try ExpProgram.run(["sweep", "tiny.yaml"], in: folder)
    #expect(again.errors.contains("nothing to run"))
  }
}
