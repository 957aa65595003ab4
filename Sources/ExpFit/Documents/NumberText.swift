internal import ExpCore
internal import Glibc

/// A number with the digits a sentence needs; trailing zeros are left out.
func shortText(_ value: Double, digits: Int = 4) -> String {
  guard value.isFinite else { return value.isNaN ? "not a number" : value > 0 ? "∞" : "-∞" }
  guard value != 0 else { return "0" }
  let exponent = floor(log10(abs(value)))
  let places = Double(digits) - 1 - exponent
  // Beyond these powers of ten the scaling itself would overflow.
  guard abs(places) < 300 else { return value.shortestText ?? "0" }
  let scale = pow(10, abs(places))
  let rounded = places >= 0 ? (value * scale).rounded() / scale : (value / scale).rounded() * scale
  return rounded.shortestText ?? "0"
}

/// A count of parameters as people write it: `303k`, `2.7M`, `7B`.
func sizeText(_ parameters: Double) -> String {
  guard parameters < 1e15 else { return shortText(parameters, digits: 3) }
  for (unit, factor) in [("B", 1e9), ("M", 1e6), ("k", 1e3)]
  where parameters >= factor {
    return shortText(parameters / factor, digits: 3) + unit
  }
  return shortText(parameters, digits: 3)
}

/// The first names of a list and how many more there are.
func listText(_ names: [String], limit: Int = 10) -> String {
  let shown = names.prefix(limit).joined(separator: ", ")
  return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
}
