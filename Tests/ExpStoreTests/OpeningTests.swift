import ExpCore
import ExpStore
import Foundation
import TestSupport
import Testing
import TrainerProtocol

@Suite("Opening the store")
struct OpeningTests {
  @Test("eight may create it at once, and each finds it filled")
  func concurrentCreation() async throws {
    let folder = NSTemporaryDirectory() + "exp-test-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // try?: a leftover is harmless
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let maker = RunMaker(folder)
    for number in 0..<20 { try maker.succeed(number) }
    let paths = maker.paths
    let counts = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<8 {
        group.addTask {
          let store = try Store.open(at: paths.database, mode: .readWrite, runs: paths)
          try store.ingest(run: paths.run(RunMaker.id(number)))
          return try store.runs().count
        }
      }
      return try await group.reduce(into: [Int]()) { $0.append($1) }
    }
    #expect(counts == Array(repeating: 20, count: 8))
  }

  @Test("the database is one that other programs read")
  func otherPrograms() throws {
    guard toolIsExpected("sqlite3") else { return }
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      try maker.succeed(1)
      let path = maker.paths.database
      let store = try Store.open(at: path, mode: .readWrite, runs: maker.paths)
      let result = try runTool(
        "sqlite3", [path, "SELECT step, value FROM metrics WHERE name = 'entropy' ORDER BY step"])
      #expect(result.output == "0|1.5\n2|0.1\n")
      let checks = try runTool(
        "sqlite3", [path, "PRAGMA integrity_check; PRAGMA foreign_key_check"])
      #expect(checks.output == "ok\n")
      try store.close()
    }
  }

  @Test("reading a store that is not there says how to get it")
  func missing() throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: StoreError.self) {
        try Store.open(at: "\(folder)/exp.sqlite", mode: .readOnly)
      }
      #expect(error?.code == .missing)
      #expect(error?.message.contains("exp db rebuild") == true)
      #expect(throws: StoreError.self) {
        try Store.open(at: "\(folder)/no/exp.sqlite", mode: .readWrite)
      }
    }
  }

  @Test(
    "a file that is no database, or a damaged one, is told with the mend",
    arguments: [
      "not a database at all, but long enough to be read as a header of one hundred bytes.............",
      "damage",
    ])
  func damaged(_ kind: String) throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      try maker.succeed(1)
      let path = maker.paths.database
      if kind == "damage" {
        let store = try Store.open(at: path, mode: .readWrite, runs: maker.paths)
        try store.close()
        var bytes = try Data(contentsOf: URL(filePath: path))
        for index in 100..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        try bytes.write(to: URL(filePath: path))
      } else {
        try maker.write(kind, path)
      }
      for mode in [Store.Mode.readWrite, .readOnly] {
        let error = #expect(throws: StoreError.self) { try Store.open(at: path, mode: mode) }
        #expect(error?.code == .damaged)
        #expect(error?.message.contains("exp db rebuild") == true)
      }
    }
  }

  @Test("an empty file is a store that was not finished")
  func emptyFile() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      try maker.succeed(1)
      try maker.write("", maker.paths.database)
      #expect(throws: StoreError.self) {
        try Store.open(at: maker.paths.database, mode: .readOnly)
      }
      let store = try Store.open(at: maker.paths.database, mode: .readWrite, runs: maker.paths)
      #expect(try store.runs().count == 1)
    }
  }

  @Test("a store of a later version is left alone")
  func newer() throws {
    guard toolIsExpected("sqlite3") else { return }
    try withTemporaryFolder { folder in
      let path = "\(folder)/exp.sqlite"
      try Store.open(at: path, mode: .readWrite).close()
      _ = try runTool("sqlite3", [path, "INSERT INTO grdb_migrations VALUES ('9999 later')"])
      for mode in [Store.Mode.readWrite, .readOnly] {
        let error = #expect(throws: StoreError.self) { try Store.open(at: path, mode: mode) }
        #expect(error?.code == .newer)
      }
    }
  }

  @Test("a store opened for reading cannot be written")
  func readOnly() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      try maker.succeed(1)
      let path = maker.paths.database
      try Store.open(at: path, mode: .readWrite, runs: maker.paths).close()
      let store = try Store.open(at: path, mode: .readOnly)
      #expect(try store.runs().count == 1)
      let error = #expect(throws: StoreError.self) { try store.record(fits: [StoreTests.fit(1)]) }
      #expect(error?.code == .notWritable)
    }
  }

  @Test(
    "a folder on a network file system is told from a local one",
    arguments: [
      ("/srv/runs", nil), ("/mnt/share/runs", "nfs4"), ("/mnt/share", "nfs4"),
      ("/mnt/shared", nil), ("/mnt/with space/x", "fuse.sshfs"), ("/mnt/share/local/x", nil),
    ] as [(String, String?)])
  func networkFileSystems(_ folder: String, _ expected: String?) {
    let mounts = """
      22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
      40 22 0:35 / /mnt/share rw shared:9 master:2 - nfs4 server:/export rw
      41 22 0:36 / /mnt/with\\040space rw - fuse.sshfs u@h:/ rw
      42 40 8:2 / /mnt/share/local rw - xfs /dev/sdb rw
      broken line
      """
    #expect(Store.networkFileSystem(of: folder, mountinfo: mounts) == expected)
  }
}
