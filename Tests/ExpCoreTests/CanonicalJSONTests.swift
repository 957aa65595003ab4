import ExpCore
import Testing

@Suite("Canonical JSON")
struct CanonicalJSONTests {
  @Test(
    "Numbers print as ECMAScript prints them (RFC 8785, appendix B)",
    arguments: [
      (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"),
      (0x0000_0000_0000_0001, "5e-324"), (0x8000_0000_0000_0001, "-5e-324"),
      (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
      (0x4340_0000_0000_0000, "9007199254740992"),
      (0x4430_0000_0000_0000, "295147905179352830000"),
      (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
      (0x44b5_2d02_c7e1_4af6, "1e+23"), (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
      (0x444b_1ae4_d6e2_ef50, "1e+21"), (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
      (0x3eb0_c6f7_a0b5_ed8d, "0.000001"), (0x41b3_de43_5555_5553, "333333333.3333332"),
      (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
    ] as [(UInt64, String)])
  func numbers(bits: UInt64, text: String) {
    #expect(Double(bitPattern: bits).shortestText == text)
  }

  @Test("Members are sorted by UTF-16 code units and strings escaped as little as possible")
  func ordering() throws {
    let value: JSONValue = [
      "\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7,
    ]
    #expect(
      value.canonicalJSON
        == "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
    )
    #expect(JSONValue.string("\u{1}\"\\/\u{7f}").canonicalJSON == "\"\\u0001\\\"\\\\/\u{7f}\"")
  }

  @Test("What is printed parses back to the same value")
  func roundTrip() throws {
    let value: JSONValue = ["a": [1, 2.5, nil, true, "x"], "b": ["c": [:], "d": []], "e": 1e-300]
    #expect(try JSONValue(parsing: value.canonicalJSON.utf8) == value)
    #expect(try JSONValue(parsing: value.prettyJSON.utf8) == value)
  }

  @Test(
    "Text that is not one JSON document is refused",
    arguments: ["", "{", "[1,,2]", "{} {}", "nan"])
  func refusals(text: String) {
    #expect(throws: JSONParsingError.self) { try JSONValue(parsing: text.utf8) }
  }

  @Test("A dotted path reads and writes through objects")
  func paths() {
    var value: JSONValue = ["train": ["steps": 3]]
    value[path: "train.entropy_control.method"] = "none"
    #expect(value[path: "train.entropy_control.method"]?.string == "none")
    #expect(value[path: "train.steps.x"] == nil)
    value[path: "train.steps"] = nil
    #expect(value.canonicalJSON == #"{"train":{"entropy_control":{"method":"none"}}}"#)
  }
}
