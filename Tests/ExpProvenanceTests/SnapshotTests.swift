import ExpCore
import ExpProvenance
import Foundation
import TestSupport
import Testing

@Suite("A dirty work tree becomes a snapshot", .enabled(if: toolIsExpected("git")))
struct SnapshotTests {
  /// Changes of every kind that one commit can have.
  func makeDirty(_ repository: TestRepository) throws {
    try repository.write("gone.txt", "x\n")
    try repository.write("staged-gone.txt", "x\n")
    try repository.write("becomes-folder", "x\n")
    try repository.write("becomes-file/inner.txt", "x\n")
    try repository.write("becomes-link", "x\n")
    try repository.write("stashed.txt", "x\n")
    try repository.commit("second")
    try repository.write("stashed.txt", "stashed\n")
    try repository.git("stash", "-q")
    try repository.git("branch", "other")

    try repository.write("a.txt", "one and more\n")
    try repository.write("dir/b.txt", "two\n", executable: true)
    try repository.remove("gone.txt")
    try repository.git("rm", "-q", "staged-gone.txt")
    try repository.write("staged.txt", "staged\n")
    try repository.git("add", "staged.txt")
    try repository.write("staged.txt", "staged, then changed\n")
    try repository.write("announced.txt", "announced\n")
    try repository.git("add", "-N", "announced.txt")
    try repository.remove("becomes-folder")
    try repository.write("becomes-folder/inner.txt", "y\n")
    try repository.remove("becomes-file")
    try repository.write("becomes-file", "y\n")
    try repository.remove("becomes-link")
    try repository.link("becomes-link", to: "nowhere")
    try repository.write("new/deep/untracked.txt", "untracked\n")
    try repository.write("new/tool", "#!/bin/sh\n", executable: true)
    try repository.link("new/link", to: "../a.txt")
    try repository.write("name with \"quotes\"\nand a line.txt", "odd\n")
    try repository.write("noise.log", "ignored\n")
    try repository.write("build/output", "ignored\n")
    try FileManager.default.createDirectory(
      atPath: repository.root + "/empty", withIntermediateDirectories: true)
  }

  @Test("holds exactly the work tree, on HEAD, and survives fsck and gc")
  func equalsWorkTree() throws {
    try TestRepository.with { repository in
      try makeDirty(repository)
      let head = try repository.git("rev-parse", "HEAD")
      let pin = try #require(
        try Provenance.pin(containing: repository.root + "/dir", requireClean: false))

      #expect(pin.snapshot)
      #expect(pin.head == head)
      #expect(pin.branch == "main")
      #expect(pin.root == repository.root)
      #expect(pin.leftOut == [])
      #expect(try repository.git("rev-parse", pin.commit + "^@") == head)
      #expect(try repository.git("rev-parse", pin.commit + "^{tree}") == pin.tree)
      #expect(
        try repository.snapshotReferences == ["refs/exp/snapshots/\(pin.commit) \(pin.commit)"])
      #expect(
        try repository.git("show", "-s", "--format=%an <%ae> %at %cn %ct %ai", pin.commit)
          == "exp <exp@localhost> 1700000001 exp 1700000001 2023-11-14 22:13:21 +0000")

      try repository.git("gc", "-q", "--prune=now")
      try repository.git("fsck", "--strict", "--no-dangling")
      let copy = repository.root + "/../copy"
      try repository.git("worktree", "add", "-q", "--detach", copy, pin.commit)
      let expected = try TestRepository.photograph(repository.root) {
        $0.hasPrefix(".git/") || $0.hasSuffix(".log") || $0.hasPrefix("build/")
      }
      let found = try TestRepository.photograph(copy) { $0 == ".git" }
      #expect(found == expected)
      #expect(try repository.git("show", pin.commit + ":staged.txt") == "staged, then changed")
    }
  }

  @Test("leaves index, work tree, references, HEAD, stash and logs as they were, byte for byte")
  func touchesNothing() throws {
    try TestRepository.with { repository in
      try makeDirty(repository)
      let before = try repository.photographUntouchable()
      let pin = try Provenance.pin(containing: repository.root, requireClean: false)
      #expect(pin?.snapshot == true)
      #expect(try repository.photographUntouchable() == before)
      #expect(before.keys.contains(".git/refs/stash"))
      #expect(before.keys.contains(".git/logs/HEAD"))
    }
  }

  @Test("is the same commit for the same files, another one for others")
  func deterministic() throws {
    try TestRepository.with { repository in
      try makeDirty(repository)
      let first = try Provenance.pin(containing: repository.root, requireClean: false)
      try repository.git("add", "staged.txt", "a.txt")
      let second = try Provenance.pin(containing: repository.root, requireClean: false)
      #expect(first == second)
      #expect(try repository.snapshotReferences.count == 1)
      try repository.write("a.txt", "something else\n")
      let third = try Provenance.pin(containing: repository.root, requireClean: false)
      #expect(third?.commit != first?.commit)
      #expect(try repository.snapshotReferences.count == 2)
    }
  }

  @Test("of eight processes at once is one reference")
  func concurrent() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/exp-git-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }  // try?: a leftover is harmless
    let repository = TestRepository(root: folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try repository.git("init", "-q")
    try repository.write("a.txt", "one\n")
    let commits = try await withThrowingTaskGroup(of: String?.self) { group in
      for _ in 0..<8 {
        group.addTask { try Provenance.pin(containing: folder, requireClean: false)?.commit }
      }
      return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
    }
    #expect(commits.count == 1)
    #expect(try repository.snapshotReferences.count == 1)
  }

  @Test("of an unborn branch has no parent and the time 0")
  func unborn() throws {
    try withTemporaryFolder { folder in
      let repository = TestRepository(root: folder)
      try repository.git("init", "-q", "-b", "fresh/start")
      try repository.write("a.txt", "one\n")
      let pin = try #require(
        try Provenance.pin(containing: folder + "/a.txt", requireClean: false))
      #expect(pin.snapshot)
      #expect(pin.head == nil)
      #expect(pin.branch == "fresh/start")
      #expect(try repository.git("show", "-s", "--format=%P|%at", pin.commit) == "|0")
      #expect(try repository.files(of: pin.commit) == ["100644 a.txt"])
      #expect(throws: ProvenanceError.unborn(root: pin.root)) {
        try Provenance.pin(containing: folder, requireClean: true)
      }
    }
  }

  @Test("leaves out and names untracked files that look secret or are huge; tracked ones stay")
  func leavesOut() throws {
    try TestRepository.with { repository in
      try repository.write(".env", "KEY=1\n")
      try repository.commit("a tracked secret is history already")
      try repository.write(".env", "KEY=2\n")
      try repository.write("conf/.env.local", "KEY=3\n")
      try repository.write("server.PEM", "key\n")
      try repository.write("id_rsa", "key\n")
      try repository.write("id_rsa.pub", "public\n")
      try repository.write("credentials.json", "{}\n")
      try repository.write("big.bin", String(repeating: "x", count: 10 << 20 + 1))
      try repository.write("fits.bin", String(repeating: "x", count: 10 << 20))
      let pin = try #require(
        try Provenance.pin(containing: repository.root, requireClean: false))
      #expect(
        pin.leftOut
          == ["big.bin", "conf/.env.local", "credentials.json", "id_rsa", "server.PEM"])
      #expect(try repository.git("show", pin.commit + ":.env") == "KEY=2")
      let files = try repository.files(of: pin.commit)
      #expect(files.contains("100644 id_rsa.pub"))
      #expect(files.contains("100644 fits.bin"))
      #expect(files.count == 8)
    }
  }

  @Test("never holds the excluded folder, by whatever path it is named")
  func excluded() throws {
    try TestRepository.with { repository in
      try repository.write("runs/exp.sqlite", "store\n")
      try repository.write("runs/0123456789abcdef/events.jsonl", "{}\n")
      let runs = repository.root + "/dir/../runs/"
      let clean = try #require(
        try Provenance.pin(
          containing: repository.root, requireClean: true, excluding: [runs, repository.root]))
      #expect(!clean.snapshot)
      try repository.write("runs-of-mine.txt", "mine\n")
      let pin = try #require(
        try Provenance.pin(containing: repository.root, requireClean: false, excluding: [runs]))
      #expect(pin.snapshot)
      #expect(pin.leftOut == [])
      let files = try repository.files(of: pin.commit)
      #expect(files.contains("100644 runs-of-mine.txt"))
      #expect(!files.contains { $0.contains("runs/") })
    }
  }

  @Test("never holds the excluded folder where that is a link to elsewhere")
  func excludedLink() throws {
    try TestRepository.with { repository in
      try FileManager.default.createDirectory(
        atPath: repository.root + "/../elsewhere", withIntermediateDirectories: true)
      try repository.link("runs", to: "../elsewhere")
      let pin = try Provenance.pin(
        containing: repository.root, requireClean: true, excluding: [repository.root + "/runs/"])
      #expect(pin?.snapshot == false)
    }
  }

  @Test("stores line endings as the attributes say, like git add")
  func attributes() throws {
    try TestRepository.with { repository in
      try repository.write(".gitattributes", "*.txt text\n*.dat -text\n")
      try repository.commit("attributes")
      try repository.write("a.txt", "one\r\ntwo\r\n")
      try repository.write("new.txt", "one\r\n")
      try repository.write("new.dat", "one\r\n")
      let pin = try #require(
        try Provenance.pin(containing: repository.root, requireClean: false))
      #expect(try repository.git("cat-file", "-s", pin.commit + ":a.txt") == "8")
      #expect(try repository.git("cat-file", "-s", pin.commit + ":new.txt") == "4")
      #expect(try repository.git("cat-file", "-s", pin.commit + ":new.dat") == "5")
      try repository.git("add", "-A")
      #expect(try repository.git("write-tree") == pin.tree)
    }
  }

  @Test("takes a merge in conflict as it is on disk")
  func conflict() throws {
    try TestRepository.with { repository in
      try repository.git("checkout", "-q", "-b", "side")
      try repository.write("a.txt", "side\n")
      try repository.commit("side")
      try repository.git("checkout", "-q", "main")
      try repository.write("a.txt", "main\n")
      try repository.commit("main")
      #expect(throws: TestRepository.GitFailed.self) {
        try repository.git("merge", "-q", "side")
      }
      let before = try repository.photographUntouchable()
      let pin = try #require(
        try Provenance.pin(containing: repository.root, requireClean: false))
      #expect(try repository.photographUntouchable() == before)
      #expect(try repository.git("show", pin.commit + ":a.txt").contains("<<<<<<< HEAD"))
      #expect(try repository.files(of: pin.commit).count == 5)
    }
  }

  @Test("sees what git was told not to look at, and keeps what a sparse checkout leaves out")
  func unwatched() throws {
    try TestRepository.with { repository in
      try repository.git("update-index", "--skip-worktree", "dir/b.txt")
      try repository.remove("dir/b.txt")
      let clean = try #require(
        try Provenance.pin(containing: repository.root, requireClean: true))
      #expect(!clean.snapshot)
      try repository.git("update-index", "--assume-unchanged", "a.txt")
      try repository.write("a.txt", "changed behind git's back\n")
      #expect(
        throws: ProvenanceError.dirty(root: repository.root, paths: ["a.txt"], count: 1)
      ) {
        try Provenance.pin(containing: repository.root, requireClean: true)
      }
      let pin = try #require(
        try Provenance.pin(containing: repository.root, requireClean: false))
      #expect(
        try repository.git("show", pin.commit + ":a.txt") == "changed behind git's back")
      #expect(try repository.git("show", pin.commit + ":dir/b.txt") == "two")
    }
  }

  @Test("passes over pipes, and takes names that are not UTF-8")
  func oddFiles() throws {
    try TestRepository.with { repository in
      #expect(mkfifo(repository.root + "/pipe", 0o644) == 0)
      let name = [UInt8](repository.root.utf8) + [0x2f, 0x66, 0xff, 0xfe] + [0]
      let file = open(name.map(CChar.init(bitPattern:)), O_CREAT | O_WRONLY, 0o644)
      #expect(file >= 0)
      close(file)
      let pin = try #require(
        try Provenance.pin(containing: repository.root, requireClean: false))
      let files = try repository.files(of: pin.commit)
      #expect(files.contains("100644 \"f\\377\\376\""))
      #expect(files.count == 6)
    }
  }
}
