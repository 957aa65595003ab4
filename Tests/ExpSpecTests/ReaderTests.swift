import ExpCore
import ExpSpec
import Glibc
import Testing

@Suite("YAML reader")
struct ReaderTests {
  private func read(_ text: String) throws -> (node: Node?, problems: [Diagnostic]) {
    let (node, diagnostics) = SpecLoader.parse(text: text, path: "a.yaml")
    return (node, diagnostics)
  }

  @Test("Every key and value knows its place")
  func places() throws {
    let (node, problems) = try read("a:\n  - x\n  - {b: 1, 'ü': \"z\"}\n")
    #expect(problems.isEmpty)
    let root = try #require(node)
    let entry = try #require(root["a"])
    #expect(entry.keyLocation == SourceLocation(file: "a.yaml", line: 1, column: 1))
    #expect(entry.value.location == SourceLocation(file: "a.yaml", line: 2, column: 3))
    let map = try #require(entry.value.elements?.last)
    #expect(map.location == SourceLocation(file: "a.yaml", line: 3, column: 5))
    #expect(map["ü"]?.keyLocation == SourceLocation(file: "a.yaml", line: 3, column: 12))
    #expect(map["ü"]?.value.location == SourceLocation(file: "a.yaml", line: 3, column: 17))
    #expect(root.json == ["a": ["x", ["b": 1, "ü": "z"]]])
  }

  @Test("A byte order mark does not move the first column, nor CR LF the lines")
  func marks() throws {
    let (node, _) = try read("\u{feff}a: 1\r\nb:\r\n  c: 2\r\n")
    let root = try #require(node)
    #expect(root["a"]?.keyLocation.column == 1)
    #expect(
      root["b"]?.value["c"]?.keyLocation == SourceLocation(file: "a.yaml", line: 3, column: 3))
  }

  @Test("Aliases and merge keys expand; a key given beside a merge wins, then the earlier source")
  func aliases() throws {
    let text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 9}\nd: *a\n"
    let (node, problems) = try read(text)
    #expect(problems.isEmpty)
    #expect(node?["c"]?.value.json == ["x": 9, "y": 2, "z": 4])
    #expect(node?["d"]?.value.json == ["x": 1, "y": 2])
  }

  @Test("A quoted << is a key like any other, and a list of a million ones is too many")
  func oddities() throws {
    #expect(try read("{'<<': 1}").node?.json == ["<<": 1])
    let many = "[" + String(repeating: "1,", count: 300_000) + "1]"
    let (node, problems) = try read(many)
    #expect(node == nil && problems.count == 1)
  }

  @Test("An alias bomb is refused in milliseconds, whatever it would expand to")
  func bomb() throws {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...40 {
      let inner = [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(inner)]\n"
    }
    let time = try processorSeconds {
      let (node, problems) = try read(text)
      #expect(node == nil && problems.count == 1)
    }
    #expect(time < 0.2)
  }

  /// Texts that make parsers slow, as (before, repeated, times, after): a test report prints its arguments.
  static let slowTexts: [(String, String, Int, String)] = [
    ("", "[", 1_000_000, ""), ("", "- ", 500_000, ""), ("", "? ", 500_000, ""),
    ("", "{a: ", 250_000, ""), ("", "a: b: ", 100_000, ""), ("", "&a ", 300_000, ""),
    ("a: ", "x ", 500_000, ""), ("\"", "\\n", 500_000, "\""),
    ("", "%TAG !a! b\n", 90_000, ""), ("", "#\n", 500_000, ""), ("", "---\n", 250_000, ""),
    ("", "!a ", 300_000, ""), ("", "\n", 1_000_000, ""), ("", "a: 1\n", 100_000, ""),
    ("", "012\n", 250_000, ""), ("[", "012,", 150_000, "]"),
  ]

  @Test("Texts that make parsers slow are refused or read quickly", arguments: slowTexts)
  func slow(before: String, repeated: String, times: Int, after: String) throws {
    let text = before + String(repeating: repeated, count: times) + after
    let time = try processorSeconds { _ = SpecLoader.load(text: text, path: "slow.yaml") }
    #expect(time < 5, "\(text.prefix(20)) takes \(time) s")
  }

  @Test("50,000 anchored keys are refused or read quickly")
  func anchors() throws {
    let text = (0..<50_000).map { "k\($0): &k\($0) 1\n" }.joined()
    let time = try processorSeconds { _ = SpecLoader.load(text: text, path: "slow.yaml") }
    #expect(time < 5)
  }

  /// Processor time of this thread, which other work on the machine does not lengthen.
  private func processorSeconds(_ work: () throws -> Void) throws -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = now()
    try work()
    return now() - start
  }
}
