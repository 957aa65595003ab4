/// Cuts an expression into tokens with their columns.
struct ExpressionLexer {
  enum Kind: Hashable {
    case word(String)
    case quoted(String)
    case comparison(Expression.Operator)
    case matches
    case open
    case close
    case comma
    case end
  }

  struct Token {
    var kind: Kind
    var column: Int

    /// The token as a message names it.
    var name: String {
      switch kind {
      case .word(let text): "'\(text)'"
      case .quoted(let text): "the text '\(text)'"
      case .comparison(let symbol): "'\(symbol.rawValue)'"
      case .matches: "'~'"
      case .open: "'('"
      case .close: "')'"
      case .comma: "','"
      case .end: "the end"
      }
    }

    /// Whether it is this unquoted word.
    func isWord(_ word: String) -> Bool { kind == .word(word) }
  }

  /// The longest text that is read.
  static let longestText = 16_384

  private let scalars: [Unicode.Scalar]
  private var position = 0

  private init(_ text: String) { scalars = Array(text.unicodeScalars) }

  /// Returns all tokens of a text, the last one being the end.
  static func tokens(of text: String) throws(ExpressionError) -> [Token] {
    var lexer = ExpressionLexer(text)
    guard lexer.scalars.count <= longestText else {
      throw ExpressionError(
        "the expression has \(lexer.scalars.count) characters; \(longestText) are the most",
        column: 1)
    }
    var tokens: [Token] = []
    repeat {
      tokens.append(try lexer.next())
    } while tokens.last?.kind != .end
    return tokens
  }

  private mutating func next() throws(ExpressionError) -> Token {
    while position < scalars.count, scalars[position].properties.isWhitespace { position += 1 }
    let column = position + 1
    guard position < scalars.count else { return Token(kind: .end, column: column) }
    switch scalars[position] {
    case "(": return single(.open)
    case ")": return single(.close)
    case ",": return single(.comma)
    case "~": return single(.matches)
    case "'", "\"": return try quoted()
    case "=", "!", "<", ">": return try comparison()
    default: return Token(kind: .word(word()), column: column)
    }
  }

  private mutating func single(_ kind: Kind) -> Token {
    position += 1
    return Token(kind: kind, column: position)
  }

  private mutating func comparison() throws(ExpressionError) -> Token {
    let column = position + 1
    var symbol = String(Character(scalars[position]))
    position += 1
    if position < scalars.count, scalars[position] == "=" {
      symbol += "="
      position += 1
    }
    if symbol == "==" {
      throw ExpressionError("'==' is not an operator", column: column, help: "write '='")
    }
    guard let known = Expression.Operator(rawValue: symbol) else {
      throw ExpressionError(
        "'\(symbol)' is not an operator", column: column, help: "write 'not' or '!='")
    }
    return Token(kind: .comparison(known), column: column)
  }

  /// Reads a quoted text; a backslash takes the quote or the backslash after it as it stands, and is itself otherwise.
  private mutating func quoted() throws(ExpressionError) -> Token {
    let column = position + 1
    let quote = scalars[position]
    var text = String.UnicodeScalarView()
    position += 1
    while position < scalars.count, scalars[position] != quote {
      if scalars[position] == "\\", position + 1 < scalars.count,
        scalars[position + 1] == quote || scalars[position + 1] == "\\"
      {
        position += 1
      }
      text.append(scalars[position])
      position += 1
    }
    guard position < scalars.count else {
      throw ExpressionError("the quote that starts here has no end", column: column)
    }
    position += 1
    return Token(kind: .quoted(String(text)), column: column)
  }

  private mutating func word() -> String {
    let start = position
    while position < scalars.count, !ExpressionLexer.endsWord(scalars[position]) { position += 1 }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars[start..<position])
    return String(text)
  }

  private static func endsWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "(", ")", ",", "~", "'", "\"", "=", "!", "<", ">": true
    default: scalar.properties.isWhitespace
    }
  }
}
