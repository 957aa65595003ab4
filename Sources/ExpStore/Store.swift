internal import GRDB

/// The SQLite store: a cache of the files under `runs/` that answers questions about all runs at once.
///
/// One process-wide connection behind a serial queue, so it may be shared by threads. Every write is one short
/// immediate transaction. Methods block; errors are `StoreError`.
public final class Store: Sendable {
  /// What a store is opened for.
  public enum Mode: Sendable, Hashable {
    /// To be written; made and filled from the files where it is missing.
    case readWrite
    /// To be read only; it must be there.
    case readOnly
  }

  /// How writes are made safe.
  public enum Journal: Sendable, Hashable {
    /// A write-ahead log: readers and one writer at once.
    case writeAheadLog
    /// A rollback journal, because the named network file system cannot share a write-ahead log's memory.
    case rollback(networkFileSystem: String)
  }

  /// A file that could not be taken in; the rest was.
  public struct Problem: Sendable, Hashable, CustomStringConvertible {
    /// The file or folder.
    public var path: String
    /// What is wrong with it.
    public var message: String

    /// Both in one line.
    public var description: String { "\(path): \(message)" }
  }

  /// The database file, as it was given; the name of a database in memory.
  public let path: String
  /// How writes are made safe here.
  public let journal: Journal
  /// What could not be taken in when the store was filled on opening.
  public let openingProblems: [Problem]
  /// What SQLite opens: the path or a URI.
  let target: String
  let database: DatabaseQueue

  init(
    path: String, target: String, journal: Journal, database: DatabaseQueue,
    openingProblems: [Problem] = []
  ) {
    self.path = path
    self.target = target
    self.journal = journal
    self.database = database
    self.openingProblems = openingProblems
  }

  /// Lets go of the database file; the store cannot be used afterwards.
  ///
  /// - Throws: `StoreError` where SQLite refuses.
  public func close() throws(StoreError) {
    do {
      try database.close()
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Runs one transaction that reads.
  func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    do {
      return try database.read(body)
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Runs one immediate transaction that writes.
  func write<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    do {
      return try database.writeWithoutTransaction { db in
        var value: Value?
        try db.inTransaction(.immediate) {
          value = try body(db)
          return .commit
        }
        guard let value else { preconditionFailure("a committed transaction has no value") }
        return value
      }
    } catch {
      throw StoreError(error, path: path)
    }
  }
}
