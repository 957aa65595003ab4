internal import ArgumentParser
internal import ExpStore
internal import Foundation
internal import TrainerProtocol

/// Where the runs are: options that every command shares.
struct LocationOptions: ParsableArguments {
  @Option(
    name: .customLong("runs"),
    help: "The folder that holds all runs (default: the nearest 'runs' from here upwards).")
  var runsFolder: String?

  @Option(name: .customLong("db"), help: "The store (default: exp.sqlite in that folder).")
  var database: String?

  /// The folder of runs, found or named; it need not exist yet.
  func paths() -> RunPaths {
    if let runsFolder { return RunPaths(root: absolute(runsFolder)) }
    let files = FileManager.default
    let here = files.currentDirectoryPath
    var folder = here
    while true {
      if ["exp.sqlite", "sweeps"].contains(where: {
        files.fileExists(atPath: "\(folder)/runs/\($0)")
      }) {
        return RunPaths(root: "\(folder)/runs")
      }
      guard let slash = folder.lastIndex(of: "/"), slash != folder.startIndex else { break }
      folder = String(folder[..<slash])
    }
    return RunPaths(root: here == "/" ? "/runs" : "\(here)/runs")
  }

  /// The store's file.
  func databasePath() -> String { database.map(absolute) ?? paths().database }

  /// Opens the store and takes in what changed since; says how to get something where there is nothing.
  ///
  /// Where nothing can be written, what the store holds already is read.
  func openStore() throws -> Store {
    let paths = paths()
    guard FileManager.default.fileExists(atPath: paths.root) else {
      throw Failure(
        "no runs yet: there is no '\(paths.root)'. Start some with 'exp sweep SPEC', or name their "
          + "folder with --runs", code: ExitStatus.usage)
    }
    do {
      let store = try Store.open(at: databasePath(), mode: .readWrite, runs: paths)
      for problem in try store.refresh(from: paths) { Terminal.message("warning: \(problem)") }
      return store
    } catch {
      guard error.code == .notWritable || error.code == .disk else { throw error }
      let isFull = error.code == .disk
      // try?: where it cannot be read either, the first error is the one to report.
      guard let store = try? Store.open(at: databasePath(), mode: .readOnly) else { throw error }
      if isFull { Terminal.message("warning: \(error); what the store holds already is shown") }
      return store
    }
  }

  /// The folder of the run that a reference names.
  func folder(of reference: String) throws -> RunFolder {
    try asUsage([.notFound, .ambiguous]) {
      paths().run(try openStore().resolve(reference: reference))
    }
  }

  /// Makes the folder of runs, with a note that keeps git from looking into it.
  func prepare() throws -> RunPaths {
    let paths = paths()
    let files = FileManager.default
    do {
      try files.createDirectory(atPath: paths.root, withIntermediateDirectories: true)
      let ignore = "\(paths.root)/.gitignore"
      if !files.fileExists(atPath: ignore) {
        try Data("# Everything here is made by exp and can be large.\n*\n".utf8)
          .write(to: URL(filePath: ignore))
      }
    } catch {
      throw Failure(
        "cannot make '\(paths.root)': \(error.localizedDescription) Make room or make it writable, or name "
          + "another folder with --runs")
    }
    return paths
  }
}

/// Turns the store's refusals of what the user asked into usage errors.
func asUsage<Value>(_ codes: [StoreError.Code], _ body: () throws -> Value) throws -> Value {
  do {
    return try body()
  } catch let error as StoreError {
    guard codes.contains(error.code) else { throw error }
    throw Failure("\(error)", code: ExitStatus.usage)
  }
}

/// Makes a path absolute by the working directory.
func absolute(_ path: String) -> String {
  path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
}
