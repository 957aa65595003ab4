import Testing

import TrainerTensor

@Suite("matrix products")
struct ProductTests {
  struct Case: Sendable {
    var depth: Int
    var columns: Int
  }

  /// The ladder's products, odd ones, and depths beyond one slice of the sum.
  static let cases: [Case] = [
    Case(depth: 24, columns: 72), Case(depth: 24, columns: 24), Case(depth: 48, columns: 144),
    Case(depth: 60, columns: 100), Case(depth: 64, columns: 25), Case(depth: 128, columns: 384),
    Case(depth: 336, columns: 128), Case(depth: 352, columns: 48), Case(depth: 353, columns: 48),
    Case(depth: 512, columns: 64), Case(depth: 512, columns: 200), Case(depth: 700, columns: 80),
    Case(depth: 1024, columns: 96), Case(depth: 1024, columns: 1024),
  ]

  /// The promise that first importance ratios of exactly 1 rest on.
  @Test("a row's bits depend neither on the number nor on the place of the rows", arguments: cases)
  func rowBits(_ test: Case) throws {
    let device = TensorRuntime.device
    let most = 300
    let x = try OwnedMatrix(
      most, test.depth, TensorFixtures.values(most * test.depth, seed: UInt64(test.depth)))
    let w = try OwnedMatrix(
      test.depth, test.columns, TensorFixtures.values(test.depth * test.columns, seed: 2))
    let all = try OwnedMatrix(most, test.columns)
    device.multiplyRows(x.matrix, w.matrix, into: all.matrix)
    let expected = all.floats
    let part = try OwnedMatrix(most, test.columns)
    for (start, count) in [
      (0, 1), (7, 1), (1, 2), (3, 5), (5, 8), (2, 13), (9, 24), (16, 33), (40, 64), (11, 97),
      (30, 150), (1, 256), (0, 299),
    ] {
      let result = part.matrix.prefix(count)
      device.multiplyRows(x.matrix.slice(start, count: count), w.matrix, into: result)
      let same = (0..<count * test.columns).allSatisfy {
        result.base[$0] == expected[start * test.columns + $0]
      }
      #expect(same, "\(count) rows from \(start)")
    }
  }

  /// Sums of 100 products of numbers below 1 lose at most a few hundred roundings near 10: 2e-5.
  @Test("products agree with plain loops", arguments: [(5, 24, 72), (30, 100, 33), (17, 96, 16)])
  func values(_ rows: Int, _ depth: Int, _ columns: Int) throws {
    let device = TensorRuntime.device
    let x = try OwnedMatrix(rows, depth, TensorFixtures.values(rows * depth, seed: 3))
    let w = try OwnedMatrix(depth, columns, TensorFixtures.values(depth * columns, seed: 4))
    let y = try OwnedMatrix(rows, columns)
    var expected = [Double](repeating: 0, count: rows * columns)
    for (t, k, n) in indices(rows, depth, columns) {
      expected[t * columns + n] += Double(x.base[t * depth + k]) * Double(w.base[k * columns + n])
    }
    device.multiplyRows(x.matrix, w.matrix, into: y.matrix)
    TensorFixtures.agree(y.floats, expected, absolute: 2e-5)
    device.multiply(x.matrix, w.matrix, into: y.matrix)
    TensorFixtures.agree(y.floats, expected, absolute: 2e-5)

    let dx = try OwnedMatrix(rows, depth)
    device.multiplyTransposed(y.matrix, w.matrix, into: dx.matrix)
    var back = [Double](repeating: 0, count: rows * depth)
    for (t, k, n) in indices(rows, depth, columns) {
      back[t * depth + k] += Double(y.base[t * columns + n]) * Double(w.base[k * columns + n])
    }
    TensorFixtures.agree(dx.floats, back, absolute: 2e-4)

    let gradient = try OwnedMatrix(
      depth, columns, [Float](repeating: 0.5, count: depth * columns))
    device.addWeightGradient(gradient.matrix, x.matrix, y.matrix)
    var slopes = [Double](repeating: 0.5, count: depth * columns)
    for (t, k, n) in indices(rows, depth, columns) {
      slopes[k * columns + n] += Double(x.base[t * depth + k]) * Double(y.base[t * columns + n])
    }
    TensorFixtures.agree(gradient.floats, slopes, absolute: 2e-4)
  }

  private func indices(_ a: Int, _ b: Int, _ c: Int) -> [(Int, Int, Int)] {
    (0..<a).flatMap { i in (0..<b).flatMap { j in (0..<c).map { (i, j, $0) } } }
  }
}
