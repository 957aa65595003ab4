/// Counter-based random numbers: Philox4x32-10 keyed by a seed and the purpose the numbers serve.
///
/// A draw is a pure function of (seed, stream, counter): the order of draws, batching and threads change nothing.
/// Philox: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011), section 3.3.
package struct RandomStream: Sendable {
  /// What random numbers are for; each purpose has numbers of its own.
  package enum Stream: UInt32, Sendable {
    case initialWeights
    case demonstrations
    case prompts
    case sampling
    case selection
    case validationPrompts
    case validationSampling
    case continuations
    case replay
  }

  private let key: (UInt32, UInt32)

  /// Makes the numbers of one purpose under one seed; `part` tells several rounds of one purpose apart.
  package init(seed: UInt64, stream: Stream, part: UInt32 = 0) {
    // Ten rounds mix the seed with the purpose, so that no seed's stream is another seed's.
    let words = Philox.rounds(
      counter: (UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32), stream.rawValue, part),
      key: (0, 0))
    key = (words.0, words.1)
  }

  /// Returns the four words of one counter.
  package func words(
    _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32 = 0
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    Philox.rounds(counter: (a, b, c, d), key: key)
  }

  /// Returns a number in [0, 1) with 53 random bits.
  package func uniform(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32 = 0) -> Double {
    let words = words(a, b, c, d)
    let bits = UInt64(words.0) << 32 | UInt64(words.1)
    return Double(bits >> 11) * 0x1p-53
  }

  /// Returns an integer in 0..<bound; its bias is below `bound` / 2^64.
  ///
  /// - Precondition: `bound > 0`.
  package func below(
    _ bound: Int, _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32 = 0
  ) -> Int {
    precondition(bound > 0, "a bound of \(bound) leaves no integer to draw")
    let words = words(a, b, c, d)
    let bits = UInt64(words.0) << 32 | UInt64(words.1)
    return Int(bits.multipliedFullWidth(by: UInt64(bound)).high)
  }
}

/// The numbers of one (stream, index) in order, for work that needs an unknown count of draws.
package struct RandomSequence: RandomNumberGenerator, Sendable {
  private let stream: RandomStream
  private let index: (UInt32, UInt32)
  private var counter: UInt32 = 0

  /// Makes the sequence of `index` within `stream`; sequences of different indices are independent.
  package init(_ stream: RandomStream, index: UInt64) {
    self.stream = stream
    self.index = (UInt32(truncatingIfNeeded: index), UInt32(index >> 32))
  }

  /// Returns the next 64 random bits.
  package mutating func next() -> UInt64 {
    // The last counter word is 1 here and 0 by default in `RandomStream`, so the two never meet by accident.
    let words = stream.words(index.0, index.1, counter, 1)
    counter &+= 1
    return UInt64(words.0) << 32 | UInt64(words.1)
  }

  /// Returns an integer in 0..<bound.
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "a bound of \(bound) leaves no integer to draw")
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// Returns a number in [0, 1) with 53 random bits.
  package mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }
}
