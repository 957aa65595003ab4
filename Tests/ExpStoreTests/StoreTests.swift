import ExpCore
import ExpStore
import Foundation
import TestSupport
import Testing
import TrainerProtocol

@Suite("The store")
struct StoreTests {
  /// Everything the views show, in one text.
  private func dump(_ store: Store) throws -> String {
    let views = [
      "runs", "bases", "params", "metrics", "fits", "attempts", "sweeps", "sweep_runs",
      "predictions", "tags", "notes",
    ]
    return try views.map { view in
      let result = try store.query(sql: "SELECT * FROM \(view)")
      let rows = result.rows.map { JSONValue.array($0).canonicalJSON }.sorted()
      return "\(view) \(result.columns)\n" + rows.joined(separator: "\n")
    }.joined(separator: "\n")
  }

  /// A folder with two sweeps, finished, failed and planned runs, a fit, a prediction, tags and notes.
  private func fill(_ folder: String) throws -> RunMaker {
    let maker = RunMaker(folder)
    _ = try maker.plan("law", [1, 2, 3], second: 1)
    _ = try maker.plan("other", [3, 1], second: 2)
    try maker.succeed(1, config: RunMaker.config(seed: 1), second: 1)
    try maker.succeed(2, config: RunMaker.config(seed: 2), second: 4, last: 0.5)
    let broken = try maker.start(RunMaker.id(9), config: RunMaker.config(seed: 9), second: 5)
    try maker.append(
      [
        RunMaker.attempt(1, pid: 5), RunMaker.metrics(0, ["entropy": 2]),
        RunMaker.metrics(1, ["x": 1]),
      ],
      to: broken)
    try maker.end(RunMaker.id(9), .cancelled, exit: 75, pid: 5)
    try maker.append(
      [RunMaker.attempt(2, resume: 0, pid: 6, second: 40), RunMaker.metrics(1, ["y": 3])],
      to: broken)
    try maker.end(RunMaker.id(9), .failed, exit: 1, pid: 6, started: 40, ended: 50)
    try FitRecord.write([StoreTests.fit(1)], below: maker.paths)
    try RunAnnotations(
      run: RunMaker.id(1), tags: ["good", "a,b \"c\""], notes: [.init(at: "t", text: "n")]
    ).write(below: maker.paths)
    try StoreTests.prediction().register(below: maker.paths)
    return maker
  }

  static func fit(_ number: Int) -> FitRecord {
    FitRecord(
      run: RunMaker.id(number), a: -0.5, b: 0.25, ceiling: 0.75, r2: 0.99, rmse: 0.01, points: 41,
      aSE: 0.01, bSE: 0.02, ceilingLow: 0.7, ceilingHigh: 0.8, warnings: ["few points"])
  }

  static func prediction(time: String = "2026-01-02T03:04:05Z", a: Double = -0.4)
    -> PredictionRecord
  {
    PredictionRecord(
      sweep: "law", size: "2.7m", modelParams: 2.7e6, registeredAt: time,
      dataSHA256: ContentHash(of: "data"), fitSHA256: ContentHash(of: "fit"),
      a: .init(value: a), b: .init(value: nil), ceiling: .init(value: 0.8, low: 0.7, high: 0.9),
      level: 0.95, decadesExtrapolated: 0.5, warnings: [], naive: .init(largest: 0.7, mean: nil),
      extra: ["leave_largest_out": 0.01])
  }

  @Test("the database can be deleted and comes back equal")
  func deletion() throws {
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      let path = maker.paths.database
      // Taken in piece by piece, in another order than a rebuild takes.
      let store = try Store.open(at: path, mode: .readWrite)
      try store.ingest(run: maker.paths.run(RunMaker.id(9)))
      try store.record(sweep: try SweepRecord.read("other", below: maker.paths))
      try store.ingest(run: maker.paths.run(RunMaker.id(2)))
      try store.record(sweep: try SweepRecord.read("law", below: maker.paths))
      try store.ingest(run: maker.paths.run(RunMaker.id(1)))
      try store.record(fits: [StoreTests.fit(1)])
      try store.record(prediction: StoreTests.prediction())
      try store.record(annotations: try RunAnnotations.read(RunMaker.id(1), below: maker.paths))
      let before = try dump(store)
      #expect(before.contains("few points"))
      #expect(before.contains("cancelled"))
      try store.close()
      for suffix in ["", "-wal", "-shm", ".lock"] where access("\(path)\(suffix)", F_OK) == 0 {
        try FileManager.default.removeItem(atPath: "\(path)\(suffix)")
      }
      let again = try Store.open(at: path, mode: .readWrite, runs: maker.paths)
      #expect(again.openingProblems.isEmpty)
      #expect(try dump(again) == before)
      #expect(try again.rebuild(from: maker.paths).isEmpty)
      #expect(try dump(again) == before)
      #expect(try again.refresh(from: maker.paths).isEmpty)
      #expect(try dump(again) == before)
      let inMemory = try Store.inMemory()
      try inMemory.refresh(from: maker.paths)
      #expect(try dump(inMemory) == before)
    }
  }

  @Test("taking a run in twice, or from two stores at once, changes nothing")
  func idempotence() async throws {
    let folder = NSTemporaryDirectory() + "exp-test-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // try?: a leftover is harmless
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let maker = try fill(folder)
    let path = maker.paths.database
    let store = try Store.open(at: path, mode: .readWrite, runs: maker.paths)
    let before = try dump(store)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let store = try Store.open(at: path, mode: .readWrite)
          for number in [1, 2, 9] { try store.ingest(run: maker.paths.run(RunMaker.id(number))) }
        }
      }
      try await group.waitForAll()
    }
    #expect(try dump(store) == before)
  }

  @Test("a log is followed as it grows, is resumed, and is replaced")
  func growth() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let id = RunMaker.id(1)
      let run = try maker.start(id)
      let store = try Store.inMemory()
      try store.ingest(run: run)
      #expect(try store.run(id)?.status == .pending)
      var events = [RunMaker.attempt(1)]
      for step in 0..<6 { events.append(RunMaker.metrics(step, ["val_score": Double(step) / 8])) }
      try maker.append(events, to: run)
      try maker.append(#"{"event":"metr"#, run.events)
      try store.ingest(run: run)
      #expect(try store.metrics(of: id).steps == [0, 1, 2, 3, 4, 5])
      #expect(try store.run(id)?.bestValScore == 0.625)
      try maker.append("\n", run.events)
      try maker.append(
        [RunMaker.attempt(2, resume: 2), RunMaker.metrics(3, ["val_score": 0.1])], to: run)
      let problems = try store.ingest(run: run)
      #expect(problems.count == 1)
      #expect(try store.metrics(of: id) == RunLog.read(run.events).table)
      #expect(try store.metrics(of: id).steps == [0, 1, 2, 3])
      #expect(try store.run(id)?.lastValScore == 0.1)
      #expect(try store.run(id)?.bestValScore == 0.25)
      // Another log under the same name: nothing of the first may stay.
      try FileManager.default.removeItem(atPath: run.events)
      try maker.append(
        [RunMaker.attempt(1, pid: 999), RunMaker.metrics(0, ["entropy": 1])], to: run)
      try store.ingest(run: run)
      #expect(try store.metrics(of: id).columns.map(\.name) == ["entropy"])
      #expect(try store.run(id)?.bestValScore == nil)
    }
  }

  @Test("a log that lost its end to a power cut and grew again is read anew")
  func regrown() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let id = RunMaker.id(1)
      let run = try maker.start(id)
      let store = try Store.inMemory()
      var events = [RunMaker.attempt(1)]
      for step in 0..<400 {
        events.append(RunMaker.metrics(step, ["val_score": Double(step) / 1024]))
      }
      try maker.append(events, to: run)
      try store.ingest(run: run)
      // Far more than what is compared at the beginning stays.
      let whole = try #require(FileManager.default.contents(atPath: run.events))
      let kept = try #require(whole.prefix(whole.count / 2).lastIndex(of: 0x0a)) + 1
      try whole.prefix(kept).write(to: URL(filePath: run.events))
      let steps = whole.prefix(kept).count { $0 == 0x0a } - 1
      try maker.append(
        (steps..<500).map { RunMaker.metrics($0, ["val_score": Double($0) / 2048]) }, to: run)
      try store.ingest(run: run)
      #expect(try store.metrics(of: id) == RunLog.read(run.events).table)
      #expect(try store.metrics(of: id).steps.count == 500)
    }
  }

  @Test("a large log is taken in by several batches")
  func largeLog() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let run = try maker.start(RunMaker.id(1))
      var text = try JSONLine.text(RunMaker.attempt(1))
      let filler = String(repeating: "x", count: 900_000)
      for step in 0..<20 {
        text += try JSONLine.text(RunMaker.metrics(step, ["entropy": Double(step)]))
        text += try JSONLine.text(.message(step: step, seconds: 0, text: filler))
      }
      try maker.append(text, run.events)
      let store = try Store.inMemory()
      #expect(try store.ingest(run: run).isEmpty)
      #expect(try store.metrics(of: RunMaker.id(1))["entropy"] == (0..<20).map(Double.init))
    }
  }

  @Test(
    "several folders together give the rows that each gives alone, a large log and a bad folder among them"
  )
  func together() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let folders = try (1...4).map { try maker.start(RunMaker.id($0)) }
      for (number, run) in folders.enumerated() {
        let value = Double(number)
        try maker.append([RunMaker.attempt(1), RunMaker.metrics(0, ["entropy": value])], to: run)
      }
      let filler = String(repeating: "x", count: 900_000)
      for step in 1..<12 {
        let events = [
          TrainEvent.message(step: step, seconds: 0, text: filler),
          RunMaker.metrics(step, ["entropy": Double(step)]),
        ]
        try maker.append(events, to: folders[1])
      }
      try maker.finish(RunMaker.id(3))
      try "{}".write(toFile: folders[3].request, atomically: true, encoding: .utf8)
      let together = try Store.inMemory()
      let problems = try together.ingest(runs: folders)
      #expect(problems.map(\.path) == [folders[3].path])
      let alone = try Store.inMemory()
      for run in folders.dropLast() { try alone.ingest(run: run) }
      #expect(try dump(together) == dump(alone))
      #expect(try together.run(RunMaker.id(3))?.status == .succeeded)
      #expect(try together.metrics(of: RunMaker.id(2)).steps == Array(0..<12))
      #expect(try together.ingest(runs: folders).count == 1)
      #expect(try dump(together) == dump(alone))
    }
  }

  @Test("planned runs are pending, and go with their plan")
  func planning() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let store = try Store.inMemory()
      try store.record(sweep: try maker.plan("law", [1, 2, 3]))
      try maker.succeed(1, config: RunMaker.config(seed: 1))
      try store.ingest(run: maker.paths.run(RunMaker.id(1)))
      #expect(try store.runs(sweep: "law").map(\.status) == [.succeeded, .pending, .pending])
      #expect(try store.runs(sweep: "law").map(\.label) == ["seed=1", "seed=2", "seed=3"])
      #expect(try store.places(inSweep: "law").map(\.heldOut) == [false, false, true])
      #expect(try store.sweeps().first?.states == [.succeeded: 1, .pending: 2])
      try store.record(sweep: try maker.plan("law", [3]))
      #expect(Set(try store.runs().map(\.id)) == [RunMaker.id(1), RunMaker.id(3)])
      #expect(try store.run(RunMaker.id(1))?.sweeps == [])
      #expect(try store.run(RunMaker.id(1))?.label == "label \(RunMaker.id(1))")
    }
  }

  @Test("a refresh without changes writes nothing, one after a change takes it in")
  func unchanged() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      _ = try maker.plan("law", [1, 2], second: 1)
      try maker.succeed(1, config: RunMaker.config(seed: 1), second: 1)
      try maker.succeed(2, config: RunMaker.config(seed: 2), second: 4)
      let store = try Store.open(at: maker.paths.database, mode: .readWrite, runs: maker.paths)
      try store.refresh(from: maker.paths)
      let log = "\(maker.paths.database)-wal"
      let before = try FileManager.default.attributesOfItem(atPath: log)
      try store.refresh(from: maker.paths)
      let after = try FileManager.default.attributesOfItem(atPath: log)
      #expect(before[.modificationDate] as? Date == after[.modificationDate] as? Date)
      #expect(before[.size] as? Int == after[.size] as? Int)
      _ = try maker.plan("law", [1, 3], second: 1)
      try store.refresh(from: maker.paths)
      #expect(try Set(store.runs(sweep: "law").map(\.id)) == [RunMaker.id(1), RunMaker.id(3)])
    }
  }

  @Test("what loses its files goes on a refresh")
  func vanished() throws {
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      let store = try Store.inMemory()
      try store.refresh(from: maker.paths)
      for path in [
        maker.paths.run(RunMaker.id(1)).path, maker.paths.run(RunMaker.id(9)).path,
        maker.paths.sweep("other"), "\(maker.paths.root)/annotations",
      ] {
        try FileManager.default.removeItem(atPath: path)
      }
      try store.refresh(from: maker.paths)
      let fresh = try Store.inMemory()
      try fresh.refresh(from: maker.paths)
      #expect(try dump(store) == dump(fresh))
      #expect(try store.run(RunMaker.id(9)) == nil)
      #expect(try store.run(RunMaker.id(1))?.status == .pending)
    }
  }

  @Test("a folder that is no run is reported, and the rest is taken in")
  func problems() throws {
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      let bad = maker.paths.run(RunMaker.id(50))
      try FileManager.default.createDirectory(
        atPath: bad.path, withIntermediateDirectories: true)
      try maker.write("{\"schema\": 1", bad.request)
      try maker.write("[]", "\(maker.paths.sweep("law"))/predictions/x.json")
      try maker.write("nonsense", "\(maker.paths.root)/fits/y.json")
      var twice = try maker.plan("twice", [1, 2])
      twice.points[1].index = 0
      try twice.write(below: maker.paths)
      let store = try Store.inMemory()
      let problems = try store.refresh(from: maker.paths)
      #expect(problems.count == 4)
      #expect(try store.runs().count == 4)
    }
  }

  @Test("a run folder is believed only under its own name")
  func foreignFolder() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let run = try maker.start(RunMaker.id(1))
      let other = maker.paths.run(RunMaker.id(2))
      try FileManager.default.moveItem(atPath: run.path, toPath: other.path)
      #expect(throws: StoreError.self) { try Store.inMemory().ingest(run: other) }
    }
  }

  @Test("base policies are no runs, but have series")
  func bases() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let id = RunMaker.base
      let base = maker.paths.base(id)
      try FileManager.default.createDirectory(
        atPath: base.path, withIntermediateDirectories: true)
      var config = RunMaker.config()
      for key in ["train", "evaluate", "seed"] { config[path: key] = nil }
      let request = RunRequest(
        id: id, kind: .base, config: try config.decoded(as: RunConfig.self), base: nil,
        compute: RunMaker.compute, sourceFingerprint: RunMaker.fingerprint)
      try maker.write(try JSONValue(encoding: request).canonicalJSON, base.request)
      try maker.append([RunMaker.attempt(1), RunMaker.metrics(0, ["loss": 3])], to: base)
      let store = try Store.inMemory()
      #expect(try store.refresh(from: maker.paths).isEmpty)
      #expect(try store.runs().isEmpty)
      #expect(try store.query(sql: "SELECT id FROM bases").rows == [[.string(id.text)]])
      #expect(try store.metrics(of: id)["loss"] == [3])
      #expect(try store.resolve(reference: id.text) == id)
    }
  }

  @Test("predictions are never replaced, and an equal one keeps its first time")
  func registering() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      _ = try maker.plan("law", [1])
      let first = try StoreTests.prediction(time: "1").register(below: maker.paths)
      #expect(try StoreTests.prediction(time: "2").register(below: maker.paths) == first)
      let other = try StoreTests.prediction(time: "3", a: -0.9).register(below: maker.paths)
      let all = try PredictionRecord.readAll(of: "law", below: maker.paths)
      #expect(all == [first, other])
      let store = try Store.inMemory()
      try store.refresh(from: maker.paths)
      try store.refresh(from: maker.paths)
      #expect(try store.predictions(ofSweep: "law") == all)
    }
  }

  @Test("plans are read as written, and names cannot leave the folder")
  func plans() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let plan = try maker.plan("law", [1, 2])
      #expect(try SweepRecord.read("law", below: maker.paths) == plan)
      for name in ["..", "../law", "a/b", "", ".law", String(repeating: "a", count: 65), "é"] {
        #expect(!SweepRecord.isName(name))
        #expect(throws: StoreError.self) { try SweepRecord.read(name, below: maker.paths) }
      }
      #expect(throws: StoreError.self) { try maker.plan("../x", [1]) }
    }
  }
}
