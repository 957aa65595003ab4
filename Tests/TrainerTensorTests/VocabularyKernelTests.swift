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
    return try OwnedMatrix(
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
    let logProbs = try OwnedMatrix(1, Self.rows)
    let entropies = try OwnedMatrix(1, Self.rows)
    let dLogProbs = TensorFixtures.values(Self.rows, seed: 22)
    let dEntropies = TensorFixtures.values(Self.rows, seed: 23)
    targets.withUnsafeBufferPointer { targets in
      dLogProbs.withUnsafeBufferPointer { dLogProbs in
        dEntropies.withUnsafeBufferPointer { dEntropies in
          guard let targets = targets.baseAddress, let slopes = dLogProbs.baseAddress else {
            return
          }
          test.device.scoreTokens(
            logits.matrix, vocabulary: test.vocabulary, targets: targets,
            inverseTemperature: 1 / 0.8, logProbs: logProbs.base, entropies: entropies.base)
          test.device.scoreTokensBackward(
            logits.matrix, vocabulary: test.vocabulary, targets: targets,
            inverseTemperature: 1 / 0.8, dLogProbs: slopes, dEntropies: dEntropies.baseAddress)
        }
      }
    }
    let expected = reference(before, columns, test.vocabulary, 0.8)
    let expectedEntropies = expected.map { row in -row.reduce(0) { $0 + exp($1) * $1 } }
    TensorFixtures.agree(
      logProbs.floats, expected.enumerated().map { $1[Int(targets[$0])] }, absolute: 4e-6)
    TensorFixtures.agree(entropies.floats, expectedEntropies, absolute: 4e-6)
    for row in 0..<Self.rows {
      for v in 0..<columns {
        let found = Double(logits.floats[row * columns + v])
        guard v < test.vocabulary else {
          #expect(found == 0)
          continue
        }
        let p = exp(expected[row][v])
        let chosen = v == Int(targets[row]) ? 1.0 : 0
        let entropySlope = -p * (expected[row][v] + expectedEntropies[row])
        let wanted =
          (Double(dLogProbs[row]) * (chosen - p) + Double(dEntropies[row]) * entropySlope) / 0.8
        #expect(abs(found - wanted) < 2e-6)
      }
    }
  }

  @Test(
    "a distribution all on one token has entropy 0 and log-probability 0",
    arguments: TensorFixtures.devices)
  func certain(_ device: Device) throws {
    let logits = try OwnedMatrix(1, 16, [200] + [Float](repeating: -200, count: 15))
    let found = try OwnedMatrix(1, 2)
    withUnsafePointer(to: Int32(0)) { target in
      device.scoreTokens(
        logits.matrix, vocabulary: 16, targets: target, inverseTemperature: 1,
        logProbs: found.base, entropies: found.base + 1)
    }
    #expect(found.floats == [0, 0])
  }

  /// A draw is the first token whose cumulative probability exceeds the number, up to rounding at the borders.
  @Test("tokens are drawn from the cumulative distribution", arguments: cases)
  func draws(_ test: Case) throws {
    let logits = try self.logits(test)
    let rows = reference(logits.doubles, logits.matrix.columns, test.vocabulary, 0.8)
    let scratch = try OwnedMatrix(1, logits.matrix.columns)
    for step in 0..<40 {
      let uniforms = (0..<Self.rows).map { (Double(step) + Double($0) / 4) / 40 }
      var tokens = [Int32](repeating: -1, count: Self.rows)
      uniforms.withUnsafeBufferPointer { uniforms in
        tokens.withUnsafeMutableBufferPointer { tokens in
          guard let u = uniforms.baseAddress, let t = tokens.baseAddress else { return }
          test.device.sampleTokens(
            logits.matrix, vocabulary: test.vocabulary, uniforms: u, inverseTemperature: 1 / 0.8,
            into: t, scratch: scratch.base)
        }
      }
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
    let logits = try OwnedMatrix(2, 16, [1, 5, 5, 2] + [Float](repeating: 0, count: 11) + [9, -3])
    var tokens = [Int32](repeating: -1, count: 2)
    tokens.withUnsafeMutableBufferPointer { tokens in
      guard let base = tokens.baseAddress else { return }
      device.likeliestTokens(logits.matrix, vocabulary: 15, into: base)
    }
    // The 9 stands behind the vocabulary's end; the second row is -3 and then the spare value 3.
    #expect(tokens == [1, 1])
  }
}
