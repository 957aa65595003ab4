internal import FoundationEssentials
internal import GRDB
internal import Glibc
public import TrainerProtocol

extension Store {
  /// Opens the store at a path.
  ///
  /// For writing, a store that is missing is made, brought to the current shape, and filled from the files below
  /// `runs` where they are given; a lock beside it (`exp.sqlite.lock`) lets any number of processes try at once.
  /// - Throws: `StoreError`: `missing`, `damaged`, `newer`, `busy`, `notWritable` or `disk`.
  public static func open(
    at path: String, mode: Mode, runs: RunPaths? = nil
  ) throws(StoreError) -> Store {
    switch mode {
    case .readOnly: try openToRead(path)
    case .readWrite: try openToWrite(path, runs)
    }
  }

  /// Makes an empty store in memory; it goes when the last reference goes.
  ///
  /// - Throws: `StoreError` where SQLite refuses.
  public static func inMemory() throws(StoreError) -> Store {
    let name = UUID().uuidString
    do {
      let database = try DatabaseQueue(named: name, configuration: configuration(nil))
      try Migrations.all.migrate(database)
      return Store(
        path: name, target: "file:\(name)?mode=memory&cache=shared", journal: .writeAheadLog,
        database: database)
    } catch {
      throw StoreError(error, path: "memory")
    }
  }

  private static func openToRead(_ path: String) throws(StoreError) -> Store {
    guard access(path, F_OK) == 0 else {
      throw StoreError(
        .missing, "there is no store at '\(path)'; 'exp db rebuild' makes it from the run folders")
    }
    let journal = journal(beside: path)
    var settings = configuration(nil)
    settings.readonly = true
    do {
      let target = isReadableOnly(path) ? immutableURI(path) : path
      let database = try DatabaseQueue(path: target, configuration: settings)
      let store = Store(path: path, target: target, journal: journal, database: database)
      try store.checkShape()
      return store
    } catch {
      throw StoreError(error, path: path)
    }
  }

  private static func openToWrite(_ path: String, _ runs: RunPaths?) throws(StoreError) -> Store {
    let journal = journal(beside: path)
    let lock = try OpeningLock(path)
    defer { lock.release() }
    do {
      let database = try DatabaseQueue(path: path, configuration: configuration(journal))
      let store = Store(path: path, target: path, journal: journal, database: database)
      if try database.read(Migrations.all.hasBeenSuperseded) { throw newer(path) }
      try Migrations.all.migrate(database)
      guard let runs, try store.fact("filled") == nil else { return store }
      let problems = try store.refresh(from: runs)
      try store.setFact("filled", "1")
      return Store(
        path: path, target: path, journal: journal, database: database, openingProblems: problems)
    } catch {
      throw StoreError(error, path: path)
    }
  }

  private static func configuration(_ journal: Journal?) -> Configuration {
    var settings = Configuration()
    settings.busyMode = .timeout(10)
    settings.foreignKeysEnabled = true
    settings.label = "exp.store"
    if let journal {
      let mode = journal == .writeAheadLog ? "WAL" : "DELETE"
      settings.prepareDatabase { db in
        _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = \(mode)")
        // A cache may lose its last transactions to a power cut: the files have them.
        try db.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32000")
      }
    }
    return settings
  }

  /// The network file system that a folder lies on; nil for a local one, or where it cannot be told.
  public static func networkFileSystem(of folder: String) -> String? {
    FileSystemKind.networkName(of: folder)
  }

  private static func journal(beside path: String) -> Journal {
    guard let name = FileSystemKind.networkName(of: folder(of: path)) else { return .writeAheadLog }
    return .rollback(networkFileSystem: name)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Whether SQLite could not make the files beside a write-ahead log that reading it needs.
  private static func isReadableOnly(_ path: String) -> Bool {
    access(folder(of: path), W_OK) != 0 && access("\(path)-shm", F_OK) != 0
  }

  private static func immutableURI(_ path: String) -> String {
    var uri = "file:"
    for byte in path.utf8 {
      let plain =
        (0x2d...0x39).contains(byte) || (0x41...0x5a).contains(byte)
        || (0x61...0x7a).contains(byte) || byte == 0x5f
      if plain {
        uri.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        let digits = String(byte, radix: 16)
        uri += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return uri + "?immutable=1"
  }

  /// Refuses what a reader cannot use: an empty file, or the shape of another version.
  private func checkShape() throws {
    let state = try database.read { db in
      (
        newer: try Migrations.all.hasBeenSuperseded(db),
        complete: try Migrations.all.hasCompletedMigrations(db)
      )
    }
    if state.newer { throw Store.newer(path) }
    guard state.complete else {
      throw StoreError(
        .missing,
        "'\(path)' was made by an earlier version or not finished; "
          + "'exp db rebuild' brings it up to date")
    }
  }

  private static func newer(_ path: String) -> StoreError {
    StoreError(
      .newer,
      "'\(path)' was written by a later version of exp; use that, or delete the file: "
        + StoreError.rebuildHelp)
  }
}

/// Held while a store is opened for writing, so that one process makes it and the others find it made.
private struct OpeningLock {
  private let file: Int32

  init(_ path: String) throws(StoreError) {
    let name = "\(path).lock"
    let file = Glibc.open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      throw StoreError(
        .notWritable, "'\(name)' cannot be written: \(String(cString: strerror(errno)))")
    }
    while flock(file, LOCK_EX) != 0 {
      guard errno == EINTR else {
        let reason = String(cString: strerror(errno))
        close(file)
        throw StoreError(.busy, "'\(name)' cannot be locked: \(reason)")
      }
    }
    self.file = file
  }

  func release() { close(file) }
}
