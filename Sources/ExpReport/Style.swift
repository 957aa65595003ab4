/// How text may be dressed: what the receiving end can show.
public struct Style: Sendable, Hashable {
  /// Whether ANSI colours are understood.
  public var colour: Bool
  /// Columns of the terminal; nil where lines may have any length, as in a file.
  public var width: Int?

  /// Makes a style.
  public init(colour: Bool, width: Int?) {
    self.colour = colour
    self.width = width
  }

  /// No colours and lines of any length.
  public static let plain = Style(colour: false, width: nil)

  func paint(_ text: String, _ ink: Ink?) -> String {
    guard colour, let ink, !text.isEmpty else { return text }
    return "\u{1b}[\(ink.code)m\(text)\u{1b}[0m"
  }
}

/// The ANSI inks in use, all legible on dark and on light terminals.
public enum Ink: Sendable, Hashable, CaseIterable {
  case bold
  case dim
  case red
  case green
  case yellow
  case blue
  case magenta
  case cyan

  var code: String {
    switch self {
    case .bold: "1"
    case .dim: "2"
    case .red: "31"
    case .green: "32"
    case .yellow: "33"
    case .blue: "34"
    case .magenta: "35"
    case .cyan: "36"
    }
  }
}
