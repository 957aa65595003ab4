/// Lengths in whole inches, feet and yards; asked is the sum or the difference of two.
struct QuantityDomain: PhraseDomain {
  private static let foot = 12
  private static let yard = 36

  /// Inches, below six feet.
  let values = 1..<72
  private let numbers = PhraseWords.numbers
  private let vocabulary = PhraseWords.vocabulary
  private let topic = PhraseWords.token("length")
  private let question = PhraseWords.token("?")
  private let plus = PhraseWords.token("plus")
  private let less = PhraseWords.token("less")
  private let half = PhraseWords.token("half")
  private let and = PhraseWords.token("and")
  private let a = PhraseWords.token("a")
  private let an = PhraseWords.token("an")
  /// Names of the units, largest first: one of them, several of them, inches in one.
  private let units: [(one: Int32, many: Int32, inches: Int)] = [
    (PhraseWords.token("yard"), PhraseWords.token("yards"), yard),
    (PhraseWords.token("foot"), PhraseWords.token("feet"), foot),
    (PhraseWords.token("inch"), PhraseWords.token("inches"), 1),
  ]

  func ask(_ random: inout RandomSequence) -> (question: [Int32], value: Int) {
    let whole = 2 + random.below(values.count - 1)
    let part = 1 + random.below(min(whole - 1, QuantityDomain.foot))
    let isSum = random.below(2) == 0
    let (left, right) = (isSum ? whole - part : whole, part)
    let words =
      [topic] + mixed(left, &random) + [isSum ? plus : less] + mixed(right, &random) + [question]
    return (words, whole - (isSum ? 0 : part))
  }

  func reference(_ value: Int) -> [Int32] {
    let (feet, inches) = value.quotientAndRemainder(dividingBy: QuantityDomain.foot)
    return counted(feet, unit: 1) + counted(inches, unit: 2)
  }

  /// `5 inches`; nothing for none.
  private func counted(_ count: Int, unit: Int) -> [Int32] {
    guard count > 0 else { return [] }
    return vocabulary.number(count) + [count == 1 ? units[unit].one : units[unit].many]
  }

  func say(_ value: Int, _ random: inout RandomSequence) -> [Int32] {
    switch random.below(4) {
    case 0: return term(value, unit: 2, &random)
    case 1:
      let rest = value % QuantityDomain.yard
      guard value >= QuantityDomain.yard, rest == 0 else { return mixed(value, &random) }
      return term(value / QuantityDomain.yard, unit: 0, &random)
    case 2:
      guard value >= QuantityDomain.foot, value % QuantityDomain.foot == 6 else {
        return mixed(value, &random)
      }
      return numbers.either(value / QuantityDomain.foot, &random) + [and, a, half, units[1].many]
    default: return mixed(value, &random)
    }
  }

  /// Feet and inches, as in `three feet and five inches`.
  private func mixed(_ value: Int, _ random: inout RandomSequence) -> [Int32] {
    let (feet, inches) = value.quotientAndRemainder(dividingBy: QuantityDomain.foot)
    guard feet > 0 else { return term(inches, unit: 2, &random) }
    let head = term(feet, unit: 1, &random)
    guard inches > 0 else { return head }
    return head + (random.below(2) == 0 ? [and] : []) + term(inches, unit: 2, &random)
  }

  private func term(
    _ count: Int, unit: Int, _ random: inout RandomSequence
  ) -> [Int32] {
    guard count == 1 else { return numbers.either(count, &random) + [units[unit].many] }
    let article = random.below(2) == 0 ? [unit == 2 ? an : a] : numbers.either(1, &random)
    return article + [units[unit].one]
  }

  func nearMiss(_ value: Int, _ random: inout RandomSequence) -> Int {
    let moves = [1, -1, 2, -2, QuantityDomain.foot, -QuantityDomain.foot]
    let moved = value + moves[random.below(moves.count)]
    return values.contains(moved) ? moved : value + (value < QuantityDomain.foot ? 1 : -1)
  }

  func meaning(_ phrase: [Int32]) -> Int? {
    var cursor = TokenCursor(phrase)
    var total = 0
    var largest = 0
    while !cursor.isAtEnd {
      if total > 0 { _ = cursor.take(and) }
      guard let term = readTerm(&cursor), term.unit >= largest else { return nil }
      // Units go from large to small, each once.
      largest = term.unit + 1
      total += term.inches
    }
    return values.contains(total) ? total : nil
  }

  /// `three feet`, `a yard`, `two and a half feet`, `half a foot`.
  private func readTerm(_ cursor: inout TokenCursor) -> (unit: Int, inches: Int)? {
    if cursor.take(half) {
      guard cursor.take(a), let unit = readUnit(&cursor), unit < 2 else { return nil }
      return (unit, units[unit].inches / 2)
    }
    let isOne = cursor.take(a) || cursor.take(an)
    guard let count = isOne ? 1 : numbers.read(&cursor) else { return nil }
    let fraction = readHalf(&cursor)
    guard let hasHalf = fraction, let unit = readUnit(&cursor), unit < 2 || !hasHalf else {
      return nil
    }
    return (unit, count * units[unit].inches + (hasHalf ? units[unit].inches / 2 : 0))
  }

  /// Whether `and a half` stands here; nil for its beginning alone.
  private func readHalf(_ cursor: inout TokenCursor) -> Bool? {
    guard cursor.take(and) else { return false }
    return cursor.take(a) && cursor.take(half) ? true : nil
  }

  private func readUnit(_ cursor: inout TokenCursor) -> Int? {
    for (index, unit) in units.enumerated() where cursor.take(unit.one) || cursor.take(unit.many) {
      return index
    }
    return nil
  }
}
