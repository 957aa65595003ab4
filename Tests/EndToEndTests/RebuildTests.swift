import Foundation
import TestSupport
import Testing

@Suite("A damaged store")
struct RebuildTests {
  private static let views = [
    "runs", "bases", "params", "metrics", "fits", "attempts", "sweeps", "sweep_runs",
    "predictions", "tags", "notes",
  ]

  /// All that the documented views say, read by a program that shares no code with ours.
  private func content(_ folder: String) throws -> String {
    let queries = RebuildTests.views.map { "SELECT * FROM \($0) ORDER BY 1, 2;" }
    let dump = try runTool(
      "sqlite3", ["runs/exp.sqlite", queries.joined(separator: " ")], in: folder)
    try #require(dump.status == 0, "\(dump.errors)")
    return dump.output
  }

  /// Damages a store in one of the ways that disks and people have.
  private func damaged(_ whole: Data, _ kind: Int, _ random: inout SplitMix) -> Data? {
    var bytes = whole
    switch kind % 4 {
    case 0: return kind == 0 ? nil : Data()
    case 1: return bytes.prefix(Int(random.next() % UInt64(bytes.count)))
    case 2:
      for _ in 0..<64 {
        bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 << (random.next() % 8)
      }
      return bytes
    default:
      let page = Int(random.next() % UInt64(bytes.count / 4096)) * 4096
      bytes.replaceSubrange(page..<(page + 4096), with: Data(count: 4096))
      return bytes
    }
  }

  @Test("Deleted, cut short or overwritten anywhere, it is made anew with the content it had")
  func rebuild() throws {
    try withTemporaryFolder { folder in
      try write(tinySpec(steps: 8), to: "\(folder)/tiny.yaml")
      let sweep = try ExpProgram.run(["sweep", "tiny.yaml"], in: folder)
      try #require(sweep.status == 0, "\(sweep.errors)")
      let store = "\(folder)/runs/exp.sqlite"
      #expect(try ExpProgram.run(["db", "rebuild"], in: folder).status == 0)
      let before = try content(folder)
      let whole = try Data(contentsOf: URL(filePath: store))
      var random = SplitMix(state: 7)
      for kind in 0..<16 {
        for suffix in ["", "-wal", "-shm"] {
          try? FileManager.default.removeItem(atPath: store + suffix)  // try?: often absent
        }
        try damaged(whole, kind, &random)?.write(to: URL(filePath: store))
        let look = try ExpProgram.run(["runs"], in: folder)
        #expect(look.status == 0 || look.errors.contains("exp db rebuild"), "\(look.errors)")
        let rebuilt = try ExpProgram.run(["db", "rebuild"], in: folder)
        try #require(rebuilt.status == 0, "\(rebuilt.errors)")
        #expect(try content(folder) == before, "after damage \(kind)")
        let check = try ExpProgram.run(["db", "check"], in: folder)
        #expect(check.status == 0, "\(check.output)\(check.errors)")
      }
    }
  }

  @Test("A sweep refuses a damaged store before it starts anything, and goes on when it is rebuilt")
  func sweep() throws {
    try withTemporaryFolder { parent in
      let storm = try Storm(below: parent)
      let store = "\(storm.folder)/runs/exp.sqlite"
      // The killed sweep left all pages in the write-ahead log, from which SQLite would mend the rest.
      try FileManager.default.removeItem(atPath: "\(store)-wal")
      try Data(repeating: 7, count: 50_000).write(to: URL(filePath: store))
      let refused = try ExpProgram.run(["sweep", "tiny.yaml"], in: storm.folder)
      #expect(refused.status == 1)
      #expect(refused.errors.contains("'exp db rebuild' makes it again"), "\(refused.errors)")
      #expect(Trainers.alive(below: storm.folder).isEmpty)
      #expect(try ExpProgram.run(["db", "rebuild"], in: storm.folder).status == 0)
      #expect(FileManager.default.fileExists(atPath: "\(store).damaged"))
      try storm.expectWholeAfterCarryingOn()
    }
  }
}
