import ExpReport
import FoundationXML
import Foundation
import Testing

@Suite("Scatter plots")
struct ScatterPlotTests {
  /// Two series on exact lines, the second held out.
  static let small = ScatterPlot(
    title: "demo",
    series: [
      .init(
        name: "14k", points: [.init(x: 1.5, y: 0.2), .init(x: 2, y: 0.1)],
        line: .init(intercept: 0.5, slope: -0.2), notes: ["a 0.20 ± 0.01", "R² 0.98"]),
      .init(
        name: "83k", points: [.init(x: 1.25, y: 0.4), .init(x: 2, y: 0.25)],
        line: .init(intercept: 0.65, slope: -0.2), isHeldOut: true, notes: ["a 0.2 ± 0.1"]),
    ])

  @Test("In a terminal without colour, letters tell the series apart")
  func terminal() {
    #expect(
      ScatterPlotTests.small.terminal(Style(colour: false, width: 48), height: 9) == """
        demo
          R
            │ ⠐⠠ ⠄⢀
        0.4 ┤       ⠁⠈ ⠂B⠄⢄⢀
            │               ⠁⠁⠁⠂⠄⠄⢄⢀
            │ ⢀                     ⠁⠁⠁⠂⠂⠄⠄⡀⡀
            │  ⠈ ⠁⠐⠠ ⠄⢀                      ⠁⠑⠐⠠⠠⢀⢀
            │           ⠁⠐ ⠂⠄⠠⢀                     ⠈B
        0.2 ┤                   ⠁⠈a⠲⠤⢤⣀⣀
            │                           ⠉⠉⠒⠲⠤⠤⣀⣀
            │                                   ⠉⠉⠒⠒⠦a
            └─┬───────────────────┬──────────────────┬─
             1.0                 1.5                2.0
                               exp(H)

          a  14k              a 0.20 ± 0.01   R² 0.98
          B  83k (held out)   a 0.2 ± 0.1
        """)
  }

  @Test("No line is wider than asked, whatever the names", arguments: [10, 40, 64, 110, 500])
  func width(width: Int) {
    var plot = ScatterPlotTests.small
    plot.series[0].name = String(repeating: "漢字", count: 60)
    plot.series[1].notes = [String(repeating: "x", count: 300)]
    plot.title = String(repeating: "t", count: 300)
    for line in plot.terminal(Style(colour: false, width: width)).split(separator: "\n") {
      #expect(DisplayText.width(String(line)) <= max(width, 40))
    }
  }

  @Test("Colour paints runs of cells and closes what it opens")
  func colour() {
    let text = ScatterPlotTests.small.terminal(Style(colour: true, width: 60))
    let opened = text.split(separator: "\u{1b}[", omittingEmptySubsequences: false).count - 1
    let closed = text.components(separatedBy: "\u{1b}[0m").count - 1
    #expect(opened == closed * 2)
    #expect(text.contains("●") && text.contains("△"))
  }

  @Test("Without anything to draw both say so")
  func empty() throws {
    let plot = ScatterPlot(
      title: "t", series: [.init(name: "x", points: [.init(x: .nan, y: 1), .init(x: 1e200, y: 0)])])
    #expect(plot.terminal(.plain) == "no points to plot")
    #expect(plot.svg().contains("no points to plot"))
    try parse(plot.svg())
  }

  static let extremes: [[ScatterPlot.Point]] = [
    [.init(x: 1, y: 1)], [.init(x: 0, y: 0), .init(x: 0, y: 0)],
    [.init(x: -1e100, y: 1e100), .init(x: 1e100, y: -1e100)],
    [.init(x: 1e-300, y: 0), .init(x: 2e-300, y: .leastNonzeroMagnitude)],
    [.init(x: 1, y: 1), .init(x: 1.0000000000000002, y: 0.9999999999999999)],
    [.init(x: 1.5, y: .infinity), .init(x: 1.5, y: 0.5)],
  ]

  @Test("Extreme values are drawn or counted, never fatal", arguments: extremes)
  func extreme(points: [ScatterPlot.Point]) throws {
    for slope in [0, -1, 1e300, -1e-300, .nan] {
      let plot = ScatterPlot(
        title: "",
        series: [.init(name: "x", points: points, line: .init(intercept: 0.5, slope: slope))])
      #expect(plot.terminal(.plain, height: -5).contains("│"))
      try parse(plot.svg())
    }
  }

  @Test("Points that are not finite are left out and counted")
  func leftOut() {
    var plot = ScatterPlotTests.small
    plot.series[0].points.append(.init(x: .nan, y: 0.1))
    #expect(plot.terminal(.plain).hasSuffix("1 point that is not finite is not shown"))
    plot.series[1].points.append(.init(x: 1, y: .infinity))
    #expect(plot.svg().contains("2 points that are not finite are not shown"))
  }

  @Test("SVG is well-formed, escaped, without scripts, and the same every time")
  func hostile() throws {
    var plot = ScatterPlotTests.small
    plot.title = "</title><script>alert(1)</script>\u{1b}\u{0}\u{ffff}"
    plot.series[0].name = "a\"b'<&>]]>"
    plot.series[0].notes = ["<image href=\"http://example.org/x\"/>"]
    plot.xLabel = "x\u{202e}y"
    let svg = plot.svg()
    #expect(svg == plot.svg())
    let elements = try parse(svg)
    #expect(
      elements.isSubset(of: ["svg", "style", "rect", "g", "line", "text", "circle", "polygon"]))
  }

  @Test("SVG marks the held-out series and names every series with its numbers")
  func svg() throws {
    let svg = ScatterPlotTests.small.svg()
    #expect(svg.contains(">83k (held out)<"))
    #expect(svg.contains(">a 0.20 ± 0.01<"))
    #expect(svg.components(separatedBy: "class=\"exp-predicted\"").count == 3)
    #expect(svg.components(separatedBy: "<circle").count == 2 + 1 + 1)
    #expect(svg.contains("viewBox=\"0 0 760 "))
    #expect(svg.contains(">exp(H)<") && svg.contains(">R<"))
  }

  /// The names of all elements; throws unless the text is well-formed XML.
  @discardableResult
  func parse(_ text: String) throws -> Set<String> {
    let collector = ElementCollector()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = collector
    guard parser.parse() else { throw NotXML(reason: "\(parser.parserError as Any)") }
    return collector.names
  }

  struct NotXML: Error {
    var reason: String
  }
}

private final class ElementCollector: NSObject, XMLParserDelegate {
  var names: Set<String> = []

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    names.insert(name)
  }
}
