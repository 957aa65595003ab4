internal import GRDB

extension Store {
  /// Writes a copy of the store to a new file, as it is at one moment, while others go on writing.
  ///
  /// - Throws: `StoreError` where the file is there already or cannot be written.
  public func copy(to path: String) throws(StoreError) {
    do {
      try database.inDatabase { db in
        try db.execute(sql: "VACUUM INTO ?", arguments: [path])
      }
    } catch {
      throw StoreError(error, path: path)
    }
  }
}
