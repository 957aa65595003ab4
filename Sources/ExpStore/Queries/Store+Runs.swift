public import ExpCore
internal import GRDB

extension Store {
  /// Returns the RL runs that a filter lets pass.
  ///
  /// Names in the filter are dotted paths of the configuration, or `id status sweep label tags commit created
  /// model.size model.params seed step val_score best_val_score entropy ceiling a b r2 wall_seconds` and their kin.
  /// A run in several sweeps passes where one of them does; the same goes for tags.
  /// - Parameters:
  ///   - expression: the filter; nil lets all pass.
  ///   - sweep: the name of a sweep; its runs come in the order of its plan unless `sort` says otherwise.
  ///   - sort: names separated by commas, a `-` before one for descending order; runs without the value come last.
  ///     Without it: oldest first.
  /// - Returns: the runs in order.
  /// - Throws: `StoreError`: `query` for a name that no run has, `notFound` for a sweep that is not there.
  public func runs(
    matching expression: Expression? = nil, sweep: String? = nil, sort: String? = nil
  ) throws(StoreError) -> [RunRow] {
    try read { db in
      var compiler = FilterCompiler(db)
      var conditions = ["run.kind = 'rl'"]
      if let expression { conditions.append("(\(try compiler.compile(expression)))") }
      var source = RunRow.select
      var order: [String] = []
      if let sweep {
        let find = "SELECT number FROM sweep WHERE name = ?"
        guard let number = try Int64.fetchOne(db, sql: find, arguments: [sweep]) else {
          throw try Store.unknownSweep(sweep, db)
        }
        // A run stands in a sweep once or, with several points alike, at its first place.
        source += """
           JOIN (SELECT run, min(position) AS position FROM sweep_run
            WHERE sweep = \(compiler.bind(number)) GROUP BY run) AS place ON place.run = run.number
          """
        order = ["place.position"]
      }
      if let sort { order = try Store.sortTerms(sort, &compiler, db) }
      order += ["run.created_at IS NULL", "run.created_at", "run.id"]
      let function = FilterFunction(conditions: compiler.conditions).function
      db.add(function: function)
      defer { db.remove(function: function) }
      let rows = try Row.fetchCursor(
        db,
        sql: "\(source) WHERE \(conditions.joined(separator: " AND "))"
          + " ORDER BY \(order.joined(separator: ", "))",
        arguments: StatementArguments(compiler.arguments))
      var found: [RunRow] = []
      while let row = try rows.next() { found.append(try RunRow(row)) }
      return found
    }
  }

  /// Returns one run; nil where the store does not know it.
  ///
  /// - Throws: `StoreError`.
  public func run(_ id: RunID) throws(StoreError) -> RunRow? {
    try read { db in
      try Row.fetchOne(
        db, sql: "\(RunRow.select) WHERE run.kind = 'rl' AND run.id = ?", arguments: [id.text]
      ).map(RunRow.init)
    }
  }

  private static func sortTerms(
    _ sort: String, _ compiler: inout FilterCompiler, _ db: Database
  ) throws -> [String] {
    var terms: [String] = []
    for part in sort.split(separator: ",", omittingEmptySubsequences: false) {
      let descends = part.hasPrefix("-")
      let name = String(descends ? part.dropFirst() : part)
      let key = FilterKey(name)
      if case .param(let path) = key {
        let known = try String.fetchAll(db, sql: "SELECT DISTINCT path FROM param_value")
        guard known.contains(path) || (known.isEmpty && !path.isEmpty) else {
          throw FilterCompiler.unknownName(name, known)
        }
      }
      let term = key.sortTerm { compiler.bind($0) }
      terms.append("\(term) IS NULL")
      terms.append(descends ? "\(term) DESC" : term)
    }
    return terms
  }

  static func unknownSweep(_ name: String, _ db: Database) throws -> StoreError {
    let known = try String.fetchAll(db, sql: "SELECT name FROM sweep ORDER BY name")
    let mend =
      Suggestion.nearest(to: name, among: known).map { "; did you mean '\($0)'?" }
      ?? (known.isEmpty ? "; there are none yet" : "")
    return StoreError(.notFound, "there is no sweep named '\(name)'\(mend)")
  }
}
