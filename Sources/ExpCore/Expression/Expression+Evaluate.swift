extension Expression {
  /// Says whether the condition holds for the values that `lookup` knows.
  ///
  /// A name without a value makes its comparison false, `!=` too; `not` turns that into true. Numbers compare by
  /// value, with the literal's unit read as `Literal.number(for:)` does. Texts are equal by their characters, or as
  /// sizes where both sides are (`model.size = 0.303m`), and ordered the same way. A map with a `method` stands for
  /// that method, a list of one for its element, other lists and maps for their canonical JSON.
  public func evaluate(_ lookup: (String) -> JSONValue?) -> Bool {
    holds(lookup) { pattern, text in
      // try?: the pattern was checked when it was parsed; one made by hand that is wrong matches nothing.
      guard let regex = try? Regex(pattern) else { return false }
      return text.firstMatch(of: regex) != nil
    }
  }

  /// Returns the condition as a function with its patterns compiled, for use on many rows.
  public func predicate() -> ((String) -> JSONValue?) -> Bool {
    var compiled: [String: Regex<AnyRegexOutput>] = [:]
    for pattern in patterns {
      compiled[pattern] = try? Regex(pattern)  // try?: as in `evaluate`
    }
    return { [compiled] lookup in
      holds(lookup) { pattern, text in
        guard let regex = compiled[pattern] else { return false }
        return text.firstMatch(of: regex) != nil
      }
    }
  }

  private var patterns: [String] {
    switch self {
    case .match(_, let pattern): [pattern]
    case .comparison, .membership: []
    case .not(let inner): inner.patterns
    case .and(let parts), .or(let parts): parts.flatMap(\.patterns)
    }
  }

  private func holds(
    _ lookup: (String) -> JSONValue?, _ matches: (String, String) -> Bool
  ) -> Bool {
    switch self {
    case .comparison(let key, let symbol, let literal):
      guard let value = lookup(key)?.comparable else { return false }
      return symbol.holds(value, literal, key)
    case .membership(let key, let literals):
      guard let value = lookup(key)?.comparable else { return false }
      return literals.contains { Operator.equal.holds(value, $0, key) }
    case .match(let key, let pattern):
      guard let value = lookup(key)?.comparable else { return false }
      return matches(pattern, value.string ?? value.canonicalJSON)
    case .not(let inner): return !inner.holds(lookup, matches)
    case .and(let parts): return parts.allSatisfy { $0.holds(lookup, matches) }
    case .or(let parts): return parts.contains { $0.holds(lookup, matches) }
    }
  }
}

extension JSONValue {
  /// The scalar that a value is compared as.
  var comparable: JSONValue {
    switch self {
    case .object(let members):
      if let method = members["method"], method.string != nil { return method }
      return .string(canonicalJSON)
    case .array(let elements):
      if elements.count == 1 { return elements[0].comparable }
      return .string(canonicalJSON)
    default: return self
    }
  }
}

extension Expression.Operator {
  fileprivate func holds(_ value: JSONValue, _ literal: Expression.Literal, _ key: String) -> Bool {
    switch value {
    case .number(let number):
      guard let other = literal.number(for: key) else { return self == .notEqual }
      return holds(number, other)
    case .string(let text):
      if text == literal.text { return holds(0, 0) }
      if let other = literal.number(for: key), let number = Quantity.size(text) {
        return holds(number, other)
      }
      return holds(text, literal.text)
    case .bool(let flag):
      guard let other = literal.bool else { return self == .notEqual }
      return holds(flag ? 1 : 0, other ? 1 : 0)
    case .null:
      return literal.isNull ? holds(0, 0) : self == .notEqual
    case .array, .object:
      return false
    }
  }

  private func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
    switch self {
    case .equal: left == right
    case .notEqual: left != right
    case .less: left < right
    case .lessOrEqual: left <= right
    case .greater: left > right
    case .greaterOrEqual: left >= right
    }
  }
}
