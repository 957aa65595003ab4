public import ExpCore
internal import GRDB

extension Store {
  /// Returns the recorded series of a run or base policy.
  ///
  /// - Throws: `StoreError`, with code `notFound` where the store does not know it.
  public func metrics(of id: RunID) throws(StoreError) -> MetricTable {
    try read { db in
      let find = "SELECT number FROM run WHERE id = ?"
      guard let number = try Int64.fetchOne(db, sql: find, arguments: [id.text]) else {
        throw StoreError(.notFound, "the store knows no run \(id)")
      }
      return try MetricValues.table(run: number, db)
    }
  }
}
