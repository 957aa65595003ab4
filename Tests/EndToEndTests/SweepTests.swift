import ExpCore
import Foundation
import TestSupport
import Testing

@Suite("Sweeps, end to end")
struct SweepTests {
  @Test("A sweep runs, is done when started again, and gives the same bits whatever --jobs is")
  func sweepAndDeterminism() throws {
    try withTemporaryFolder { folder in
      let folders = ["\(folder)/one", "\(folder)/two"]
      for (jobs, place) in zip(["1", "2"], folders) {
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try write(tinySpec(steps: 8), to: "\(place)/tiny.yaml")
        let sweep = try ExpProgram.run(["sweep", "tiny.yaml", "--jobs", jobs], in: place)
        try #require(sweep.status == 0, "\(sweep.errors)")
      }
      let values = try folders.map(recordedValues)
      #expect(values[0].count == 6)
      #expect(values[0] == values[1])
      let again = try ExpProgram.run(["sweep", "tiny.yaml"], in: folders[0])
      #expect(again.status == 0)
      #expect(again.errors.contains("nothing to run: all 6 points are done"))
      try checkDocuments(in: folders[0])
    }
  }

  /// The shapes that other programs rely on.
  private func checkDocuments(in folder: String) throws {
    let plan = try ExpProgram.run(["plan", "tiny.yaml", "--json"], in: folder)
    let points = try #require(try JSONValue(parsing: plan.output.utf8)[path: "points"]?.array)
    #expect(points.count == 6)
    #expect(points.allSatisfy { $0[path: "state"]?.string == "done" })
    let runs = try ExpProgram.run(["runs", "--json"], in: folder)
    let row = try #require(try JSONValue(parsing: runs.output.utf8).array?.first)
    #expect(row[path: "sweep"]?.string == "tiny")
    #expect(row.object?["params"]?.object?["train.algorithm"]?.string == "grpo")
    #expect(row[path: "summary.last_entropy"]?.number != nil)
    let id = try #require(row[path: "id"]?.string)
    let metrics = try ExpProgram.run(["metrics", id, "--csv"], in: folder)
    #expect(metrics.output.hasPrefix("step,entropy,val_score,train_reward,"))
    #expect(metrics.output.split(separator: "\n").count == 1 + 9)
    let fit = try ExpProgram.run(["fit", "tiny", "--json"], in: folder)
    let report = try JSONValue(parsing: fit.output.utf8)
    #expect(report[path: "runs"]?.array?.count == 6)
    #expect(report[path: "scaling.a.slope"]?.number != nil)
    let predicted = try ExpProgram.run(
      ["predict", "--size", "10M", "--from", "tiny", "--json"], in: folder)
    let prediction = try JSONValue(parsing: predicted.output.utf8)
    #expect(prediction[path: "size"]?.number == 1e7)
    #expect(prediction[path: "decades_extrapolated"]?.number ?? 0 > 2)
    let samples = try ExpProgram.run(["samples", "tiny/0"], in: folder)
    #expect(samples.output.contains("reward"))
    let sql = try runTool(
      "sqlite3", ["runs/exp.sqlite", "SELECT count(*) FROM runs WHERE status = 'succeeded'"],
      in: folder)
    #expect(sql.output == "6\n")
  }

  @Test("Ctrl-C once saves and stops with 75; the next start carries on to the same values")
  func interrupted() throws {
    try withTemporaryFolder { folder in
      let (calm, stopped) = ("\(folder)/calm", "\(folder)/stopped")
      for place in [calm, stopped] {
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try write(tinySpec(steps: 300), to: "\(place)/tiny.yaml")
      }
      let undisturbed = try ExpProgram.run(["sweep", "tiny.yaml"], in: calm)
      try #require(undisturbed.status == 0, "\(undisturbed.errors)")
      let sweep = try ExpProgram.start(["sweep", "tiny.yaml"], in: stopped, log: "\(stopped)/log")
      let deadline = Date.now + 60
      while Trainers.midRun(below: stopped).isEmpty, sweep.isRunning, Date.now < deadline {
        usleep(5_000)
      }
      #expect(sweep.isRunning, "the sweep was over before it could be interrupted")
      sweep.interrupt()
      sweep.waitUntilExit()
      #expect(sweep.terminationStatus == 75)
      #expect(Trainers.alive(below: stopped).isEmpty)
      let carriedOn = try ExpProgram.run(["sweep", "tiny.yaml"], in: stopped)
      try #require(carriedOn.status == 0, "\(carriedOn.errors)")
      #expect(try recordedValues(in: stopped) == recordedValues(in: calm))
    }
  }

  @Test("A run is pinned to its commit, or to a snapshot of a dirty tree, and git sees no change")
  func pinned() throws {
    try withTemporaryFolder { folder in
      try write(tinySpec(steps: 2), to: "\(folder)/tiny.yaml")
      func git(_ arguments: String...) throws -> String {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
        let result = try runTool("git", identity + arguments, in: folder)
        try #require(result.status == 0, "\(result.errors)")
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
      }
      _ = try git("init", "-q", "-b", "main")
      _ = try git("add", "tiny.yaml")
      _ = try git("commit", "-qm", "spec")
      let overrides = ["seed=[0]", "model.size=[14k]"]
      let clean = try ExpProgram.run(["sweep", "tiny.yaml"] + overrides, in: folder)
      try #require(clean.status == 0, "\(clean.errors)")
      #expect(try git("status", "--porcelain") == "")
      try write("a note\n", to: "\(folder)/note.txt")
      let dirty = try ExpProgram.run(
        ["sweep", "tiny.yaml", "seed=[1]", "model.size=[14k]"], in: folder)
      try #require(dirty.status == 0, "\(dirty.errors)")
      #expect(try git("status", "--porcelain") == "?? note.txt")
      let runs = try ExpProgram.run(["runs", "--json"], in: folder)
      let rows = try #require(try JSONValue(parsing: runs.output.utf8).array)
      let commits = Dictionary(
        uniqueKeysWithValues: rows.map {
          ($0.object?["params"]?.object?["seed"]?.integer ?? -1, $0)
        })
      #expect(try commits[0]?[path: "commit"]?.string == git("rev-parse", "HEAD"))
      #expect(commits[0]?[path: "snapshot"]?.bool == false)
      #expect(commits[1]?[path: "snapshot"]?.bool == true)
      let snapshot = try #require(commits[1]?[path: "commit"]?.string)
      #expect(try git("show", "\(snapshot):note.txt") == "a note")
    }
  }

  @Test("A held-out size is predicted before it runs, and the prediction stands beside the truth")
  func heldOut() throws {
    try withTemporaryFolder { folder in
      let spec = tinySpec(steps: 8)
        .replacing("[14k, 24k]", with: "[14k, 24k, 83k, 151k]")
        .replacing("{from: 0, count: 3}", with: "[0]")
      try write(spec + "\nhold_out: [\"model.size = 151k\"]\n", to: "\(folder)/tiny.yaml")
      let sweep = try ExpProgram.run(["sweep", "tiny.yaml"], in: folder)
      try #require(sweep.status == 0, "\(sweep.errors)")
      #expect(sweep.errors.contains("registered before 151k runs"))
      let record = try Data(
        contentsOf: URL(filePath: "\(folder)/runs/sweeps/tiny/predictions/151k.json"))
      let registered = try #require(
        try JSONValue(parsing: record)[path: "registered_at"]?.string)
      let runs = try ExpProgram.run(["runs", "model.size = 151k", "--json"], in: folder)
      let started = try #require(
        try JSONValue(parsing: runs.output.utf8).array?.first?[path: "started_at"]?.string)
      #expect(registered <= started)
      let fit = try ExpProgram.run(["fit", "tiny", "--json"], in: folder)
      let report = try JSONValue(parsing: fit.output.utf8)
      #expect(report[path: "scaling.sizes"]?.array?.count == 3)
      #expect(report[path: "scaling.held_out.sizes"]?.array?.count == 1)
    }
  }

  @Test("A second sweep of the same name is refused with 75 and says who holds it")
  func held() throws {
    try withTemporaryFolder { folder in
      try write(tinySpec(steps: 40), to: "\(folder)/tiny.yaml")
      let first = try ExpProgram.start(["sweep", "tiny.yaml"], in: folder, log: "\(folder)/log")
      defer {
        first.terminate()
        first.waitUntilExit()
      }
      let deadline = Date.now + 60
      while Trainers.alive(below: folder).isEmpty, first.isRunning, Date.now < deadline {
        usleep(5_000)
      }
      let second = try ExpProgram.run(["sweep", "tiny.yaml"], in: folder)
      #expect(second.status == 75)
      #expect(second.errors.contains("is already run by process \(first.processIdentifier)"))
    }
  }
}
