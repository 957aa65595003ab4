/// Rows and columns as text: what fits the width is shown whole, the rest goes on below.
///
/// Text columns are cut with `…` where the terminal is narrow, the first one inside, for names differ at both
/// ends; numbers never are. Columns that still do not fit continue in a further block that repeats the first column.
public struct TextTable: Sendable, Hashable {
  /// Which side of a column its cells keep to.
  public enum Alignment: Sendable, Hashable {
    /// For words; may be cut.
    case left
    /// For numbers; never cut.
    case right
  }

  /// A column's heading and habits.
  public struct Column: Sendable, Hashable {
    /// The heading.
    public var title: String
    /// The side its cells keep to.
    public var alignment: Alignment

    /// Makes a column.
    public init(_ title: String, _ alignment: Alignment = .left) {
      self.title = title
      self.alignment = alignment
    }
  }

  /// One cell.
  public struct Cell: Sendable, Hashable, ExpressibleByStringLiteral {
    /// What it says.
    public var text: String
    /// Its colour, where colours are shown.
    public var ink: Ink?

    /// Makes a cell.
    public init(_ text: String, _ ink: Ink? = nil) {
      self.text = text
      self.ink = ink
    }

    /// Makes a cell without a colour.
    public init(stringLiteral value: String) { self.init(value) }
  }

  /// The columns.
  public var columns: [Column]
  /// The rows; missing cells are empty and surplus cells are not shown.
  public var rows: [[Cell]]
  /// What is shown where there are no rows.
  public var emptyText: String

  /// Makes a table.
  public init(columns: [Column], rows: [[Cell]] = [], emptyText: String = "nothing to show") {
    self.columns = columns
    self.rows = rows
    self.emptyText = emptyText
  }

  /// Returns the lines, joined by line breaks, without one at the end.
  public func rendered(_ style: Style = .plain) -> String {
    guard !rows.isEmpty, !columns.isEmpty else { return style.paint(emptyText, .dim) }
    let layout = Layout(self, width: style.width)
    return layout.blocks.map { block in
      layout.lines(of: block, style).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }
}

/// A table's cleaned cells, the widths they get, and which columns stand side by side.
private struct Layout {
  /// Spaces between columns.
  private static let gap = 2
  /// A text column is not cut below this; the first one names the row and keeps more.
  private static let leastTextWidth = 12
  private static let leastNameWidth = 24

  private let columns: [TextTable.Column]
  private let titles: [String]
  private let cells: [[TextTable.Cell]]
  private var widths: [Int]
  private(set) var blocks: [[Int]] = []

  init(_ table: TextTable, width: Int?) {
    columns = table.columns
    titles = table.columns.map { DisplayText.clean($0.title) }
    cells = table.rows.map { row in
      table.columns.indices.map { index in
        guard row.indices.contains(index) else { return TextTable.Cell("") }
        return TextTable.Cell(DisplayText.clean(row[index].text), row[index].ink)
      }
    }
    widths = titles.map(DisplayText.width)
    for row in cells {
      for (index, cell) in row.enumerated() {
        widths[index] = max(widths[index], DisplayText.width(cell.text))
      }
    }
    let whole = widths
    blocks = split(at: width)
    guard let width, blocks.count > 1 || Layout.lineWidth(blocks[0], whole) > width else { return }
    shrink(to: width)
    let shrunk = split(at: width)
    // Cutting that saves no block only loses words.
    if shrunk.count == blocks.count, blocks.allSatisfy({ Layout.lineWidth($0, whole) <= width }) {
      widths = whole
    } else {
      blocks = shrunk
    }
  }

  private static func lineWidth(_ block: [Int], _ widths: [Int]) -> Int {
    block.reduce(0) { $0 + widths[$1] } + gap * (block.count - 1)
  }

  /// Takes columns off the widest text column until the line fits or nothing may be cut further.
  private mutating func shrink(to limit: Int) {
    var excess = widths.reduce(0, +) + Layout.gap * (widths.count - 1) - limit
    while excess > 0 {
      let candidates = widths.indices.filter {
        columns[$0].alignment == .left
          && widths[$0] > ($0 == 0 ? Layout.leastNameWidth : Layout.leastTextWidth)
      }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { return }
      widths[widest] -= 1
      excess -= 1
    }
  }

  /// Groups the columns into blocks that fit; each block after the first begins with the first column again.
  private func split(at limit: Int?) -> [[Int]] {
    guard let limit else { return [Array(widths.indices)] }
    var blocks: [[Int]] = []
    var block: [Int] = [0]
    var used = widths[0]
    for index in widths.indices.dropFirst() {
      let needed = Layout.gap + widths[index]
      // A block holds at least one column beside the repeated one, however narrow the terminal is.
      if used + needed > limit && block.count > 1 {
        blocks.append(block)
        block = [0]
        used = widths[0]
      }
      block.append(index)
      used += needed
    }
    blocks.append(block)
    return blocks
  }

  func lines(of block: [Int], _ style: Style) -> [String] {
    let header = line(block, titles.map { TextTable.Cell($0, .bold) }, style)
    let rule = block.map { String(repeating: "─", count: widths[$0]) }
      .joined(separator: String(repeating: " ", count: Layout.gap))
    return [header, style.paint(rule, .dim)] + cells.map { line(block, $0, style) }
  }

  private func line(_ block: [Int], _ row: [TextTable.Cell], _ style: Style) -> String {
    var text = ""
    var owed = 0
    for (position, index) in block.enumerated() {
      if position > 0 { owed += Layout.gap }
      let shown =
        index == 0
        ? DisplayText.truncatedInside(row[index].text, to: widths[index])
        : DisplayText.truncated(row[index].text, to: widths[index])
      let fill = widths[index] - DisplayText.width(shown)
      if columns[index].alignment == .right { owed += fill }
      // Spaces are written when something follows them, so that no line ends in white space.
      if !shown.isEmpty {
        text += String(repeating: " ", count: owed) + style.paint(shown, row[index].ink)
        owed = 0
      }
      if columns[index].alignment == .left { owed += fill }
    }
    return text
  }
}
