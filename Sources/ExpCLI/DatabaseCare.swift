internal import ArgumentParser
internal import ExpCore
internal import ExpReport
internal import ExpStore
internal import FoundationEssentials
internal import Glibc
internal import TrainerProtocol

/// `exp db check`: whether the store is whole and says what the files say.
struct CheckStoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check the store for damage, and compare it with the run folders.")

  @Flag(help: "Print the result as JSON.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let paths = location.paths()
      let vanished = try vanished(paths)
      let store = try location.openStore()
      let damage = try store.damage()
      let fresh = try Store.inMemory()
      let unreadable = try fresh.refresh(from: paths).map(\.description)
      let differences = damage.isEmpty ? try store.differences(from: fresh) : ([], 0)
      if json {
        Terminal.output(document(damage, differences.0, unreadable, vanished).prettyJSON)
      } else {
        for words in vanished { Terminal.output("gone: the folder of \(words)") }
        tell(damage, differences, unreadable, runs: try fresh.runs().count)
      }
      guard damage.isEmpty, differences.0.isEmpty, unreadable.isEmpty, vanished.isEmpty else {
        throw ExitStatus.failed
      }
    }
  }

  /// What the store had read before this look and is not there any more.
  private func vanished(_ paths: RunPaths) throws -> [String] {
    let path = location.databasePath()
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    return try Store.open(at: path, mode: .readOnly).vanishedFolders(below: paths)
  }

  private func document(
    _ damage: [String], _ differences: [String], _ unreadable: [String], _ vanished: [String]
  ) -> JSONValue {
    func texts(_ words: [String]) -> JSONValue { .array(words.map(JSONValue.string)) }
    return [
      "store": .string(location.databasePath()), "damage": texts(damage),
      "differences": texts(differences), "unreadable_files": texts(unreadable),
      "vanished_folders": texts(vanished),
    ]
  }

  private func tell(
    _ damage: [String], _ differences: ([String], Int), _ unreadable: [String], runs: Int
  ) {
    for words in damage { Terminal.output("damaged: \(words)") }
    for words in differences.0 { Terminal.output("differs: \(words)") }
    if differences.1 > 0 { Terminal.output("… and \(differences.1) more differences") }
    for words in unreadable { Terminal.output("unreadable: \(words)") }
    if !damage.isEmpty || !differences.0.isEmpty {
      Terminal.message("'exp db rebuild' makes the store anew from the run folders")
    } else if unreadable.isEmpty {
      Terminal.output("the store is whole and says what the files of \(runs) runs say")
    }
  }
}

/// `exp db backup`: copy everything to another folder.
struct BackupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Copy the store and all run folders to another folder.",
    discussion: """
      The copy is a folder of runs itself: 'exp runs --runs FOLDER' reads it. A second backup to the same folder copies \
      what changed and deletes nothing. Sweeps may go on meanwhile.
      """)

  @Argument(help: "Where to.") var folder: String
  @Flag(help: "Copy checkpoints too; without them runs can be read but not resumed.")
  var checkpoints = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let paths = location.paths()
      let store = try location.openStore()
      let target = absolute(folder)
      let outcome = try FileBackup.run(from: paths, to: target, withCheckpoints: checkpoints)
      for problem in outcome.problems { Terminal.message("warning: \(problem)") }
      let copy = RunPaths(root: target).database
      let temporary = "\(copy).\(getpid()).tmp"
      try? FileManager.default.removeItem(atPath: temporary)  // try?: there is none, as a rule
      try store.copy(to: temporary)
      guard rename(temporary, copy) == 0 else {
        throw Failure("cannot write '\(copy)': \(String(cString: strerror(errno)))")
      }
      Terminal.message(
        "\(target): \(SpecArguments.count(outcome.copied, "file")) copied "
          + "(\(NumberText.bytes(outcome.bytes))), \(outcome.kept) there already")
    }
  }
}

/// `exp db gc`: delete what nothing refers to.
struct CollectGarbageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc",
    abstract: "Show what nothing refers to, ask, and delete it.",
    discussion: """
      Runs that no plan, tag or note names; base policies that neither a plan nor a kept run starts from; files of runs \
      that were computed again; temporary files older than an hour. What a trainer works on is never touched.
      """)

  private static let shownItems = 40

  @Flag(help: "Delete without asking.") var yes = false
  @Flag(help: "Print what would go as JSON and delete nothing.") var json = false
  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let garbage = try Garbage(below: location.paths())
      if json {
        Terminal.output(CollectGarbageCommand.document(garbage.items).prettyJSON)
        return
      }
      guard !garbage.items.isEmpty else {
        Terminal.output("nothing to delete: everything is referred to")
        return
      }
      Terminal.output(
        CollectGarbageCommand.table(garbage.items).rendered(Terminal.current.outputStyle))
      let hidden = garbage.items.count - CollectGarbageCommand.shownItems
      if hidden > 0 {
        Terminal.output("… and \(hidden) more; --json has all")
      }
      let bytes = NumberText.bytes(garbage.items.reduce(0) { $0 + $1.bytes })
      guard yes || confirms("delete these \(garbage.items.count), \(bytes)?") else {
        Terminal.message("nothing was deleted; --yes deletes without asking")
        return
      }
      try delete(garbage)
      _ = try location.openStore()
    }
  }

  private func delete(_ garbage: Garbage) throws {
    var freed = 0
    for item in garbage.items {
      if try garbage.delete(item) {
        freed += item.bytes
      } else {
        Terminal.message("kept: '\(item.path)' is wanted by a sweep that started meanwhile")
      }
    }
    Terminal.message("\(NumberText.bytes(freed)) freed")
  }

  /// Asks a person; nobody there means no.
  private func confirms(_ question: String) -> Bool {
    guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return false }
    Terminal.message("\(question) [y/N] ", newline: false)
    return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
  }

  private static func document(_ items: [Garbage.Item]) -> JSONValue {
    .array(
      items.map {
        [
          "kind": .string($0.kind), "path": .string($0.path), "bytes": .number(Double($0.bytes)),
          "reason": .string($0.reason),
        ]
      })
  }

  private static func table(_ items: [Garbage.Item]) -> TextTable {
    TextTable(
      columns: [.init("what"), .init("path"), .init("size", .right), .init("why")],
      rows: items.prefix(shownItems).map {
        [.init($0.kind), .init($0.path), .init(NumberText.bytes($0.bytes)), .init($0.reason)]
      })
  }
}
