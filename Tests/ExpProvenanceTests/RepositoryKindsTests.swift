import ExpCore
import ExpProvenance
import Foundation
import TestSupport
import Testing

@Suite(
  "Repositories of every kind are pinned or refused in words", .enabled(if: toolIsExpected("git")))
struct RepositoryKindsTests {
  @Test("A clean tree is its commit, and nothing at all is written")
  func clean() throws {
    try TestRepository.with { repository in
      try repository.git(
        "remote", "add", "origin", "https://user:token@example.org/group/project.git")
      try repository.write("noise.log", "ignored\n")
      // A touched file with the same content is no change.
      try repository.write("a.txt", "one\n")
      let before = try TestRepository.photograph(repository.root)
      let pin = try #require(
        try Provenance.pin(containing: repository.root + "/dir/b.txt", requireClean: true))
      #expect(
        pin
          == SourcePin(
            commit: try repository.git("rev-parse", "HEAD"),
            tree: try repository.git("rev-parse", "HEAD^{tree}"),
            head: try repository.git("rev-parse", "HEAD"), branch: "main",
            remote: "https://example.org/group/project.git", snapshot: false,
            root: repository.root, leftOut: []))
      #expect(try TestRepository.photograph(repository.root) == before)
    }
  }

  @Test("Outside of a repository there is no pin")
  func none() throws {
    try withTemporaryFolder { folder in
      for path in [folder, folder + "/missing"] {
        let pin = try Provenance.pin(containing: path, requireClean: true)
        #expect(pin == nil)
      }
    }
  }

  @Test("--require-clean names the first five paths and counts the rest")
  func requireClean() throws {
    try TestRepository.with { repository in
      for name in ["c", "d", "e", "f", "g"] { try repository.write(name, "x\n") }
      try repository.write("a.txt", "changed\n")
      try repository.git("add", "c", "a.txt")
      let before = try TestRepository.photograph(repository.root)
      let error = #expect(throws: ProvenanceError.self) {
        try Provenance.pin(containing: repository.root, requireClean: true)
      }
      #expect(
        error?.description == """
          the work tree '\(repository.root)' is not clean: 'a.txt', 'c', 'd', 'e', 'f' and 1 more
            help: commit or ignore these, or leave out --require-clean: a snapshot is pinned then
          """)
      #expect(try TestRepository.photograph(repository.root) == before)
    }
  }

  @Test("A change that is only staged counts as open; the pin is what is on disk")
  func stagedOnly() throws {
    try TestRepository.with { repository in
      try repository.write("a.txt", "staged\n")
      try repository.git("add", "a.txt")
      try repository.write("a.txt", "one\n")
      #expect(
        throws: ProvenanceError.dirty(root: repository.root, paths: ["a.txt"], count: 1)
      ) {
        try Provenance.pin(containing: repository.root, requireClean: true)
      }
      let pin = try Provenance.pin(containing: repository.root, requireClean: false)
      #expect(pin?.snapshot == false)
      #expect(pin?.commit == pin?.head)
      try repository.write("a.txt", "staged\n")
      let staged = try #require(
        try Provenance.pin(containing: repository.root, requireClean: false))
      #expect(staged.snapshot)
      #expect(try repository.git("show", staged.commit + ":a.txt") == "staged")
    }
  }

  @Test("A repository is described in one line, and nothing is written")
  func described() throws {
    try TestRepository.with { repository in
      let commit = try repository.git("rev-parse", "HEAD").prefix(12)
      func line() throws -> String? { try Provenance.repository(containing: repository.root) }
      var found = try line()
      #expect(found == "\(repository.root) on main at \(commit), clean")
      try repository.write("a.txt", "changed\n")
      try repository.write("new.txt", "new\n")
      try repository.git("checkout", "-q", "--detach")
      let before = try TestRepository.photograph(repository.root)
      found = try line()
      #expect(found == "\(repository.root) on no branch at \(commit), 2 paths changed")
      #expect(try TestRepository.photograph(repository.root) == before)
      found = try Provenance.repository(containing: "/")
      #expect(found == nil)
    }
  }

  @Test("A detached HEAD has no branch")
  func detached() throws {
    try TestRepository.with { repository in
      try repository.git("checkout", "-q", "--detach")
      let pin = try #require(
        try Provenance.pin(containing: repository.root, requireClean: true))
      #expect(pin.branch == nil)
      #expect(pin.head == pin.commit)
    }
  }

  @Test("A linked worktree is pinned in the repository it belongs to, also where that is bare")
  func worktrees() throws {
    try TestRepository.with { repository in
      let bare = repository.root + "/../bare.git"
      try repository.git("clone", "-q", "--bare", repository.root, bare)
      for parent in [repository.root, bare] {
        let tree = parent == bare ? repository.root + "/../two" : repository.root + "/../one"
        try repository.git("worktree", "add", "-q", "-b", "side", tree, in: parent)
        let real = URL(filePath: tree).standardized.path
        let untouched = try Provenance.pin(containing: tree, requireClean: true)
        #expect(untouched?.branch == "side")
        try Data("new\n".utf8).write(to: URL(filePath: tree + "/new.txt"))
        let pin = try #require(try Provenance.pin(containing: tree, requireClean: false))
        #expect(pin.snapshot)
        #expect(pin.root == real)
        #expect(
          try repository.git("for-each-ref", "--format=%(refname)", "refs/exp", in: parent)
            == "refs/exp/snapshots/\(pin.commit)")
        #expect(try repository.git("show", pin.commit + ":new.txt", in: parent) == "new")
      }
    }
  }

  @Test("A bare repository is refused")
  func bare() throws {
    try TestRepository.with { repository in
      let bare = URL(filePath: repository.root + "/../bare.git").standardized.path
      try repository.git("clone", "-q", "--bare", repository.root, bare)
      let error = #expect(throws: ProvenanceError.bare(path: bare + "/")) {
        try Provenance.pin(containing: bare + "/refs", requireClean: false)
      }
      #expect(error?.description.contains("it has no work tree to pin") == true)
    }
  }

  @Test("A shallow clone is pinned")
  func shallow() throws {
    try TestRepository.with { repository in
      try repository.commit("second")
      let clone = repository.root + "/../shallow"
      try repository.git("clone", "-q", "--depth", "1", "file://" + repository.root, clone)
      try Data("new\n".utf8).write(to: URL(filePath: clone + "/new.txt"))
      let pin = try #require(try Provenance.pin(containing: clone, requireClean: false))
      #expect(pin.snapshot)
      #expect(pin.remote == "file://" + repository.root)
      try repository.git("fsck", "--strict", in: clone)
      #expect(try repository.git("rev-parse", pin.commit + "^", in: clone) == pin.head)
    }
  }

  @Test("A submodule is kept at the commit it has checked out; its open changes are named")
  func submodules() throws {
    try TestRepository.with { outer in
      try TestRepository.with { inner in
        try outer.git("submodule", "--quiet", "add", inner.root, "vendor/lib")
        try outer.commit("with a submodule")
        let inside = outer.root + "/vendor/lib"
        #expect(
          try Provenance.pin(containing: outer.root, requireClean: true)?.snapshot == false)

        try outer.git("commit", "-q", "--allow-empty", "-m", "moved", in: inside)
        let moved = try outer.git("rev-parse", "HEAD", in: inside)
        let pin = try #require(try Provenance.pin(containing: outer.root, requireClean: false))
        #expect(pin.snapshot)
        #expect(pin.leftOut == [])
        #expect(
          try outer.git("ls-tree", pin.commit, "vendor/lib")
            == "160000 commit \(moved)\tvendor/lib")

        try Data("changed\n".utf8).write(to: URL(filePath: inside + "/a.txt"))
        let open = try Provenance.pin(containing: outer.root, requireClean: false)
        #expect(open?.commit == pin.commit)
        #expect(open?.leftOut == ["vendor/lib"])

        let own = try #require(try Provenance.pin(containing: inside, requireClean: false))
        #expect(own.root == inside)
        #expect(own.head == moved)
        #expect(own.snapshot)
      }
    }
  }

  @Test("A repository inside that is no submodule is named, not taken")
  func nested() throws {
    try TestRepository.with { repository in
      try FileManager.default.createDirectory(
        atPath: repository.root + "/other", withIntermediateDirectories: true)
      try repository.git("init", "-q", in: repository.root + "/other")
      try repository.write("other/file.txt", "x\n")
      try repository.git("add", "-A", in: repository.root + "/other")
      try repository.git("commit", "-q", "-m", "x", in: repository.root + "/other")
      let pin = try #require(
        try Provenance.pin(containing: repository.root, requireClean: false))
      #expect(pin.leftOut == ["other/"])
      #expect(!pin.snapshot)
    }
  }

  @Test("Another user's repository is refused with git's own mend", .enabled(if: geteuid() == 0))
  func otherOwner() throws {
    try TestRepository.with { repository in
      #expect(chown(repository.root, 12345, 12345) == 0)
      #expect(chown(repository.root + "/.git", 12345, 12345) == 0)
      let error = #expect(throws: ProvenanceError.notOwned(path: repository.root)) {
        try Provenance.pin(containing: repository.root, requireClean: false)
      }
      #expect(error?.description.contains("safe.directory") == true)
    }
  }

  @Test("A format that is not understood, and damaged files, are refused in words")
  func damaged() throws {
    try withTemporaryFolder { folder in
      let repository = TestRepository(root: folder)
      try repository.git("init", "-q", "--object-format=sha256")
      let error = #expect(throws: ProvenanceError.self) {
        try Provenance.pin(containing: folder, requireClean: false)
      }
      #expect(error?.description.contains("cannot be read: ") == true)
    }
    try TestRepository.with { repository in
      try Data("DIRC, but not really".utf8)
        .write(to: URL(filePath: repository.root + "/.git/index"))
      let error = #expect(throws: ProvenanceError.self) {
        try Provenance.pin(containing: repository.root, requireClean: false)
      }
      #expect(
        error?.description.hasPrefix("cannot read the index of the repository '") == true)
    }
    try TestRepository.with { repository in
      let head = try repository.git("rev-parse", "HEAD")
      try repository.remove(".git/objects/\(head.prefix(2))/\(head.dropFirst(2))")
      let error = #expect(throws: ProvenanceError.self) {
        try Provenance.pin(containing: repository.root, requireClean: false)
      }
      #expect(error?.description.contains("checked-out commit") == true)
    }
  }
}
