import ExpCore
import Foundation
import TestSupport
import Testing

@Suite("Registered predictions are settled, end to end")
struct ScoreTests {
  @Test("a prediction is registered, waits, counts, and is settled by the runs of its size")
  func settled() throws {
    try withTemporaryFolder { folder in
      let sweep = SyntheticSweep(folder)
      try sweep.write(finished: SyntheticSweep.small)
      let none = try ExpProgram.run(["score"], in: folder)
      #expect(none.status == 0 && none.output.contains("no prediction is registered"))
      let registered = try ExpProgram.run(
        ["predict", "--size", "1600000", "--from", "made", "--register"], in: folder)
      try #require(registered.status == 0, "\(registered.errors)")
      let waiting = try prediction(in: folder)
      #expect(waiting[path: "settled"]?.bool == false && waiting[path: "counts"]?.bool == true)
      #expect(
        waiting[path: "reason_not_settled"]?.string
          == "of 2 runs made 8 is pending, made 9 is pending")
      try sweep.write(
        finished: SyntheticSweep.small + [1_600_000], startedAt: "2999-01-01T00:00:00Z")
      let settled = try prediction(in: folder)
      #expect(settled[path: "settled"]?.bool == true && settled[path: "counts"]?.bool == true)
      #expect(settled[path: "data_unchanged"]?.bool == true)
      #expect(settled[path: "measured.runs"]?.number == 2)
      let error = try #require(settled[path: "error"]?.number)
      #expect(abs(error) < 0.01)
      #expect(settled[path: "beats_naive"]?.bool == true)
      #expect(settled[path: "interval_score"]?.number ?? 0 > 0)
    }
  }

  @Test(
    "one that came after the first run does not count, changed data are named, a withheld one stays so"
  )
  func doubtful() throws {
    try withTemporaryFolder { folder in
      let sweep = SyntheticSweep(folder)
      try sweep.write(finished: SyntheticSweep.small)
      let registered = try ExpProgram.run(
        ["predict", "--size", "1600000", "--from", "made", "--register"], in: folder)
      try #require(registered.status == 0, "\(registered.errors)")
      try sweep.write(
        finished: Array(SyntheticSweep.small.dropFirst()) + [1_600_000],
        startedAt: "2001-01-01T00:00:00Z")
      let late = try prediction(in: folder)
      #expect(late[path: "counts"]?.bool == false)
      #expect(
        late[path: "reason_not_counted"]?.string
          == "the first run of this size began at 2001-01-01T00:00:00Z, before it was registered")
      #expect(late[path: "data_change"]?.string?.hasPrefix("8 runs then, 6 now") == true)
      let path = "\(folder)/runs/sweeps/made/predictions/1600000.json"
      var record = try JSONValue(parsing: Data(contentsOf: URL(filePath: path)))
      record[path: "ceiling"] = [:]
      try record.prettyJSON.write(toFile: path, atomically: true, encoding: .utf8)
      let withheld = try prediction(in: folder)
      #expect(withheld[path: "withheld"]?.bool == true && withheld[path: "settled"]?.bool == true)
      #expect(withheld[path: "error"]?.number == nil && withheld[path: "inside"]?.bool == nil)
      #expect(withheld[path: "curve_rmse"]?.number != nil)
      #expect(try ExpProgram.run(["score", "nowhere"], in: folder).status == 64)
    }
  }

  private func prediction(in folder: String) throws -> JSONValue {
    let result = try ExpProgram.run(["score", "made", "--json"], in: folder)
    try #require(result.status == 0, "\(result.errors)")
    return try #require(
      try JSONValue(parsing: result.output.utf8)[path: "predictions"]?.array?.first)
  }
}

/// A sweep whose files are written by hand: two runs of each of five sizes on a law that is a line in ln N.
private struct SyntheticSweep {
  static let small = [100_000, 200_000, 400_000, 800_000]
  let folder: String

  init(_ folder: String) { self.folder = folder }

  func write(finished: [Int], startedAt: String = "2001-01-01T00:00:00Z") throws {
    let sizes = SyntheticSweep.small + [1_600_000]
    var points: [JSONValue] = []
    for index in 0..<10 {
      let size = sizes[index / 2]
      points.append(point(index, size))
      guard finished.contains(size) else {
        try? FileManager.default.removeItem(atPath: run(index))  // try?: it may not be there yet
        continue
      }
      try FileManager.default.createDirectory(
        atPath: run(index), withIntermediateDirectories: true)
      try events(size, seed: index % 2, startedAt).write(
        toFile: "\(run(index))/events.jsonl", atomically: true, encoding: .utf8)
      try result(index).prettyJSON.write(
        toFile: "\(run(index))/result.json", atomically: true, encoding: .utf8)
    }
    let plan: JSONValue = [
      "schema": 1, "name": "made", "spec_path": "made.yaml", "created_at": "2001-01-01T00:00:00Z",
      "command_line": [], "points": .array(points),
    ]
    try FileManager.default.createDirectory(
      atPath: "\(folder)/runs/sweeps/made", withIntermediateDirectories: true)
    try plan.prettyJSON.write(
      toFile: "\(folder)/runs/sweeps/made/plan.json", atomically: true, encoding: .utf8)
  }

  private func id(_ index: Int) -> String { "00000000000000a\(index)" }
  private func run(_ index: Int) -> String { "\(folder)/runs/\(id(index))" }
  private var hash: JSONValue { .string(String(repeating: "a", count: 64)) }

  private func point(_ index: Int, _ size: Int) -> JSONValue {
    [
      "run": .string(id(index)), "base": "00000000000000b0", "config_hash": hash,
      "label": .string("made \(index)"), "index": .number(Double(index)),
      "held_out": .bool(size == 1_600_000),
      "config": [
        "model": ["params": .number(Double(size))], "seed": .number(Double(index % 2)),
        "base": ["seed": 0], "train": ["algorithm": "grpo", "steps": 80],
      ],
    ]
  }

  private func result(_ index: Int) -> JSONValue {
    [
      "schema": 1, "id": .string(id(index)), "steps": 80, "attempt": 1,
      "checkpoint": "checkpoints/final.ckpt", "checkpoint_sha256": hash, "series_sha256": hash,
      "last": [:], "definitions": [:], "wall_seconds": 1, "peak_memory_bytes": 1, "cpu_seconds": 1,
    ]
  }

  private func events(_ size: Int, seed: Int, _ startedAt: String) -> String {
    let attempt: JSONValue = [
      "event": "attempt", "number": 1, "resume_step": 0, "total_steps": 80, "pid": 1,
      "host": "here",
      "started_at": .string(startedAt), "source_fingerprint": hash, "blas": "none",
      "compute": ["blas_core_type": "", "kernel_set": "plain", "threads": 1],
    ]
    let b = 0.1 + 0.05 * log(Double(size)) + 0.004 * Double(seed)
    let a = 0.05 + 0.01 * log(Double(size))
    let metrics = (0...20).map { index -> String in
      let entropy = 0.2 + 0.8 * exp(-0.15 * Double(index))
      let error = 0.003 * sin(Double(7 * index + 3 * seed) + Double(size))
      let values: JSONValue = [
        "entropy": .number(entropy), "val_score": .number(b - a * exp(entropy) + error),
      ]
      let event: JSONValue = [
        "event": "metrics", "step": .number(Double(4 * index)), "seconds": 1, "values": values,
      ]
      return event.canonicalJSON
    }
    let end: JSONValue = [
      "event": "end", "step": 80, "seconds": 2, "status": "succeeded", "reason": .null,
    ]
    return ([attempt.canonicalJSON] + metrics + [end.canonicalJSON]).joined(separator: "\n") + "\n"
  }
}
