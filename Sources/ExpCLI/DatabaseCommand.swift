internal import ArgumentParser
internal import ExpStore
internal import FoundationEssentials
internal import TrainerProtocol

/// `exp db`: care for the store.
struct DatabaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "db", abstract: "Care for the store, which is a cache of the run folders.",
    subcommands: [
      CheckStoreCommand.self, BackupCommand.self, RebuildCommand.self, CollectGarbageCommand.self,
    ])
}

/// `exp db rebuild`: make the store anew from the files.
struct RebuildCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebuild", abstract: "Make the store anew from the run folders.")

  @OptionGroup var location: LocationOptions

  func run() throws {
    try reportingFailures {
      let paths = location.paths()
      guard FileManager.default.fileExists(atPath: paths.root) else {
        throw Failure(
          "there is nothing to rebuild from: no '\(paths.root)'. Name the folder of runs with --runs",
          code: ExitStatus.usage)
      }
      let path = location.databasePath()
      let store = try RebuildCommand.openWhole(path)
      for problem in try store.rebuild(from: paths) { Terminal.message("warning: \(problem)") }
      let count = try store.runs().count
      Terminal.message("\(path): \(SpecArguments.count(count, "run")) taken in")
    }
  }

  /// Opens the store; a damaged one is moved aside, because somebody may want to look at it.
  private static func openWhole(_ path: String) throws -> Store {
    do throws(StoreError) {
      let store = try Store.open(at: path, mode: .readWrite)
      // What is damaged deep inside opens as well, and would spoil what is written into it.
      if try store.damage().isEmpty { return store }
      try store.close()
    } catch {
      guard [.damaged, .database].contains(error.code) else { throw error }
    }
    let aside = "\(path).damaged"
    try? FileManager.default.removeItem(atPath: aside)  // try?: there may be none from before
    try FileManager.default.moveItem(atPath: path, toPath: aside)
    // SQLite would take a log that is left for one of the new file.
    for suffix in ["-wal", "-shm", "-journal"] {
      try? FileManager.default.removeItem(atPath: path + suffix)  // try?: often absent
    }
    Terminal.message("the damaged store is kept as '\(aside)'")
    return try Store.open(at: path, mode: .readWrite)
  }
}
