package import TrainerProtocol

/// How a batch is cut into forward and backward passes; it changes rounding and memory only.
package enum MicroBatches {
  /// Tokens of one pass at the most, but for a single longer sequence: activations of a 1M-parameter model stay below
  /// 300 MiB.
  package static let mostTokens = 8192

  /// Sequences of a known longest length that one pass may hold, at most `wanted`.
  package static func sequences(_ wanted: Int, length: Int) -> Int {
    max(1, min(wanted, mostTokens / max(length, 1)))
  }
}

extension PolicyBatch {
  /// Cuts rows into passes of at most `sequences` of them, and of so many tokens.
  ///
  /// A group that fits into a pass is not split over two, so that its prompt is computed once. Cuts lie at multiples of
  /// `step` rows from a group's beginning.
  package func microBatches(
    _ rows: Range<Int>, sequences: Int, step: Int = 1
  ) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var piece = Piece(start: rows.lowerBound)
    for group in groups where group.overlaps(rows) {
      let group = group.clamped(to: rows)
      let tokens = group.reduce(0) { $0 + self.tokens(of: $1) }
      if !piece.hasRoom(group.count, tokens, sequences) {
        piece.close(at: group.lowerBound, &pieces)
      }
      for start in stride(from: group.lowerBound, to: group.upperBound, by: step) {
        let unit = start..<min(start + step, group.upperBound)
        let tokens = unit.reduce(0) { $0 + self.tokens(of: $1) }
        if !piece.hasRoom(unit.count, tokens, sequences) { piece.close(at: start, &pieces) }
        piece.add(unit.count, tokens)
      }
    }
    piece.close(at: rows.upperBound, &pieces)
    return pieces
  }

  private func tokens(of row: Int) -> Int { samples[row].prompt.count + rows.length(row) }

  /// Room for a pass's tokens: of the longest context so many sequences, or the most tokens, whichever is less.
  package static func tokenCapacity(_ config: TrainConfig, contextLength: Int) -> Int {
    let sequences = min(
      config.microBatchSize, config.promptsPerStep * max(config.samplesPerPrompt ?? 1, 1))
    return max(contextLength, min(sequences * contextLength, MicroBatches.mostTokens))
  }

  private struct Piece {
    var start: Int
    var rows = 0
    var tokens = 0

    func hasRoom(_ moreRows: Int, _ moreTokens: Int, _ sequences: Int) -> Bool {
      rows == 0
        || rows + moreRows <= sequences && tokens + moreTokens <= MicroBatches.mostTokens
    }

    mutating func add(_ moreRows: Int, _ moreTokens: Int) {
      rows += moreRows
      tokens += moreTokens
    }

    mutating func close(at end: Int, _ pieces: inout [Range<Int>]) {
      if start < end { pieces.append(start..<end) }
      self = Piece(start: end)
    }
  }
}

extension TrainingPass {
  /// Scores the tokens of a batch in passes over the given rows, which follow on each other.
  ///
  /// - Throws: `StopRequested` between passes.
  func scores(
    _ batch: PolicyBatch, _ pieces: [Range<Int>], temperature: Double, _ shouldStop: () -> Bool
  ) throws -> (logProbs: [Double], entropies: [Double]) {
    var (logProbs, entropies): ([Double], [Double]) = ([], [])
    logProbs.reserveCapacity(batch.rows.tokenCount)
    entropies.reserveCapacity(batch.rows.tokenCount)
    for piece in pieces {
      if shouldStop() { throw StopRequested() }
      forward(batch.packed(piece), temperature: temperature)
      logProbs.append(contentsOf: self.logProbs.lazy.map(Double.init))
      entropies.append(contentsOf: self.entropies.lazy.map(Double.init))
    }
    return (logProbs, entropies)
  }
}
