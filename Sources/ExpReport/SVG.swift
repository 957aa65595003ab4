/// SVG elements as text: every number rounded alike, every text escaped.
enum SVG {
  /// A coordinate with at most two decimals, without trailing zeros.
  static func number(_ value: Double) -> String {
    var text = NumberText.fixed(value, decimals: 2)
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text.isEmpty || text == "-" ? "0" : text
  }

  static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ look: String) -> String
  {
    "<line class=\"\(look)\" x1=\"\(number(x1))\" y1=\"\(number(y1))\" "
      + "x2=\"\(number(x2))\" y2=\"\(number(y2))\"/>"
  }

  static func text(
    _ words: String, _ x: Double, _ y: Double, _ look: String, limit: Int = 120
  ) -> String {
    let shown = DisplayText.truncated(DisplayText.clean(words), to: limit)
    return "<text class=\"\(look)\" x=\"\(number(x))\" y=\"\(number(y))\">\(escaped(shown))</text>"
  }

  /// Text that is safe between tags and in attributes; characters that XML 1.0 forbids become `?`.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\t", "\n", "\r": result += " "
      case "\u{0}"..."\u{1f}", "\u{fffe}", "\u{ffff}": result += "?"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// A whole document around its elements.
struct SVGPage {
  var width: Double
  var height: Double
  /// What a screen reader says.
  var label: String

  func document(_ elements: [String]) -> String {
    let size = "\(SVG.number(width)) \(SVG.number(height))"
    let words = SVG.escaped(DisplayText.clean(label))
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(size)\" "
        + "width=\"\(SVG.number(width))\" height=\"\(SVG.number(height))\" role=\"img\" "
        + "aria-label=\"\(words)\">",
      "<style>\(SVGPage.look)</style>",
      "<rect class=\"exp-page\" width=\"100%\" height=\"100%\"/>",
    ]
    lines += elements
    lines.append("</svg>")
    return lines.joined(separator: "\n") + "\n"
  }

  private static let look = """
    .exp-page{fill:#fff}
    .exp-text{font:13px system-ui,'DejaVu Sans',sans-serif;fill:#1f2328}
    .exp-title{font-size:16px;font-weight:600}
    .exp-quiet{fill:#59636e}
    .exp-end{text-anchor:end}
    .exp-middle{text-anchor:middle}
    .exp-number{font-variant-numeric:tabular-nums}
    .exp-grid{stroke:#d1d9e0;stroke-width:.6}
    .exp-axis{stroke:#59636e;stroke-width:1.2}
    .exp-series{stroke-width:.6;fill-opacity:.7}
    .exp-held{stroke-width:1.4;fill-opacity:0}
    .exp-fit{stroke-width:1.8}
    .exp-predicted{stroke-width:1.8;stroke-dasharray:7 4}
    .exp-beyond{stroke-width:1.2;stroke-dasharray:2 4}
    @media (prefers-color-scheme:dark){
    .exp-page{fill:#0d1117}
    .exp-text{fill:#e6edf3}
    .exp-quiet{fill:#9198a1}
    .exp-grid{stroke:#30363d}
    .exp-axis{stroke:#9198a1}
    }
    """
}
