internal import ExpCore

extension ValueSchema {
  /// What may stand here, as the words after `expected`.
  var expectation: String {
    switch self {
    case .integer(let range):
      range.lowerBound == range.upperBound
        ? "\(range.lowerBound)"
        : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .number(let range): range.words
    case .boolean: "true or false"
    case .choice(let names): "one of: " + names.joined(separator: ", ")
    case .name:
      "a name of at most 64 letters, digits, '.', '_' and '-', the first a letter or digit"
    case .text: "a text"
    case .condition: "an expression such as 'train.algorithm = grpo'"
    case .path: "a dotted key such as base.steps"
    case .size: "a size such as 300k, 2.7m or 1e6"
    case .duration: "a time such as 90s, 30m or 2h"
    case .memory: "auto, or a size such as 512MiB or 2GiB"
    case .oneOrMany(let range):
      "a whole number from \(range.lowerBound) to \(range.upperBound), or a list of them"
    case .list(let element, _):
      switch element {
      case .condition: "a list of expressions"
      case .text: "a list of texts"
      case .path: "a list of dotted keys such as base.steps"
      case .choice(let names): "a list of these: " + names.joined(separator: ", ")
      case .integer(let range):
        "a list of whole numbers from \(range.lowerBound) to \(range.upperBound)"
      default: "a list of maps"
      }
    case .map(let map): "a map with \(map.keys.map(\.name).sorted().joined(separator: ", "))"
    case .learningRate(let range): "\(range.words), or a rule {at, value, power}"
    case .entropyControl:
      "one of: \(EntropyControl.names.joined(separator: ", ")); or a map with a 'method'"
    case .axes: "a map of axes, such as 'seed: [0, 1]'"
    case .settings: "a map of settings, such as 'train.steps: 100'"
    }
  }
}

extension NumberRange {
  /// The range in words.
  var words: String {
    let low = lower.shortestText ?? ""
    let high = upper.shortestText ?? ""
    return switch (excludesLower, excludesUpper) {
    case (false, false): "a number from \(low) to \(high)"
    case (true, false): "a number above \(low), at most \(high)"
    case (false, true): "a number from \(low) to below \(high)"
    case (true, true): "a number between \(low) and \(high)"
    }
  }
}
