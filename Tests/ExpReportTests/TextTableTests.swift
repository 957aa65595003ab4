import ExpReport
import Testing

@Suite("Tables")
struct TextTableTests {
  static let table = TextTable(
    columns: [.init("label"), .init("size", .right), .init("score", .right), .init("note")],
    rows: [
      ["grpo", "83k", "0.312 ± 0.005", "fine"],
      ["rloo 漢字", "2.7m", "0.3 ± 0.2", ""],
    ])

  @Test("Words keep left, numbers right, and no line ends in white space")
  func plain() {
    #expect(
      TextTableTests.table.rendered() == """
        label      size          score  note
        ─────────  ────  ─────────────  ────
        grpo        83k  0.312 ± 0.005  fine
        rloo 漢字  2.7m      0.3 ± 0.2
        """)
  }

  @Test("What does not fit the width goes on below, with the first column again")
  func narrow() {
    #expect(
      TextTableTests.table.rendered(Style(colour: false, width: 30)) == """
        label      size          score
        ─────────  ────  ─────────────
        grpo        83k  0.312 ± 0.005
        rloo 漢字  2.7m      0.3 ± 0.2

        label      note
        ─────────  ────
        grpo       fine
        rloo 漢字
        """)
  }

  @Test("Words are cut before columns move, numbers never are")
  func cut() {
    let table = TextTable(
      columns: [.init("label"), .init("score", .right), .init("note")],
      rows: [["countdown grpo clip_cov seed 1", "0.312 ± 0.005", "plain words for people"]])
    #expect(
      table.rendered(Style(colour: false, width: 56)) == """
        label                             score  note
        ────────────────────────  ─────────────  ───────────────
        countdown gr…_cov seed 1  0.312 ± 0.005  plain words fo…
        """)
    for width in -1...60 {
      #expect(table.rendered(Style(colour: false, width: width)).contains("0.312 ± 0.005"))
    }
  }

  @Test("Words are not cut where that saves no block")
  func uncut() {
    let table = TextTable(
      columns: [.init("label"), .init("a", .right), .init("b", .right)],
      rows: [["countdown grpo clip_cov seed 1", "0.312 ± 0.005", "0.3120 ± 0.0012"]])
    #expect(
      table.rendered(Style(colour: false, width: 50)) == """
        label                                       a
        ──────────────────────────────  ─────────────
        countdown grpo clip_cov seed 1  0.312 ± 0.005

        label                                         b
        ──────────────────────────────  ───────────────
        countdown grpo clip_cov seed 1  0.3120 ± 0.0012
        """)
  }

  @Test("Colour surrounds words and not the space around them")
  func colour() {
    let table = TextTable(
      columns: [.init("a", .right), .init("b")], rows: [[.init("1", .red), "x"], ["22", "y"]])
    #expect(
      table.rendered(Style(colour: true, width: nil)) == """
         \u{1b}[1ma\u{1b}[0m  \u{1b}[1mb\u{1b}[0m
        \u{1b}[2m──  ─\u{1b}[0m
         \u{1b}[31m1\u{1b}[0m  x
        22  y
        """)
  }

  @Test("Rows of the wrong length, hostile cells and no rows at all")
  func odd() {
    let table = TextTable(
      columns: [.init("a"), .init("b\u{7}")], rows: [["\u{1b}[2J"], ["x", "y", "z"], []])
    #expect(
      table.rendered() == """
        a     b?
        ────  ──
        ?[2J
        x     y

        """)
    #expect(TextTable(columns: [.init("a")], emptyText: "no runs yet").rendered() == "no runs yet")
    #expect(TextTable(columns: [], rows: [["x"]]).rendered() == "nothing to show")
  }
}
