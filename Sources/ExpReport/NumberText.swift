/// Numbers as people read them; what is not a number, or not finite, is a dash.
public enum NumberText {
  /// What stands where there is no number.
  public static let missing = "–"

  /// Returns the number with a fixed count of decimals.
  public static func fixed(_ value: Double?, decimals: Int) -> String {
    guard let value, let text = DecimalText(value) else { return missing }
    if value.magnitude >= 1e15 { return text.scientific(places: 3) }
    return text.fixed(places: decimals)
  }

  /// Returns the number with so many significant digits, in powers of ten where it is very large or small.
  public static func significant(_ value: Double?, digits: Int = 3) -> String {
    guard let value, let text = DecimalText(value) else { return missing }
    guard let power = text.leadingPower else { return "0" }
    if power < -4 || power > 6 { return text.scientific(places: digits - 1) }
    // Rounding may carry into a further digit (0.9996 to 1.00), which then is one too many.
    let carried = text.rounded(places: digits - 1 - power).leadingPower ?? power
    return text.fixed(places: max(0, digits - 1 - carried))
  }

  /// Returns `0.312 ± 0.005`: the error with one significant digit, two where the first is 1.
  ///
  /// Without an error the value has three significant digits; an error that is not finite is `± ?`.
  public static func withError(_ value: Double?, _ standardError: Double?) -> String {
    guard let value, value.isFinite else { return missing }
    guard let standardError else { return significant(value) }
    guard standardError.isFinite, standardError >= 0 else { return "\(significant(value)) ± ?" }
    guard let places = places(showing: standardError), places <= 8, value.magnitude < 1e9 else {
      return "\(significant(value)) ± \(significant(standardError, digits: 2))"
    }
    return
      "\(fixed(value, decimals: places)) ± \(fixed(standardError, decimals: places))"
  }

  /// Returns `0.52 [0.48, 0.57]`, rounded to where half the width of the interval matters.
  ///
  /// Below 10 there are at least two decimals, so that a wide interval does not hide the value itself.
  /// An end that is not finite is an infinity sign or a question mark; without both ends the value stands alone.
  public static func interval(_ value: Double?, _ low: Double?, _ high: Double?) -> String {
    guard let value, value.isFinite else { return missing }
    guard let low, let high else { return significant(value) }
    let half = (high - low) / 2
    guard half.isFinite, value.magnitude < 1e9, let needed = places(showing: half.magnitude),
      needed <= 8
    else { return "\(significant(value)) [\(end(low)), \(end(high))]" }
    let places = value.magnitude < 10 ? max(needed, 2) : needed
    let texts = [value, low, high].map { fixed($0, decimals: places) }
    return "\(texts[0]) [\(texts[1]), \(texts[2])]"
  }

  /// Returns a parameter count as the sizes are named: `83k`, `2.7m`, `7B`.
  public static func size(_ count: Double?) -> String {
    guard let count, count.isFinite, count >= 0 else { return missing }
    for (index, (unit, letter)) in units.enumerated() {
      let scaled = count / unit
      // 999.6k is 1m: the unit changes where the rounded number would have four digits.
      if scaled >= 999.5 && index < units.count - 1 { continue }
      if scaled >= 1e6 { return significant(count) }
      guard scaled < 9.95, unit > 1 else { return fixed(scaled, decimals: 0) + letter }
      let text = fixed(scaled, decimals: 1)
      return (text.hasSuffix(".0") ? String(text.dropLast(2)) : text) + letter
    }
    return missing
  }

  private static let units: [(Double, String)] = [
    (1, ""), (1e3, "k"), (1e6, "m"), (1e9, "B"), (1e12, "T"),
  ]

  /// Returns a span of time by its two largest units: `1m 12s`, `2h 05m`, `3d 04h`.
  public static func duration(seconds: Double?) -> String {
    guard let seconds, seconds.isFinite, seconds >= 0 else { return missing }
    if seconds < 0.9995 { return "\(fixed(seconds * 1000, decimals: 0))ms" }
    if seconds < 9.95 { return "\(fixed(seconds, decimals: 1))s" }
    guard let whole = Int(exactly: seconds.rounded()), whole < 1_000_000_000_000 else {
      return missing
    }
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    if whole < 60 { return "\(whole)s" }
    if whole < 3600 { return "\(whole / 60)m \(two(whole % 60))s" }
    if whole < 86400 { return "\(whole / 3600)h \(two(whole % 3600 / 60))m" }
    return "\(whole / 86400)d \(two(whole % 86400 / 3600))h"
  }

  /// Returns an amount of memory or disk in powers of 1024: `512 B`, `1.5 KiB`, `12 MiB`.
  public static func bytes(_ count: Int?) -> String {
    guard let count, count >= 0 else { return missing }
    var scaled = Double(count)
    var unit = "B"
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] {
      guard scaled >= 999.5 else { break }
      scaled /= 1024
      unit = next
    }
    return "\(fixed(scaled, decimals: unit != "B" && scaled < 9.95 ? 1 : 0)) \(unit)"
  }

  /// The decimals that show an error's one significant digit, or two where the first is 1; nil for none.
  private static func places(showing error: Double) -> Int? {
    guard let text = DecimalText(error), let power = text.leadingPower else { return nil }
    if text.leadingDigit == 1 { return max(0, 1 - power) }
    // 0.0096 rounds to 0.01, whose one digit stands a place higher.
    return max(0, -(text.rounded(places: -power).leadingPower ?? power))
  }

  private static func end(_ value: Double) -> String {
    if value == .infinity { return "∞" }
    if value == -.infinity { return "-∞" }
    return value.isNaN ? "?" : significant(value)
  }
}
