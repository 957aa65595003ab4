import ExpReport
import Testing

@Suite("Text on a terminal")
struct DisplayTextTests {
  @Test(
    "Nothing in data can steer the terminal",
    arguments: [
      ("plain", "plain"), ("a\u{1b}[31mb", "a?[31mb"), ("a\r\nb\tc", "a  b c"),
      ("\u{7}\u{0}", "??"),
      ("\u{9b}2J", "?2J"), ("abc\u{202e}fed", "abc?fed"), ("x\u{2028}y", "x y"), ("é漢👍🏽", "é漢👍🏽"),
    ])
  func clean(text: String, cleaned: String) {
    #expect(DisplayText.clean(text) == cleaned)
  }

  @Test(
    "Columns a text takes",
    arguments: [
      ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("漢字", 4), ("ｱ", 1), ("Ａ", 2), ("한", 2),
      ("👍🏽", 2), ("👩‍👩‍👧", 2), ("±", 1), ("█", 1), ("a\u{200b}b", 2),
    ])
  func width(text: String, columns: Int) {
    #expect(DisplayText.width(text) == columns)
  }

  @Test(
    "Cut at the end",
    arguments: [
      ("abcdef", 6, "abcdef"), ("abcdef", 5, "abcd…"), ("abcdef", 1, "…"), ("abcdef", 0, ""),
      ("漢字漢字", 5, "漢字…"), ("漢字漢字", 4, "漢…"), ("abc", -1, ""),
    ])
  func truncated(text: String, limit: Int, cut: String) {
    #expect(DisplayText.truncated(text, to: limit) == cut)
  }

  @Test(
    "Cut in the middle",
    arguments: [
      ("83k grpo none s0", 16, "83k grpo none s0"), ("83k grpo none s0", 11, "83k g…ne s0"),
      ("83k grpo none s0", 3, "8…0"), ("83k grpo none s0", 1, "…"), ("漢字漢字漢字", 6, "漢…字"),
    ])
  func truncatedInside(text: String, limit: Int, cut: String) {
    #expect(DisplayText.truncatedInside(text, to: limit) == cut)
    #expect(DisplayText.width(cut) <= limit)
  }
}
