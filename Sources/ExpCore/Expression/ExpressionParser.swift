extension Expression {
  /// A name that an expression reads, with its place and what it is compared with.
  public struct KeyUse: Sendable, Hashable {
    /// The name.
    public let key: String
    /// Where it stands, in characters (Unicode scalars) from 1.
    public let column: Int
    /// The values it is compared with for equality; empty for order and patterns.
    public let literals: [Literal]
    /// Where each of `literals` stands.
    public let literalColumns: [Int]
  }

  /// Reads an expression.
  ///
  /// - Throws: `ExpressionError` with the column of the first thing that does not fit; a pattern that is no
  ///   regular expression is such a thing.
  public static func parse(_ text: String) throws(ExpressionError) -> Expression {
    try parseWithUses(text).expression
  }

  /// Reads an expression and lists every use of a name in it, for messages about names that do not exist.
  ///
  /// - Throws: as `parse`.
  public static func parseWithUses(
    _ text: String
  ) throws(ExpressionError) -> (expression: Expression, uses: [KeyUse]) {
    var parser = ExpressionParser(tokens: try ExpressionLexer.tokens(of: text))
    return (try parser.parse(), parser.uses)
  }
}

/// Recursive descent over the tokens, `or` < `and` < `not` < comparison.
private struct ExpressionParser {
  typealias Token = ExpressionLexer.Token

  /// Parentheses and `not` nest at most so deep, which keeps the stack small whatever the text.
  static let deepestNesting = 64
  static let keywords: Set<String> = ["and", "or", "not", "in"]
  static let strangers = [
    "&&": "and", "||": "or", "AND": "and", "OR": "or", "NOT": "not", "&": "and",
  ]

  var tokens: [Token]
  var uses: [Expression.KeyUse] = []
  private var position = 0
  private var depth = 0

  init(tokens: [Token]) { self.tokens = tokens }

  private var current: Token { tokens[position] }

  /// Steps over the current token; the last one, the end, is never left.
  private mutating func advance() {
    if position + 1 < tokens.count { position += 1 }
  }

  mutating func parse() throws(ExpressionError) -> Expression {
    if current.kind == .end { throw ExpressionError("the expression is empty", column: 1) }
    let expression = try disjunction()
    guard current.kind == .end else { throw unexpected("'and', 'or' or the end") }
    return expression
  }

  private mutating func disjunction() throws(ExpressionError) -> Expression {
    var parts = [try conjunction()]
    while current.isWord("or") {
      advance()
      parts.append(try conjunction())
    }
    return parts.count == 1 ? parts[0] : .or(parts)
  }

  private mutating func conjunction() throws(ExpressionError) -> Expression {
    var parts = [try term()]
    while current.isWord("and") {
      advance()
      parts.append(try term())
    }
    return parts.count == 1 ? parts[0] : .and(parts)
  }

  private mutating func term() throws(ExpressionError) -> Expression {
    depth += 1
    defer { depth -= 1 }
    guard depth <= ExpressionParser.deepestNesting else {
      throw ExpressionError(
        "parentheses and 'not' nest more than \(ExpressionParser.deepestNesting) deep",
        column: current.column)
    }
    if current.isWord("not") {
      advance()
      return .not(try term())
    }
    guard current.kind == .open else { return try comparison() }
    advance()
    let inner = try disjunction()
    guard current.kind == .close else { throw unexpected("'and', 'or' or ')'") }
    advance()
    return inner
  }

  private mutating func comparison() throws(ExpressionError) -> Expression {
    let (key, column) = try name()
    switch current.kind {
    case .comparison(let symbol):
      advance()
      let (value, place) = try literal()
      let isEquality = symbol == .equal || symbol == .notEqual
      uses.append(
        .init(
          key: key, column: column, literals: isEquality ? [value] : [],
          literalColumns: isEquality ? [place] : []))
      return .comparison(key: key, symbol, value)
    case .matches:
      advance()
      let (pattern, place) = try literal()
      uses.append(.init(key: key, column: column, literals: [], literalColumns: []))
      return .match(key: key, pattern: try checked(pattern.text, column: place))
    case .word("in"):
      return try membership(of: key, column)
    case .word("not"):
      advance()
      guard current.isWord("in") else { throw unexpected("'in' after 'not'") }
      return .not(try membership(of: key, column))
    default:
      throw unexpected("=, !=, <, <=, >, >=, ~ or 'in' after '\(key)'")
    }
  }

  private mutating func membership(
    of key: String, _ column: Int
  ) throws(ExpressionError) -> Expression {
    advance()
    guard current.kind == .open else { throw unexpected("'(' after 'in'") }
    var values: [Expression.Literal] = []
    var places: [Int] = []
    repeat {
      advance()
      let (value, place) = try literal()
      values.append(value)
      places.append(place)
    } while current.kind == .comma
    guard current.kind == .close else { throw unexpected("',' or ')'") }
    advance()
    uses.append(.init(key: key, column: column, literals: values, literalColumns: places))
    return .membership(key: key, values)
  }

  private mutating func name() throws(ExpressionError) -> (String, Int) {
    guard case .word(let key) = current.kind, !ExpressionParser.keywords.contains(key) else {
      throw unexpected("a key such as train.algorithm")
    }
    let first = key.utf8.first ?? 0
    let isLetter = (0x41...0x5a).contains(first & 0xdf) || first == 0x5f
    guard isLetter, !key.hasSuffix("."), !key.contains("..") else {
      throw unexpected("a key such as train.algorithm")
    }
    let column = current.column
    advance()
    return (key, column)
  }

  private mutating func literal() throws(ExpressionError) -> (Expression.Literal, Int) {
    let column = current.column
    switch current.kind {
    case .word(let text) where !ExpressionParser.keywords.contains(text):
      advance()
      return (.init(text), column)
    case .quoted(let text):
      advance()
      return (.init(text, isQuoted: true), column)
    default:
      throw unexpected("a value")
    }
  }

  private func checked(_ pattern: String, column: Int) throws(ExpressionError) -> String {
    do {
      _ = try Regex(pattern)
    } catch {
      throw ExpressionError("'\(pattern)' is not a regular expression: \(error)", column: column)
    }
    return pattern
  }

  private func unexpected(_ expected: String) -> ExpressionError {
    var help: String?
    if case .word(let text) = current.kind, let known = ExpressionParser.strangers[text] {
      help = "write '\(known)'"
    }
    return ExpressionError(
      "expected \(expected), found \(current.name)", column: current.column, help: help)
  }
}
