import ExpCore
import ExpStore
import Foundation
import TestSupport
import Testing
import TrainerProtocol

@Suite("Care for the store")
struct CareTests {
  private func fill(_ folder: String) throws -> RunMaker {
    let maker = RunMaker(folder)
    _ = try maker.plan("law", [1, 2], second: 1)
    for number in 1...3 {
      try maker.succeed(number, config: RunMaker.config(seed: number), second: number)
    }
    return maker
  }

  @Test("a store made from the files has no damage and no differences; a changed row is found")
  func check() throws {
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      let store = try Store.open(at: maker.paths.database, mode: .readWrite, runs: maker.paths)
      let fresh = try Store.inMemory()
      try fresh.refresh(from: maker.paths)
      #expect(try store.damage().isEmpty)
      #expect(try store.differences(from: fresh).shown.isEmpty)
      let sql = "UPDATE run SET last_val_score = 0.125 WHERE id = '\(RunMaker.id(2))'"
      #expect(try runTool("sqlite3", [maker.paths.database, sql]).status == 0)
      let found = try store.differences(from: fresh).shown
      #expect(found.count == 1)
      #expect(found.first?.contains("'last_val_score' is 0.125 in the store") == true)
      #expect(try store.vanishedFolders(below: maker.paths).isEmpty)
      try FileManager.default.removeItem(atPath: maker.paths.run(RunMaker.id(1)).path)
      #expect(
        try store.vanishedFolders(below: maker.paths) == ["run \(RunMaker.id(1)), succeeded"])
    }
  }

  @Test("every single flipped byte of the file is damage, a difference, or nothing that is read")
  func flips() throws {
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      try Store.open(at: maker.paths.database, mode: .readWrite, runs: maker.paths).close()
      let whole = try Data(contentsOf: URL(filePath: maker.paths.database))
      let copy = "\(folder)/flipped.sqlite"
      for place in stride(from: 0, to: whole.count, by: whole.count / 97) {
        var bytes = whole
        bytes[place] ^= 0x55
        try bytes.write(to: URL(filePath: copy))
        do {
          _ = try Store.open(at: copy, mode: .readOnly).damage()
        } catch let error as StoreError {
          #expect(!error.message.isEmpty)
        }
      }
    }
  }

  @Test("a view that is gone or defined otherwise is damage, and what fails for it says the mend")
  func definitions() throws {
    guard toolIsExpected("sqlite3") else { return }
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      let path = maker.paths.database
      try Store.open(at: path, mode: .readWrite, runs: maker.paths).close()
      let sql = "DROP VIEW runs; DROP VIEW tags; CREATE VIEW tags AS SELECT 1 AS run"
      #expect(try runTool("sqlite3", [path, sql]).status == 0)
      let store = try Store.open(at: path, mode: .readWrite, runs: maker.paths)
      #expect(
        try store.damage() == [
          "'runs' is missing", "'tags' is not defined as this version of exp defines it",
        ])
      let error = #expect(throws: StoreError.self) {
        try store.differences(from: try Store.inMemory())
      }
      #expect(error?.message.contains("no such table: runs") == true)
      #expect(error?.message.contains("exp db rebuild") == true)
    }
  }

  @Test("a backup is a folder of runs; a second one copies what changed")
  func backup() throws {
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      let target = "\(folder)/copy"
      let first = try FileBackup.run(
        from: maker.paths, to: target, withCheckpoints: false)
      #expect(first.problems.isEmpty && first.copied > 8)
      let store = try Store.open(at: maker.paths.database, mode: .readWrite, runs: maker.paths)
      let copied = try Store.open(
        at: "\(target)/exp.sqlite", mode: .readWrite, runs: RunPaths(root: target))
      #expect(try store.differences(from: copied).shown.isEmpty)
      let second = try FileBackup.run(from: maker.paths, to: target, withCheckpoints: false)
      #expect(second.copied == 0 && second.kept == first.copied)
      try maker.append("{}\n", maker.paths.run(RunMaker.id(1)).events)
      let third = try FileBackup.run(from: maker.paths, to: target, withCheckpoints: false)
      #expect(third.copied == 1)
    }
  }

  @Test("a backup inside the folder of runs, or around it, is refused", arguments: ["runs/x", "."])
  func nestedBackup(place: String) throws {
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      #expect(throws: StoreError.self) {
        try FileBackup.run(
          from: maker.paths, to: "\(folder)/\(place)", withCheckpoints: false)
      }
    }
  }

  @Test("only what nothing refers to is garbage, and deleting it leaves the rest as it was")
  func garbage() throws {
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      let kept = maker.paths.run(RunMaker.id(1))
      try FileManager.default.createDirectory(
        atPath: "\(kept.path)/attempts-1", withIntermediateDirectories: true)
      let before = try Garbage(below: maker.paths)
      #expect(
        Set(before.items.map(\.path)) == [RunMaker.id(3).text, "\(RunMaker.id(1))/attempts-1"])
      for item in before.items { #expect(try before.delete(item)) }
      #expect(try Garbage(below: maker.paths).items.isEmpty)
      #expect(!FileManager.default.fileExists(atPath: maker.paths.run(RunMaker.id(3)).path))
      let store = try Store.open(at: maker.paths.database, mode: .readWrite, runs: maker.paths)
      #expect(try store.runs().map(\.id) == [RunMaker.id(1), RunMaker.id(2)])
    }
  }

  @Test("a tag keeps a run; a plan that appears meanwhile does too")
  func references() throws {
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      let before = try Garbage(below: maker.paths)
      #expect(before.items.map(\.path) == [RunMaker.id(3).text])
      _ = try maker.plan("late", [3], second: 9)
      let item = try #require(before.items.first)
      #expect(try !before.delete(item))
      try FileManager.default.removeItem(atPath: maker.paths.sweep("late"))
      try RunAnnotations(run: RunMaker.id(3), tags: ["keep"]).write(below: maker.paths)
      #expect(try Garbage(below: maker.paths).items.isEmpty)
    }
  }

  @Test("a plan that cannot be read stops the search, because nobody knows what it names")
  func unreadablePlan() throws {
    try withTemporaryFolder { folder in
      let maker = try fill(folder)
      try maker.write("{", SweepRecord.path(of: "law", below: maker.paths))
      #expect(throws: StoreError.self) { try Garbage(below: maker.paths) }
    }
  }
}
