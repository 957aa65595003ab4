internal import ExpCore
internal import GRDB

/// Turns a filter into SQL with bound parameters; no text of the user's becomes SQL.
///
/// A condition that numbers in a column can answer becomes a comparison. All others are answered by
/// `Expression.evaluate` itself, over the distinct values of a setting (there are few) or through the SQL function
/// `exp_holds`, so that a filter means the same here as in a spec.
struct FilterCompiler {
  private let db: Database
  private(set) var arguments: [DatabaseValue] = []
  /// The conditions that `exp_holds` answers, by their place.
  private(set) var conditions: [(key: String, condition: ((String) -> JSONValue?) -> Bool)] = []

  init(_ db: Database) { self.db = db }

  /// Adds an argument and returns its place holder.
  mutating func bind(_ value: some DatabaseValueConvertible) -> String {
    arguments.append(value.databaseValue)
    return "?\(arguments.count)"
  }

  /// Returns a condition that is 0 or 1, never NULL.
  mutating func compile(_ expression: Expression) throws -> String {
    switch expression {
    case .and(let parts): return try join(parts, " AND ")
    case .or(let parts): return try join(parts, " OR ")
    case .not(let inner): return "NOT (\(try compile(inner)))"
    case .comparison(let key, let symbol, let literal):
      return try compare(FilterKey(key), key, symbol, literal) ?? leaf(key, expression)
    case .membership(let key, let literals):
      return try isOne(of: literals, FilterKey(key), key) ?? leaf(key, expression)
    case .match(let key, _): return try leaf(key, expression)
    }
  }

  private mutating func join(_ parts: [Expression], _ word: String) throws -> String {
    var terms: [String] = []
    for part in parts { terms.append("(\(try compile(part)))") }
    return terms.joined(separator: word)
  }

  /// A membership that a column answers by itself; nil where it does not.
  private mutating func isOne(
    of literals: [Expression.Literal], _ key: FilterKey, _ name: String
  ) -> String? {
    let column: String
    let values: [JSONValue]
    switch key {
    case .number("run.snapshot"), .names, .param: return nil
    case .number(let source):
      column = source
      values = literals.compactMap { $0.number(for: name).map(JSONValue.number) }
    case .text(let source):
      column = source
      values = literals.map { .string($0.text) }
    }
    let list = bind(JSONValue.array(values).canonicalJSON)
    return "(\(column) IS NOT NULL AND \(column) IN (SELECT value FROM json_each(\(list))))"
  }

  /// A comparison that a column answers by itself; nil where it does not.
  private mutating func compare(
    _ key: FilterKey, _ name: String, _ symbol: Expression.Operator, _ literal: Expression.Literal
  ) throws -> String? {
    switch key {
    case .number(let column):
      let isFlag = column == "run.snapshot"
      let number = isFlag ? literal.bool.map { $0 ? 1 : 0 } : literal.number(for: name)
      guard let number else { return symbol == .notEqual ? "(\(column) IS NOT NULL)" : "0" }
      return "(\(column) IS NOT NULL AND \(column) \(symbol.rawValue) \(bind(number)))"
    case .text(let column):
      return "(\(column) IS NOT NULL AND \(column) \(symbol.rawValue) \(bind(literal.text)))"
    case .names, .param: return nil
    }
  }

  private mutating func leaf(_ key: String, _ expression: Expression) throws -> String {
    switch FilterKey(key) {
    case .param(let path): return try settingLeaf(path, expression)
    case .names(let names): return try namesLeaf(names, expression)
    case .number(let column), .text(let column):
      conditions.append((key, expression.predicate()))
      let isFlag = column == "run.snapshot"
      let value = isFlag ? "iif(run.snapshot, 'true', 'false')" : column
      return "exp_holds(\(conditions.count - 1), \(value))"
    }
  }

  /// Asks the expression about each distinct sweep or tag, and the index for who has those that pass.
  private mutating func namesLeaf(
    _ names: FilterKey.Names, _ expression: Expression
  ) throws -> String {
    let holds = expression.predicate()
    let passing = try Row.fetchAll(db, sql: names.distinct).filter { row in
      let name: String = row["name"]
      return holds { _ in .string(name) }
    }
    let keys = passing.map { row -> JSONValue in
      switch (row["key"] as DatabaseValue).storage {
      case .int64(let number): .number(Double(number))
      case .string(let text): .string(text)
      default: .null
      }
    }
    guard !keys.isEmpty else { return "0" }
    return "run.number IN (\(names.members(keys: bind(JSONValue.array(keys).canonicalJSON))))"
  }

  /// Asks the expression about each distinct value of a setting, and the index for who has those that pass.
  private mutating func settingLeaf(
    _ path: String, _ expression: Expression
  ) throws -> String {
    let holds = expression.predicate()
    let rows = try Row.fetchAll(
      db, sql: "SELECT number, kind, text, number_value FROM param_value WHERE path = ?",
      arguments: [path])
    try requireKnown(path, isKnown: !rows.isEmpty)
    let passing = rows.filter { row in
      let value = ParamTable.Value.json(
        kind: row["kind"], text: row["text"], number: row["number_value"])
      return holds { _ in value }
    }
    guard !passing.isEmpty else { return "0" }
    let numbers = "[\(passing.map { String($0["number"] as Int64) }.joined(separator: ","))]"
    let values = "(SELECT value FROM json_each(\(bind(numbers))))"
    // Few runs are best listed; of many it is cheaper to ask each, and only those that the rest lets pass.
    if try isCommon(numbers) {
      return """
        EXISTS (SELECT 1 FROM run_param
          WHERE run_param.run = run.number AND run_param.value IN \(values))
        """
    }
    return "run.number IN (SELECT run FROM run_param WHERE value IN \(values))"
  }

  private func isCommon(_ numbers: String) throws -> Bool {
    let bound = 5000
    let count = try Int.fetchOne(
      db,
      sql: """
        SELECT count(*) FROM (SELECT 1 FROM run_param
          WHERE value IN (SELECT value FROM json_each(?)) LIMIT ?)
        """, arguments: [numbers, bound])
    return count == bound
  }

  /// Refuses a name that no run has, which is a misspelling far more often than a question.
  private func requireKnown(_ path: String, isKnown: Bool) throws {
    guard !isKnown else { return }
    let known = try String.fetchAll(db, sql: "SELECT DISTINCT path FROM param_value")
    guard !known.isEmpty else { return }
    throw FilterCompiler.unknownName(path, known)
  }

  static func unknownName(_ name: String, _ paths: [String]) -> StoreError {
    let names = (paths + FilterKey.columns.keys).sorted()
    let mend = Suggestion.nearest(to: name, among: names).map { "; did you mean '\($0)'?" } ?? ""
    return StoreError(.query, "no run has a value named '\(name)'\(mend)")
  }
}

/// A condition made from a filter: a constant of the query it was made for, called on its connection alone.
struct FilterFunction: @unchecked Sendable {
  // The closures hold compiled patterns, which are not marked sendable; they are called on one serial queue only.
  let conditions: [(key: String, condition: ((String) -> JSONValue?) -> Bool)]

  /// The SQL function `exp_holds(condition, value)`.
  var function: DatabaseFunction {
    DatabaseFunction("exp_holds", argumentCount: 2, pure: true) { [self] values in
      guard let index = Int.fromDatabaseValue(values[0]), conditions.indices.contains(index) else {
        return 0
      }
      let value: JSONValue? =
        switch values[1].storage {
        case .null, .blob: nil
        case .int64(let number): .number(Double(number))
        case .double(let number): .number(number)
        case .string(let text): .string(text)
        }
      let (key, holds) = conditions[index]
      return holds { $0 == key ? value : nil } ? 1 : 0
    }
  }
}
