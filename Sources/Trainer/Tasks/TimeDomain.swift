/// Times on a twelve-hour clock in steps of five minutes; asked is the time so long after or before another.
struct TimeDomain: PhraseDomain {
  private static let day = 12 * 60
  private static let step = 5
  /// The longest interval asked for, in steps.
  private static let longest = 11

  let values = 0..<day / step
  private let numbers = PhraseWords.numbers
  private let vocabulary = PhraseWords.vocabulary
  private let topic = PhraseWords.token("time")
  private let question = PhraseWords.token("?")
  private let after = PhraseWords.token("after")
  private let before = PhraseWords.token("before")
  private let past = PhraseWords.token("past")
  private let to = PhraseWords.token("to")
  private let minutes = PhraseWords.token("minutes")
  private let oclock = PhraseWords.token("o'clock")
  private let oh = PhraseWords.token("oh")
  private let half = PhraseWords.token("half")
  private let quarter = PhraseWords.token("quarter")
  private let colon = PhraseWords.token(":")

  func ask(_ random: inout RandomSequence) -> (question: [Int32], value: Int) {
    let start = random.below(values.count)
    let interval = 1 + random.below(TimeDomain.longest)
    let isLater = random.below(2) == 0
    let words =
      [topic] + span(interval, &random) + [isLater ? after : before]
      + moment(start, &random) + [question]
    let value = start + (isLater ? interval : -interval)
    return (words, (value + values.count) % values.count)
  }

  /// An interval below an hour, in steps.
  private func span(_ steps: Int, _ random: inout RandomSequence) -> [Int32] {
    numbers.either(steps * TimeDomain.step, &random) + [minutes]
  }

  /// The plain ways to say a time, which questions use.
  private func moment(_ value: Int, _ random: inout RandomSequence) -> [Int32] {
    let (hour, minute) = (value * TimeDomain.step).quotientAndRemainder(dividingBy: 60)
    return random.below(2) == 0 ? digital(hour, minute) : spoken(hour, minute)
  }

  func reference(_ value: Int) -> [Int32] {
    digital(value * TimeDomain.step / 60, value * TimeDomain.step % 60)
  }

  func say(_ value: Int, _ random: inout RandomSequence) -> [Int32] {
    let minute = value * TimeDomain.step % 60
    let hour = value * TimeDomain.step / 60
    switch random.below(4) {
    case 0: return digital(hour, minute)
    case 1: return spoken(hour, minute)
    case 2: return idiom(hour, minute) ?? relative(hour, minute, &random)
    default: return relative(hour, minute, &random)
    }
  }

  /// As a display shows it: `3 : 05`.
  private func digital(_ hour: Int, _ minute: Int) -> [Int32] {
    vocabulary.number(named(hour)) + [colon]
      + [vocabulary.digit(minute / 10), vocabulary.digit(minute % 10)]
  }

  /// Hour, then minutes: `three o'clock`, `three oh five`, `three ten`.
  private func spoken(_ hour: Int, _ minute: Int) -> [Int32] {
    let rest = minute == 0 ? [oclock] : (minute < 10 ? [oh] : []) + numbers.words(minute)
    return numbers.words(named(hour)) + rest
  }

  /// Quarters and halves: `quarter past three`, `half past three`, `quarter to four`.
  private func idiom(_ hour: Int, _ minute: Int) -> [Int32]? {
    switch minute {
    case 15: [quarter, past] + numbers.words(named(hour))
    case 30: [half, past] + numbers.words(named(hour))
    case 45: [quarter, to] + numbers.words(named(hour + 1))
    default: nil
    }
  }

  /// Minutes from the nearer hour: `twenty minutes past three`, `ten to four`.
  private func relative(
    _ hour: Int, _ minute: Int, _ random: inout RandomSequence
  ) -> [Int32] {
    guard minute > 0 else { return spoken(hour, minute) }
    let isBefore = minute > 30
    let count = numbers.words(isBefore ? 60 - minute : minute)
    let unit = random.below(2) == 0 ? [minutes] : []
    let link =
      random.below(2) == 0 ? (isBefore ? before : after) : (isBefore ? to : past)
    return count + unit + [link] + numbers.words(named(isBefore ? hour + 1 : hour))
  }

  private func named(_ hour: Int) -> Int { (hour + 11) % 12 + 1 }

  func nearMiss(_ value: Int, _ random: inout RandomSequence) -> Int {
    let hours = 60 / TimeDomain.step
    let moves = [1, -1, 2, -2, hours, -hours]
    return (value + moves[random.below(moves.count)] + values.count) % values.count
  }

  func meaning(_ phrase: [Int32]) -> Int? {
    var cursor = TokenCursor(phrase)
    guard let time = read(&cursor), cursor.isAtEnd, time.isMultiple(of: TimeDomain.step) else {
      return nil
    }
    return (time + TimeDomain.day) % TimeDomain.day / TimeDomain.step
  }

  /// Minutes since twelve, which may be below 0.
  private func read(_ cursor: inout TokenCursor) -> Int? {
    if cursor.take(half) { return cursor.take(past) ? readHour(&cursor).map { $0 + 30 } : nil }
    if cursor.take(quarter) { return readLink(15, &cursor) }
    guard let number = numbers.read(&cursor) else { return nil }
    if cursor.take(minutes) { return readLink(number, &cursor) }
    if let peek = cursor.peek, [past, after, to, before].contains(peek) {
      return readLink(number, &cursor)
    }
    guard (1...12).contains(number) else { return nil }
    return readMinute(&cursor).map { number % 12 * 60 + $0 }
  }

  /// `past three`, `before four`, with the minutes read before it.
  private func readLink(_ minutes: Int, _ cursor: inout TokenCursor) -> Int? {
    guard minutes < 60 else { return nil }
    if cursor.take(past) || cursor.take(after) { return readHour(&cursor).map { $0 + minutes } }
    guard cursor.take(to) || cursor.take(before) else { return nil }
    return readHour(&cursor).map { $0 - minutes }
  }

  private func readHour(_ cursor: inout TokenCursor) -> Int? {
    guard let hour = numbers.read(&cursor), hour <= 12 else { return nil }
    return hour % 12 * 60
  }

  /// What follows the hour: `o'clock`, `: 0 5`, `oh five`, `ten`.
  private func readMinute(_ cursor: inout TokenCursor) -> Int? {
    if cursor.take(oclock) { return 0 }
    if cursor.take(colon) {
      guard let tens = cursor.next(vocabulary.digitValue), tens < 6,
        let units = cursor.next(vocabulary.digitValue)
      else { return nil }
      return tens * 10 + units
    }
    let isShort = cursor.take(oh)
    guard let minute = numbers.read(&cursor), isShort ? minute < 10 : (10..<60).contains(minute)
    else { return nil }
    return minute
  }
}
