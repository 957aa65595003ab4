internal import GRDB

/// The shape of the database, migration by migration; a released one is never edited, only followed by another.
enum Migrations {
  static let all: DatabaseMigrator = {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("0001 tables") { db in
      try db.execute(sql: Migration0001.tables)
      try db.execute(sql: Migration0001.views)
    }
    migrator.registerMigration("0002 kernels") { db in
      try db.execute(sql: Migration0002.kernels)
    }
    return migrator
  }()
}
