/// What may stand at a place of a spec.
///
/// Validation, defaults and the published JSON Schema are all made from it.
indirect enum ValueSchema: Sendable {
  case integer(ClosedRange<Int>)
  case number(NumberRange)
  case boolean
  case choice([String])
  /// A name that is safe in a path: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`.
  case name
  /// Any text that is not empty.
  case text
  /// An expression; its grammar is checked apart.
  case condition
  /// A dotted path that expressions may name.
  case path
  /// A count of parameters: a number above 0 or a text such as `300k`.
  case size
  /// A time: seconds above 0 or a text such as `2h`.
  case duration
  /// `auto` or a text such as `2GiB`.
  case memory
  /// One whole number or a list of different ones.
  case oneOrMany(ClosedRange<Int>)
  case list(ValueSchema, least: Int)
  case map(MapSchema)
  /// A number, or a rule `{at, value, power}` over the model's size.
  case learningRate(NumberRange)
  /// A method's name, or a map with the method and its own settings.
  case entropyControl
  /// Axes: dotted paths with the values they take.
  case axes
  /// Settings: dotted paths with one value each.
  case settings
}

/// A range of numbers, with or without its ends.
struct NumberRange: Sendable, Hashable {
  var lower: Double
  var upper: Double
  var excludesLower = false
  var excludesUpper = false

  func contains(_ value: Double) -> Bool {
    (excludesLower ? value > lower : value >= lower)
      && (excludesUpper ? value < upper : value <= upper)
  }

  /// From 0, itself included.
  static func upTo(_ upper: Double) -> NumberRange { NumberRange(lower: 0, upper: upper) }

  /// Above 0.
  static func positive(_ upper: Double) -> NumberRange {
    NumberRange(lower: 0, upper: upper, excludesLower: true)
  }

  /// From 0 to below 1: the decay of a moving average.
  static let decay = NumberRange(lower: 0, upper: 1, excludesUpper: true)
}
