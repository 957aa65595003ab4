import ExpCore
import ExpSpec
import Foundation
import Testing

@Suite("Hostile specs")
struct FuzzTests {
  @Test("Damaged specs are accepted or refused, never worse", .timeLimit(.minutes(5)))
  func mutations() throws {
    let seeds = try Fixtures.names(in: "good").map {
      Array(try Data(contentsOf: URL(filePath: Fixtures.path("good", $0))))
    }
    var generator = SplitMix(state: 20_240_607)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(4)
    var tried = 0
    var refused = 0
    while tried < 4000, clock.now < end {
      var bytes = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
      for _ in 0..<Int.random(in: 1...6, using: &generator) { mutate(&bytes, seeds, &generator) }
      let (spec, diagnostics) = SpecLoader.load(bytes: bytes, path: "fuzz.yaml")
      for diagnostic in diagnostics.prefix(60) { #expect(!diagnostic.rendered.isEmpty) }
      #expect((spec == nil) == diagnostics.contains { $0.severity == .error })
      refused += spec == nil ? 1 : 0
      tried += 1
    }
    #expect(tried >= 300)
    #expect(refused > tried / 2)
  }

  @Test("Damaged expressions parse or are refused with a column inside the text")
  func expressions() {
    let pieces = [
      "seed", "=", "!=", "(", ")", "and", "or", "not", "in", "~", ",", "'", "\"", "1e6", "7B",
      "model.size", " ", "\\",
      "<", ">=", "é", "\u{0}", "grpo", "[", "*",
    ]
    var generator = SplitMix(state: 7)
    for _ in 0..<5000 {
      let text = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        pieces[Int.random(in: 0..<pieces.count, using: &generator)]
          + (Bool.random(using: &generator) ? " " : "")
      }.joined()
      do {
        let expression = try Expression.parse(text)
        _ = expression.evaluate { key in key == "seed" ? 1 : nil }
      } catch {
        #expect((1...(text.unicodeScalars.count + 1)).contains(error.column), "\(text)")
      }
    }
  }

  private func mutate(_ bytes: inout [UInt8], _ seeds: [[UInt8]], _ generator: inout SplitMix) {
    guard !bytes.isEmpty else { return }
    let place = Int.random(in: 0..<bytes.count, using: &generator)
    switch Int.random(in: 0..<7, using: &generator) {
    case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
    case 1: bytes.remove(at: place)
    case 2:
      let alphabet = Array("{}[]:,-&*!|>'\"%@`#?<=~() \n\t0123456789eE._+\0".utf8)
      bytes.insert(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)], at: place)
    case 3:
      let end = min(bytes.count, place + Int.random(in: 1...40, using: &generator))
      bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 4: bytes.removeSubrange(place..<min(bytes.count, place + 8))
    case 5:
      let other = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
      let start = Int.random(in: 0..<other.count, using: &generator)
      bytes.insert(contentsOf: other[start..<min(other.count, start + 60)], at: place)
    default:
      let words = [
        "*a", "&a ", "<<: *a", "9007199254740993", "-1e400", "0x", "null", "1e-6", "...",
      ]
      bytes.insert(
        contentsOf: words[Int.random(in: 0..<words.count, using: &generator)].utf8, at: place)
    }
  }
}

/// A small generator with a seed, so that a failure comes again.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
