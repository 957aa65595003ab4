import ExpReport
import Testing

@Suite("Numbers for people")
struct NumberTextTests {
  @Test(
    "Fixed decimals, rounded half away from zero on the printed digits",
    arguments: [
      (0.125, 2, "0.13"), (2.675, 2, "2.68"), (-0.125, 2, "-0.13"), (0.0049, 2, "0.00"),
      (-0.0049, 2, "0.00"), (0.995, 2, "1.00"), (9.99, 1, "10.0"), (999.5, 0, "1000"),
      (0.5, 0, "1"), (0.05, 0, "0"), (0, 3, "0.000"), (-0.0, 1, "0.0"), (1e15, 0, "1.000e15"),
      (123456789, 1, "123456789.0"), (1e-300, 3, "0.000"), (.infinity, 1, "–"), (.nan, 1, "–"),
      (.leastNonzeroMagnitude, 2, "0.00"), (1.7976931348623157e308, 2, "1.798e308"),
    ] as [(Double, Int, String)])
  func fixed(value: Double, decimals: Int, text: String) {
    #expect(NumberText.fixed(value, decimals: decimals) == text)
  }

  @Test(
    "Significant digits",
    arguments: [
      (0.31249, "0.312"), (0.9996, "1.00"), (12.345, "12.3"), (1234.5, "1235"), (0, "0"),
      (0.000123456, "0.000123"), (0.0000123456, "1.23e-5"), (12345678, "1.23e7"),
      (-0.5, "-0.500"), (9.999e-6, "1.00e-5"), (.nan, "–"),
    ] as [(Double, String)])
  func significant(value: Double, text: String) {
    #expect(NumberText.significant(value) == text)
  }

  @Test(
    "A value with its error",
    arguments: [
      (0.31234, 0.0052, "0.312 ± 0.005"), (0.31234, 0.0126, "0.312 ± 0.013"),
      (0.31234, 0.0096, "0.31 ± 0.01"), (0.31234, 0.19, "0.31 ± 0.19"), (312.4, 25, "312 ± 25"),
      (0.31234, 0, "0.312 ± 0"), (0.31234, .nan, "0.312 ± ?"), (0.31234, .infinity, "0.312 ± ?"),
      (0.31234, -1, "0.312 ± ?"), (.nan, 0.1, "–"), (-1e-12, 2e-13, "-1.00e-12 ± 2.0e-13"),
    ] as [(Double, Double, String)])
  func withError(value: Double, error: Double, text: String) {
    #expect(NumberText.withError(value, error) == text)
  }

  @Test("Without an error a value stands alone, and nothing is a dash")
  func missing() {
    #expect(NumberText.withError(0.31234, nil) == "0.312")
    #expect(NumberText.withError(nil, 0.1) == "–")
    #expect(NumberText.interval(nil, 0, 1) == "–")
    #expect(NumberText.interval(0.5, nil, 1) == "0.500")
    #expect(NumberText.bytes(nil) == "–")
  }

  @Test(
    "An interval",
    arguments: [
      (0.5244, 0.4787, 0.5701, "0.52 [0.48, 0.57]"), (0.5244, 0.51, 0.53, "0.524 [0.510, 0.530]"),
      (0.5244, 0.5204, 0.5284, "0.524 [0.520, 0.528]"), (0.52, 0.2, 5.4, "0.52 [0.20, 5.40]"),
      (52.3, 40, 60, "52 [40, 60]"),
      (0.5, 0.5, 0.5, "0.500 [0.500, 0.500]"),
      (0.5, -.infinity, .infinity, "0.500 [-∞, ∞]"), (0.5, .nan, 1, "0.500 [?, 1.00]"),
      (.nan, 0, 1, "–"),
    ] as [(Double, Double, Double, String)])
  func interval(value: Double, low: Double, high: Double, text: String) {
    #expect(NumberText.interval(value, low, high) == text)
  }

  @Test(
    "Sizes as they are named",
    arguments: [
      (13_920, "14k"), (83_232, "83k"), (302_720, "303k"), (974_080, "974k"), (2_656_512, "2.7m"),
      (10_240_000, "10m"), (7e9, "7B"), (7.6e9, "7.6B"), (999_600, "1m"), (0, "0"), (999, "999"),
      (1000, "1k"), (9_960, "10k"), (1e12, "1T"), (1e30, "1.00e30"), (-1, "–"), (.infinity, "–"),
    ] as [(Double, String)])
  func size(count: Double, text: String) {
    #expect(NumberText.size(count) == text)
  }

  @Test(
    "Durations by their two largest units",
    arguments: [
      (0, "0ms"), (0.0123, "12ms"), (0.9999, "1.0s"), (1.25, "1.3s"), (9.97, "10s"), (59.4, "59s"),
      (59.6, "1m 00s"), (72, "1m 12s"), (3599.7, "1h 00m"), (7500, "2h 05m"),
      (273_600, "3d 04h"), (-1, "–"), (.infinity, "–"), (.nan, "–"), (1e300, "–"),
    ] as [(Double, String)])
  func duration(seconds: Double, text: String) {
    #expect(NumberText.duration(seconds: seconds) == text)
  }

  @Test(
    "Amounts of memory",
    arguments: [
      (0, "0 B"), (512, "512 B"), (1000, "1.0 KiB"), (1536, "1.5 KiB"), (12 << 20, "12 MiB"),
      (Int.max, "8.0 EiB"), (-5, "–"),
    ])
  func bytes(count: Int, text: String) {
    #expect(NumberText.bytes(count) == text)
  }
}
