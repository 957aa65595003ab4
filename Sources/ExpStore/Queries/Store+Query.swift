extension Store {
  /// Runs one SQL statement that reads, over the documented views `runs params metrics fits attempts sweeps
  /// sweep_runs bases predictions tags notes`.
  ///
  /// It runs on a connection of its own that cannot write, attach files, set pragmas or load extensions.
  /// - Throws: `StoreError`, with code `query` for what is not one reading statement, or takes too long.
  public func query(
    sql: String, rowLimit: Int = 1_000_000, seconds: Double = 60
  ) throws(StoreError) -> QueryResult {
    try ReadOnlyConnection(target: target, path: path)
      .run(sql, rowLimit: rowLimit, seconds: seconds)
  }
}
