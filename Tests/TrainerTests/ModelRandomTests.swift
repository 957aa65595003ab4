import Testing

import Trainer

@Suite("counter-based random numbers")
struct ModelRandomTests {
  /// Known answers of Random123 1.14.0, `tests/kat_vectors`, philox4x32 with 10 rounds.
  @Test(
    "Philox gives the published words",
    arguments: [
      (
        [0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
      ),
      (
        [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff], [0xffff_ffff, 0xffff_ffff],
        [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
      ),
      (
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
      ),
    ] as [([UInt32], [UInt32], [UInt32])])
  func knownAnswers(_ counter: [UInt32], _ key: [UInt32], _ expected: [UInt32]) {
    let words = Philox.rounds(
      counter: (counter[0], counter[1], counter[2], counter[3]), key: (key[0], key[1]))
    #expect([words.0, words.1, words.2, words.3] == expected)
  }

  @Test("a draw depends on seed, stream and every counter word, and on nothing else")
  func distinct() {
    func bits(_ seed: UInt64, _ stream: RandomStream.Stream, _ counter: [UInt32]) -> UInt64 {
      let words = RandomStream(seed: seed, stream: stream).words(
        counter[0], counter[1], counter[2], counter[3])
      return UInt64(words.0) << 32 | UInt64(words.1)
    }
    let draws = [
      bits(1, .sampling, [0, 0, 0, 0]), bits(2, .sampling, [0, 0, 0, 0]),
      bits(1 << 32, .sampling, [0, 0, 0, 0]), bits(1, .prompts, [0, 0, 0, 0]),
      bits(1, .sampling, [1, 0, 0, 0]), bits(1, .sampling, [0, 1, 0, 0]),
      bits(1, .sampling, [0, 0, 1, 0]), bits(1, .sampling, [0, 0, 0, 1]),
    ]
    #expect(Set(draws).count == draws.count)
    #expect(draws[0] == bits(1, .sampling, [0, 0, 0, 0]))
  }

  /// 20,000 draws: the mean within 5 standard errors of 1/2, every tenth hit 2,000 ± 5 * 42 times.
  @Test("uniform numbers are uniform, and integers lie below their bound")
  func uniform() {
    let stream = RandomStream(seed: 9, stream: .selection)
    var sum = 0.0
    var tenths = [Int](repeating: 0, count: 10)
    for index in 0..<20_000 as Range<UInt32> {
      let x = stream.uniform(index, 7, 0)
      #expect(x >= 0 && x < 1)
      sum += x
      tenths[stream.below(10, index, 8, 0)] += 1
    }
    #expect(abs(sum / 20_000 - 0.5) < 5 * 0.2887 / 141.4)
    #expect(tenths.allSatisfy { abs($0 - 2000) < 212 })
  }

  @Test("a sequence repeats itself, and sequences of two indices differ")
  func sequences() {
    let stream = RandomStream(seed: 4, stream: .demonstrations)
    var first = RandomSequence(stream, index: 1)
    var again = RandomSequence(stream, index: 1)
    var other = RandomSequence(stream, index: 2)
    let numbers = (0..<4).map { _ in first.next() }
    #expect(numbers == (0..<4).map { _ in again.next() })
    #expect(numbers != (0..<4).map { _ in other.next() })
    #expect(Set(numbers).count == 4)
    #expect((0..<100).allSatisfy { _ in first.below(3) < 3 })
  }
}
