internal import GRDB

/// Why the store or one of the files it reads cannot be used.
public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of trouble it is.
  public enum Code: String, Sendable, Hashable {
    /// There is no store, and it may not be made here.
    case missing
    /// The database file is not one, or is damaged.
    case damaged
    /// A later version wrote it.
    case newer
    /// Another process held it for longer than we wait.
    case busy
    /// It cannot be written.
    case notWritable
    /// The disk is full or failing.
    case disk
    /// A file is missing, unreadable or not what it should be.
    case file
    /// Nothing has that name.
    case notFound
    /// Several things have that name.
    case ambiguous
    /// A filter, a sort order or a query is wrong.
    case query
    /// Something else that SQLite reports.
    case database
  }

  /// The kind.
  public var code: Code
  /// The whole story in words, with the mend where there is one.
  public var message: String
  /// The statement it happened in, where there is one.
  public var sql: String?

  /// Makes an error.
  public init(_ code: Code, _ message: String, sql: String? = nil) {
    self.code = code
    self.message = message
    self.sql = sql
  }

  /// The message.
  public var description: String { message }
}

extension StoreError {
  static let rebuildHelp = """
    it is only a cache of the run folders: 'exp db rebuild' makes it again, \
    and deleting the file loses nothing
    """

  /// Puts whatever GRDB threw into words; `path` is the database.
  init(_ error: any Error, path: String) {
    if let error = error as? StoreError {
      self = error
      return
    }
    guard let error = error as? DatabaseError else {
      self.init(.database, "'\(path)': \(error)")
      return
    }
    self.init(
      resultCode: error.resultCode.rawValue, detail: error.message ?? "no details", path: path,
      sql: error.sql)
  }

  /// Puts a primary SQLite result code into words.
  init(resultCode: Int32, detail: String, path: String, sql: String?) {
    switch ResultCode(rawValue: resultCode) {
    case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT:
      self.init(.damaged, "'\(path)' is damaged (\(detail)); \(StoreError.rebuildHelp)", sql: sql)
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self.init(.busy, "'\(path)' is held by another process (\(detail)); try again", sql: sql)
    case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
      self.init(.notWritable, "'\(path)' cannot be written (\(detail))", sql: sql)
    case .SQLITE_CANTOPEN:
      self.init(.missing, "'\(path)' cannot be opened (\(detail))", sql: sql)
    case .SQLITE_FULL, .SQLITE_IOERR:
      self.init(
        .disk,
        "'\(path)': the disk is full or failing (\(detail)); make room there and try again: "
          + "what was recorded is in the run folders", sql: sql)
    default:
      // Our own statements are right for the shape that we made.
      self.init(
        .database, "'\(path)' may be damaged (\(detail)); \(StoreError.rebuildHelp)", sql: sql)
    }
  }
}
