/// Segments that wait to be learnt from, with the log-probabilities they were sampled at; algorithms.md section 2.9.
///
/// It lives in a run's state as a list of numbers, each of which float32 holds exactly.
package struct ReplayBuffer {
  /// Its name in the state.
  static let name = "replay"
  /// Groups may count further than float32 does, so that they are two numbers.
  private static let part = 1 << 20

  /// One segment.
  package struct Segment {
    /// The step that sampled it.
    package var step: Int
    /// Its context as prompt, its tokens as response.
    package var sample: PolicyBatch.Sample
    /// Advantage of each of its tokens, before whitening.
    package var advantage: Float

    /// Makes a segment.
    package init(step: Int, sample: PolicyBatch.Sample, advantage: Float) {
      self.step = step
      self.sample = sample
      self.advantage = advantage
    }
  }

  private var segments: [Segment] = []

  /// Reads a buffer out of numbers; what is cut off or impossible ends it.
  package init(_ numbers: [Float]) {
    var reader = Reader(numbers: numbers)
    while let segment = reader.segment() { segments.append(segment) }
  }

  /// The buffer as numbers.
  package var numbers: [Float] {
    segments.flatMap { segment -> [Float] in
      let sample = segment.sample
      let head = [
        Float(segment.step), Float(sample.group / Self.part), Float(sample.group % Self.part),
        segment.advantage, Float(sample.reward), sample.response.endedByEOS ? 1 : 0,
        Float(sample.prompt.count), Float(sample.response.tokens.count),
      ]
      return head + sample.prompt.map { Float($0) } + sample.response.tokens.map { Float($0) }
        + sample.response.logProbs + sample.response.entropies
    }
  }

  /// Adds segments behind those there are.
  package mutating func append(_ more: [Segment]) { segments += more }

  /// Forgets the segments of earlier steps.
  package mutating func dropSegments(before step: Int) { segments.removeAll { $0.step < step } }

  /// Takes up to `most` segments of each prompt and `total` in all, drawn at random.
  ///
  /// Prompts come in random order, so that fresh segments and older ones mix over mini-batches; the segments of one
  /// prompt stay together, in the order in which they were added.
  package mutating func take(
    _ most: Int, total: Int = .max, stream: RandomStream, step: Int
  ) -> [Segment] {
    var members = GroupBaseline.members(segments.map(\.sample.group))
    var order = RandomSequence(stream, index: UInt64(step) << 32 | UInt64(UInt32.max))
    for place in members.indices {
      members.swapAt(place, place + order.below(members.count - place))
    }
    var room = total
    var isTaken = [Bool](repeating: false, count: segments.count)
    for group in members {
      var random = RandomSequence(
        stream, index: UInt64(step) << 32 | UInt64(segments[group[0]].sample.group))
      var pool = group
      let count = min(most, pool.count, room)
      for place in 0..<count {
        pool.swapAt(place, place + random.below(pool.count - place))
        isTaken[pool[place]] = true
      }
      room -= count
    }
    let taken = members.flatMap { $0.filter { isTaken[$0] }.map { segments[$0] } }
    segments = segments.indices.filter { !isTaken[$0] }.map { segments[$0] }
    return taken
  }

  private struct Reader {
    let numbers: [Float]
    private var place = 0

    init(numbers: [Float]) { self.numbers = numbers }

    mutating func segment() -> Segment? {
      guard let head = slice(8), let step = Int(exactly: head[0]),
        let high = Int(exactly: head[1]), let low = Int(exactly: head[2]),
        let prompt = Int(exactly: head[6]), let count = Int(exactly: head[7]),
        let context = slice(prompt),
        let tokens = slice(count), let logProbs = slice(count), let entropies = slice(count)
      else { return nil }
      let response = SampledResponse(
        prompt: 0, sample: 0, tokens: tokens.compactMap { Int32(exactly: $0) },
        logProbs: logProbs, entropies: entropies, endedByEOS: head[5] == 1)
      return Segment(
        step: step,
        sample: PolicyBatch.Sample(
          prompt: context.compactMap { Int32(exactly: $0) }, response: response,
          verdict: 0, reward: Double(head[4]), score: 0, group: high &* ReplayBuffer.part &+ low),
        advantage: head[3])
    }

    private mutating func slice(_ count: Int) -> [Float]? {
      guard count >= 0, count <= numbers.count - place else { return nil }
      defer { place += count }
      return Array(numbers[place..<place + count])
    }
  }
}
