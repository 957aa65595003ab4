import Glibc
import Testing

import TrainerTensor

@Suite("kernels over the vocabulary")
struct VocabularyKernelTests {
  static let rows = 4

  struct Case: Sendable {
    var device: Device
    var vocabulary: Int
  }

  static let cases: [Case] = TensorFixtures.devices.flatMap { device in
    [2, 16, 25, 100].map { Case(device: device, vocabulary: $0) }
  }

  private func logits(_ test: Case, scale: Float = 5) throws -> OwnedMatrix {
    let columns = (test.vocabulary + 15) / 16 * 16
    return try test.device.matrix(
      Self.rows, columns, TensorFixtures.values(Self.rows * columns, scale: scale, seed: 21))
  }

  private func reference(
    _ logits: [Double], _ columns: Int, _ vocabulary: Int, _ temperature: Double
  ) -> [[Double]] {
    (0..<Self.rows).map { row in
      let z = logits[row * columns..<row * columns + vocabulary].map { $0 / temperature }
      let largest = z.max() ?? 0
      let total = z.reduce(0) { $0 + exp($1 - largest) }
      return z.map { $0 - largest - log(total) }
    }
  }

  /// Log-probabilities reach -20 and keep seven digits: 4e-6.
  @Test("log-probabilities, entropies and their gradient", arguments: cases)
  func scores(_ test: Case) throws {
    let logits = try self.logits(test)
    let columns = logits.matrix.columns
    let targets: [Int32] = (0..<Self.rows).map { Int32($0 * 7 % test.vocabulary) }
    let before = logits.doubles
    let device = test.device
    let logProbs = try device.matrix(1, Self.rows)
    let entropies = try device.matrix(1, Self.rows)
    let dLogProbs = TensorFixtures.values(Self.rows, seed: 22)
    let dEntropies = TensorFixtures.values(Self.rows, seed: 23)
    let targetList = try device.list(targets)
    device.scoreTokens(
      logits.matrix, vocabulary: test.vocabulary, targets: targetList.base,
      inverseTemperature: 1 / 0.8, logProbs: logProbs.base, entropies: entropies.base)
    let gradient = try device.activations(Self.rows, columns)
    device.scoreTokensBackward(
      logits.matrix, vocabulary: test.vocabulary, targets: targetList.base,
      inverseTemperature: 1 / 0.8, dLogProbs: try device.list(dLogProbs).base,
      dEntropies: try device.list(dEntropies).base, into: gradient.view)
    let slopes = gradient.floats
    if !device.rounds {
      device.scoreTokensBackward(
        logits.matrix, vocabulary: test.vocabulary, targets: targetList.base,
        inverseTemperature: 1 / 0.8, dLogProbs: try device.list(dLogProbs).base,
        dEntropies: try device.list(dEntropies).base, into: Activations(logits.matrix))
      #expect(logits.floats == slopes, "in place")
    }
    let expected = reference(before, columns, test.vocabulary, 0.8)
    let expectedEntropies = expected.map { row in -row.reduce(0) { $0 + exp($1) * $1 } }
    TensorFixtures.agree(
      logProbs.floats, expected.enumerated().map { $1[Int(targets[$0])] }, absolute: 4e-6)
    TensorFixtures.agree(entropies.floats, expectedEntropies, absolute: 4e-6)
    for row in 0..<Self.rows {
      for v in 0..<columns {
        let found = Double(slopes[row * columns + v])
        guard v < test.vocabulary else {
          #expect(found == 0)
          continue
        }
        let p = exp(expected[row][v])
        let chosen = v == Int(targets[row]) ? 1.0 : 0
        let entropySlope = -p * (expected[row][v] + expectedEntropies[row])
        let wanted =
          (Double(dLogProbs[row]) * (chosen - p) + Double(dEntropies[row]) * entropySlope) / 0.8
        #expect(abs(found - wanted) < 2e-6 + (device.rounds ? abs(wanted) / 256 : 0))
      }
    }
  }

  @Test(
    "a distribution all on one token has entropy 0 and log-probability 0",
    arguments: TensorFixtures.devices)
  func certain(_ device: Device) throws {
    let logits = try device.matrix(1, 16, [200] + [Float](repeating: -200, count: 15))
    let found = try device.matrix(1, 2)
    device.scoreTokens(
      logits.matrix, vocabulary: 16, targets: try device.list([Int32(0)]).base,
      inverseTemperature: 1, logProbs: found.base, entropies: found.base + 1)
    #expect(found.floats == [0, 0])
  }

  /// A draw is the first token whose cumulative probability exceeds the number, up to rounding at the borders.
  @Test("tokens are drawn from the cumulative distribution", arguments: cases)
  func draws(_ test: Case) throws {
    let logits = try self.logits(test)
    let rows = reference(logits.doubles, logits.matrix.columns, test.vocabulary, 0.8)
    let scratch = try test.device.matrix(1, logits.matrix.columns)
    for step in 0..<40 {
      let uniforms = (0..<Self.rows).map { (Double(step) + Double($0) / 4) / 40 }
      let list = try test.device.list([Int32](repeating: -1, count: Self.rows))
      test.device.sampleTokens(
        logits.matrix, vocabulary: test.vocabulary, uniforms: try test.device.list(uniforms).base,
        inverseTemperature: 1 / 0.8, into: list.base, scratch: scratch.base)
      let tokens = list.values(-1)
      for row in 0..<Self.rows {
        let token = Int(tokens[row])
        #expect((0..<test.vocabulary).contains(token))
        let below = rows[row][..<token].reduce(0) { $0 + exp($1) }
        #expect(below <= uniforms[row] + 1e-6)
        #expect(below + exp(rows[row][token]) > uniforms[row] - 1e-6)
      }
    }
  }

  @Test("the likeliest token is the first of the largest", arguments: TensorFixtures.devices)
  func likeliest(_ device: Device) throws {
    let logits = try device.matrix(
      2, 16,
      [1, 5, 5, 2] + [Float](repeating: 0, count: 12) + [-3, 3]
        + [Float](repeating: -9, count: 13) + [9])
    let tokens = try device.list([Int32](repeating: -1, count: 2))
    device.likeliestTokens(logits.matrix, vocabulary: 15, into: tokens.base)
    // The 9 stands behind the vocabulary's end.
    #expect(tokens.values(-1) == [1, 1])
  }

  /// Against a sort; shares between two sums, so that rounding cannot decide.
  @Test("the nucleus is the least set of likeliest tokens", arguments: cases)
  func nucleus(_ test: Case) throws {
    let device = test.device
    let logits = try self.logits(test, scale: 3)
    let columns = logits.matrix.columns
    let before = logits.floats
    let rows = reference(logits.doubles, columns, test.vocabulary, 0.8)
    let scratch = try device.matrix(1, 4 * columns)
    for share in [1e-9, 0.317, 0.5003, 0.9011, 0.99999] {
      let out = try device.matrix(Self.rows, columns)
      device.restrictToNucleus(
        logits.matrix, vocabulary: test.vocabulary, inverseTemperature: 1 / 0.8, share: share,
        into: out.matrix, scratch: scratch.base)
      let found = out.floats
      for row in 0..<Self.rows {
        var reached = 0.0
        var kept: Set<Int> = []
        for token in rows[row].indices.sorted(by: { rows[row][$0] > rows[row][$1] }) {
          kept.insert(token)
          reached += exp(rows[row][token])
          if reached >= share { break }
        }
        for v in 0..<columns {
          #expect(
            found[row * columns + v] == (kept.contains(v) ? before[row * columns + v] : -1e30),
            "\(share), row \(row), token \(v)")
        }
      }
    }
  }

  @Test("of equal tokens the nucleus takes the first", arguments: TensorFixtures.devices)
  func equals(_ device: Device) throws {
    let logits = try device.matrix(1, 16, [1, 4, 1, 4, 4] + [Float](repeating: 1, count: 11))
    let out = try device.matrix(1, 16)
    device.restrictToNucleus(
      logits.matrix, vocabulary: 16, inverseTemperature: 1, share: 0.5, into: out.matrix,
      scratch: try device.matrix(1, 64).base)
    #expect(out.floats == (0..<16).map { [1, 3].contains($0) ? 4 : -1e30 })
  }

  @Test("a critic's values and their gradient", arguments: TensorFixtures.devices)
  func values(_ device: Device) throws {
    let outputs = try device.matrix(3, 16, TensorFixtures.values(48, seed: 31))
    let bias = try device.matrix(1, 1, [0.25])
    let values = try device.matrix(1, 3)
    device.stateValues(outputs.matrix, bias: bias.matrix, into: values.base)
    let numbers = outputs.floats
    #expect(values.floats == [0, 16, 32].map { numbers[$0] + 0.25 })
    let slopes = try device.activations(3, 16, [Float](repeating: 9, count: 48))
    let dBias = try device.matrix(1, 1, [1])
    device.stateValuesBackward(
      try device.list([Float(0.5), -2, 0.75]).base, dBias: dBias.matrix, into: slopes.view)
    #expect(slopes.floats == (0..<48).map { [0: 0.5, 16: -2, 32: 0.75][$0] ?? 0 })
    #expect(dBias.floats == [0.25])
  }
}
