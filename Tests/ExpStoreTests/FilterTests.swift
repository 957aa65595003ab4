import ExpCore
import ExpStore
import Foundation
import TestSupport
import Testing
import TrainerProtocol

@Suite("Filters, sort orders and references")
struct FilterTests {
  /// Forty runs that differ in seed, algorithm, control and size; every fourth has no folder yet.
  private func store(_ folder: String) throws -> Store {
    let maker = RunMaker(folder)
    var configs: [JSONValue] = []
    for number in 0..<40 {
      configs.append(
        RunMaker.config(
          seed: number % 5, algorithm: ["grpo", "rloo"][number % 2],
          control: ["none", "kl_cov", "clip_cov"][number % 3],
          params: [24_000, 303_000, 2_700_000][number % 3], rate: number % 7 == 0 ? 1e-4 : 2e-4))
    }
    _ = try maker.plan("law", Array(0..<40), configs: configs)
    _ = try maker.plan("small", [5, 6], second: 2, configs: [configs[5], configs[6]])
    for number in 0..<40 where number % 4 != 0 {
      try maker.succeed(
        number, config: configs[number], second: number, last: Double(number) / 64)
    }
    try FitRecord.write([StoreTests.fit(1)], below: maker.paths)
    try RunAnnotations(run: RunMaker.id(7), tags: ["good", "'; DROP TABLE run; --"])
      .write(below: maker.paths)
    let store = try Store.inMemory()
    let problems = try store.refresh(from: maker.paths)
    #expect(problems.isEmpty)
    return store
  }

  /// What a filter sees of a run, in plain Swift.
  private func value(_ row: RunRow, _ key: String) -> JSONValue? {
    switch key {
    case "status": .string(row.status.rawValue)
    case "val_score": row.lastValScore.map(JSONValue.number)
    case "ceiling": row.ceiling.map(JSONValue.number)
    case "model.size": row.modelSize.map(JSONValue.string)
    case "created": row.createdAt.map(JSONValue.string)
    case "snapshot": .bool(row.snapshot)
    case "commit": row.commit.map(JSONValue.string)
    default: row.params[path: key]
    }
  }

  @Test("SQL and plain evaluation let the same runs pass")
  func agreement() throws {
    let filters = [
      "train.algorithm = grpo", "train.algorithm != grpo", "train.algorithm in (rloo, ppo)",
      "train.algorithm in (1, 2)", "not train.algorithm = grpo", "seed = 3", "seed != 3",
      "seed in (1, 2)", "seed in (1, x)", "seed ~ '^[12]$'", "seed = word", "seed != word",
      "model.params < 1e6", "model.params >= 303k", "model.params = 2.7m", "model.size = 24k",
      "model.size = 0.024m", "model.size != 24k", "model.size > 1k", "status = succeeded",
      "status != succeeded", "status in (pending, failed)", "status ~ ^succ", "val_score > 0.3",
      "val_score != 0.3", "not val_score > 0.3", "ceiling > 0.5", "not ceiling > 0.5",
      "train.entropy_control = kl_cov", "train.entropy_control ~ cov",
      "train.entropy_control.method = none", "task.numbers = 4", "task.numbers in (3, 4)",
      "train.learning_rate < 2e-4", "train.learning_rate = 0.0001", "train.filter_groups = true",
      "train.filter_groups != true", "train.filter_groups = 1", "created < '2026-01-02T03:00:10Z'",
      "snapshot = true", "snapshot in (true)", "snapshot ~ ^f", "status in (succeeded)",
      "seed in (0, 1.5, 4)", "snapshot = false",
      "snapshot != true", "snapshot = 1", "commit ~ ^a",
      "commit = 'a'", "task.name = countdown and (seed = 0 or seed = 4) and not model.params < 1m",
      "train.algorithm = \"grpo' or 1=1 --\"",
    ]
    try withTemporaryFolder { folder in
      let store = try store(folder)
      let all = try store.runs()
      #expect(all.count == 40)
      for text in filters {
        let expression = try Expression.parse(text)
        let found = Set(try store.runs(matching: expression).map(\.id))
        let expected = all.filter { row in expression.evaluate { value(row, $0) } }.map(\.id)
        #expect(found == Set(expected), "\(text)")
      }
    }
  }

  @Test("sweeps and tags pass where one of them does")
  func names() throws {
    try withTemporaryFolder { folder in
      let store = try store(folder)
      func count(_ text: String) throws -> Int {
        try store.runs(matching: try Expression.parse(text)).count
      }
      #expect(try count("sweep = small") == 2)
      #expect(try count("sweep = law") == 40)
      #expect(try count("sweep ~ ^s and not sweep = nothing") == 2)
      #expect(try count("tags = good") == 1)
      #expect(try count("tag in (good, bad)") == 1)
      #expect(try count("not tags = good") == 39)
      #expect(try store.runs(sweep: "small").map(\.id) == [RunMaker.id(5), RunMaker.id(6)])
      #expect(try store.run(RunMaker.id(5))?.sweeps == ["law", "small"])
    }
  }

  @Test("order follows names, missing values come last")
  func sorting() throws {
    try withTemporaryFolder { folder in
      let store = try store(folder)
      let scores = try store.runs(sort: "-val_score").map(\.lastValScore)
      #expect(scores.first == 39.0 / 64)
      #expect(scores.suffix(10).allSatisfy { $0 == nil })
      let ascending = try store.runs(sort: "val_score").map(\.lastValScore)
      #expect(ascending.first == 1.0 / 64)
      #expect(ascending.last == .some(nil))
      let rows = try store.runs(sort: "train.algorithm,-seed,id")
      let keys = rows.map { "\($0.algorithm ?? "") \(9 - ($0.seed ?? 0)) \($0.id)" }
      #expect(keys == keys.sorted())
    }
  }

  @Test("a name that no run has is refused with the nearest one")
  func unknown() throws {
    try withTemporaryFolder { folder in
      let store = try store(folder)
      let error = #expect(throws: StoreError.self) {
        try store.runs(matching: try Expression.parse("train.algoritm = grpo"))
      }
      #expect(
        error?.message
          == "no run has a value named 'train.algoritm'; did you mean 'train.algorithm'?")
      for sort in ["-valscore", "", "-", "seed,", "id; DROP TABLE run", "(SELECT 1)"] {
        #expect(throws: StoreError.self) { try store.runs(sort: sort) }
      }
      let sweep = #expect(throws: StoreError.self) { try store.runs(sweep: "lwa") }
      #expect(sweep?.code == .notFound)
    }
  }

  @Test("text that looks like SQL stays text")
  func injection() throws {
    try withTemporaryFolder { folder in
      let store = try store(folder)
      let keys = [
        "id", "status", "sweep", "tags", "model.size", "train.algorithm", "seed", "label",
      ]
      for text in ["x' OR '1'='1", "\"; DROP TABLE run; --", "%", "_", "\u{0}", "')"] {
        let literal = Expression.Literal(text, isQuoted: true)
        for key in keys {
          #expect(try store.runs(matching: .comparison(key: key, .equal, literal)).isEmpty)
          #expect(try store.runs(matching: .membership(key: key, [literal])).isEmpty)
        }
        #expect(throws: StoreError.self) {
          try store.runs(matching: .comparison(key: text, .equal, .init("1")))
        }
        #expect(throws: StoreError.self) { try store.runs(sweep: text) }
        #expect(throws: StoreError.self) { try store.resolve(reference: text) }
        #expect(throws: StoreError.self) { try store.resolve(reference: "law/\(text)") }
      }
      #expect(try store.runs().count == 40)
    }
  }

  @Test("references name runs by prefix, by place, and as the last")
  func references() throws {
    try withTemporaryFolder { folder in
      let store = try store(folder)
      let id = RunMaker.id(7)
      #expect(try store.resolve(reference: id.text) == id)
      #expect(try store.resolve(reference: String(id.text.prefix(9))) == id)
      #expect(try store.resolve(reference: "law/7") == id)
      #expect(try store.resolve(reference: "small/1") == RunMaker.id(6))
      #expect(try store.resolve(reference: "@last") == RunMaker.id(39))
      for reference in ["law/40", "law/-1", "law/x", "nothing/0", "law/", "", "xyz", "@first"] {
        #expect(throws: StoreError.self) { try store.resolve(reference: reference) }
      }
      // Forty ids on sixteen first digits: some digit is shared.
      let first = try store.runs().map { String($0.id.text.prefix(1)) }
      let shared = try #require(first.first { digit in first.filter { $0 == digit }.count > 1 })
      let error = #expect(throws: StoreError.self) { try store.resolve(reference: shared) }
      #expect(error?.code == .ambiguous)
      #expect(throws: StoreError.self) { try Store.inMemory().resolve(reference: "@last") }
    }
  }

  @Test("two thousand planned runs are filtered by any setting")
  func many() throws {
    let points = (0..<2000).map { number in
      let config = RunMaker.config(seed: number, params: number % 10 * 1000 + 1000)
      return SweepRecord.Point(
        run: RunMaker.id(number), base: RunMaker.base, configHash: ContentHash(of: "\(number)"),
        label: "", index: number, heldOut: false, modelSize: nil, config: config)
    }
    let store = try Store.inMemory()
    try store.record(
      sweep: SweepRecord(
        name: "big", specPath: "", createdAt: "", commandLine: [], points: points))
    let filter = try Expression.parse("model.params < 3k and seed >= 1000 and task.numbers = 4")
    #expect(try store.runs(matching: filter, sort: "-seed").first?.seed == 1991)
    #expect(try store.runs(matching: filter).count == 200)
  }
}
