/// A condition over named values: what `exclude`, `hold_out`, `when` and `exp runs` filters are written in.
///
/// `train.algorithm = grpo and (model.params < 1e6 or seed in (0, 1)) and not task.name ~ "^c"`. `and` binds
/// tighter than `or`, `not` tighter than both. Chains are flat lists, so that no text makes a deep tree.
public indirect enum Expression: Sendable, Hashable {
  /// `key = value` and its kin.
  case comparison(key: String, Operator, Literal)
  /// `key in (a, b)`: one of the values equals.
  case membership(key: String, [Literal])
  /// `key ~ pattern`: the pattern is found somewhere in the value's text.
  case match(key: String, pattern: String)
  /// `not x`.
  case not(Expression)
  /// All of at least two hold.
  case and([Expression])
  /// One of at least two holds.
  case or([Expression])

  /// The comparisons there are.
  public enum Operator: String, Sendable, Hashable, CaseIterable {
    case equal = "="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
  }

  /// A value as it was written; what it means depends on the key it is compared with.
  public struct Literal: Sendable, Hashable {
    /// The text, without quotes.
    public let text: String
    /// Whether it stood in quotes, and so is text and nothing else.
    public let isQuoted: Bool

    /// Makes a value.
    public init(_ text: String, isQuoted: Bool = false) {
      self.text = text
      self.isQuoted = isQuoted
    }

    /// The number it stands for beside a key: `30m` is 1,800 seconds for a duration and 30,000,000 for a size.
    ///
    /// Nil for quoted text and for words.
    public func number(for key: String) -> Double? {
      guard !isQuoted else { return nil }
      return Expression.isDuration(key) ? Quantity.duration(text) : Quantity.size(text)
    }

    /// The boolean it stands for; nil for anything but an unquoted `true` or `false`.
    public var bool: Bool? {
      guard !isQuoted else { return nil }
      return text == "true" ? true : text == "false" ? false : nil
    }

    /// Whether it is an unquoted `null`.
    public var isNull: Bool { !isQuoted && text == "null" }
  }

  /// The names that are read, each once, in order of first use.
  public var keys: [String] {
    var seen: Set<String> = []
    var names: [String] = []
    func visit(_ expression: Expression) {
      switch expression {
      case .comparison(let key, _, _), .membership(let key, _), .match(let key, _):
        if seen.insert(key).inserted { names.append(key) }
      case .not(let inner): visit(inner)
      case .and(let parts), .or(let parts): parts.forEach(visit)
      }
    }
    visit(self)
    return names
  }

  /// Whether a key is a time, so that `m` beside it means minutes.
  ///
  /// Times are `timeout`, `duration`, `seconds`, `eta` and everything that ends in `_seconds`.
  public static func isDuration(_ key: String) -> Bool {
    let last = key.split(separator: ".").last ?? ""
    return ["timeout", "duration", "seconds", "eta"].contains(last) || last.hasSuffix("_seconds")
  }
}

/// Why a text is not an expression, with the place in it.
public struct ExpressionError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What was found and what was expected.
  public let message: String
  /// Where in the text, in characters (Unicode scalars) from 1.
  public let column: Int
  /// How to mend it.
  public let help: String?

  /// The message with its column.
  public var description: String { "column \(column): \(message)" }

  init(_ message: String, column: Int, help: String? = nil) {
    self.message = message
    self.column = column
    self.help = help
  }
}
