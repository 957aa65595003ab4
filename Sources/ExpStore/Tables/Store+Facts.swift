internal import GRDB

extension Store {
  func fact(_ name: String) throws(StoreError) -> String? {
    try read { db in
      try String.fetchOne(db, sql: "SELECT value FROM store_fact WHERE name = ?", arguments: [name])
    }
  }

  func setFact(_ name: String, _ value: String) throws(StoreError) {
    try write { db in
      try db.execute(
        sql: "INSERT OR REPLACE INTO store_fact (name, value) VALUES (?, ?)",
        arguments: [name, value])
    }
  }
}
