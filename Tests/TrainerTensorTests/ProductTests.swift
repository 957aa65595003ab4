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

  static let rowCases: [RowCase] = TensorFixtures.devices.flatMap { device in
    cases.map { RowCase(device: device, depth: $0.depth, columns: $0.columns) }
  }

  struct RowCase: Sendable, CustomTestStringConvertible {
    var device: Device
    var depth: Int
    var columns: Int

    var testDescription: String { "\(device.kernelSet), \(depth) × \(columns)" }
  }

  /// The promise that first importance ratios of exactly 1 rest on.
  @Test(
    "a row's bits depend neither on the number nor on the place of the rows", arguments: rowCases)
  func rowBits(_ test: RowCase) throws {
    let device = test.device
    let most = 300
    let x = try OwnedMatrix(
      most, test.depth, TensorFixtures.values(most * test.depth, seed: UInt64(test.depth)))
    let w = try OwnedMatrix(
      test.depth, test.columns, TensorFixtures.values(test.depth * test.columns, seed: 2))
    let panels = try OwnedPanels(w.matrix, transposed: false, device)
    let all = try OwnedMatrix(most, test.columns)
    device.multiply(x.matrix, panels.panels, into: all.matrix)
    let expected = all.floats
    let part = try OwnedMatrix(most, test.columns)
    for (start, count) in [
      (0, 1), (7, 1), (1, 2), (3, 5), (5, 8), (2, 13), (9, 24), (16, 33), (40, 64), (11, 97),
      (30, 150), (1, 256), (0, 299),
    ] {
      let result = part.matrix.prefix(count)
      device.multiply(x.matrix.slice(start, count: count), panels.panels, into: result)
      let same = (0..<count * test.columns).allSatisfy {
        result.base[$0] == expected[start * test.columns + $0]
      }
      #expect(same, "\(count) rows from \(start)")
    }
  }

  /// Sums of 1,024 products of numbers below 1 stay below 100; 1,000 roundings there are 4e-3 at the very worst.
  @Test("products agree with OpenBLAS", arguments: rowCases)
  func againstBLAS(_ test: RowCase) throws {
    let x = try OwnedMatrix(21, test.depth, TensorFixtures.values(21 * test.depth, seed: 8))
    let w = try OwnedMatrix(
      test.depth, test.columns, TensorFixtures.values(test.depth * test.columns, seed: 9))
    let y = try OwnedMatrix(21, test.columns)
    let blas = try OwnedMatrix(21, test.columns)
    let panels = try OwnedPanels(w.matrix, transposed: false, test.device)
    test.device.multiply(x.matrix, panels.panels, into: y.matrix)
    test.device.multiplyByBLAS(x.matrix, w.matrix, into: blas.matrix)
    TensorFixtures.agree(y.floats, blas.doubles, absolute: 1e-4)
  }

  struct ValueCase: Sendable, CustomTestStringConvertible {
    var device: Device
    var rows: Int
    var depth: Int
    var columns: Int

    var testDescription: String { "\(device.kernelSet), \(rows) × \(depth) × \(columns)" }
  }

  /// Every mixture of panels of one to three vectors, tails of all dimensions, and sums over more rows than are copied at once.
  static let valueCases: [ValueCase] = TensorFixtures.devices.flatMap { device in
    [
      (1, 1, 1), (5, 24, 72), (30, 100, 33), (17, 96, 16), (9, 25, 48), (70, 7, 25), (600, 19, 80),
      (3, 40, 112),
    ].map { ValueCase(device: device, rows: $0.0, depth: $0.1, columns: $0.2) }
  }

  /// Sums of up to 600 products of numbers below 1 lose at most a few hundred roundings near 30: 2e-4.
  @Test("products, their gradients and strides agree with plain loops", arguments: valueCases)
  func values(_ test: ValueCase) throws {
    let (rows, depth, columns) = (test.rows, test.depth, test.columns)
    let device = test.device
    // Two columns that do not belong to the product on either side.
    let x = try OwnedMatrix(rows, depth + 2, TensorFixtures.values(rows * (depth + 2), seed: 3))
    let w = try OwnedMatrix(depth, columns, TensorFixtures.values(depth * columns, seed: 4))
    let panels = try OwnedPanels(w.matrix, transposed: false, device)
    let y = try OwnedMatrix(
      rows, columns + 2, [Float](repeating: 7, count: rows * (columns + 2)))
    var expected = [Double](repeating: 7, count: rows * (columns + 2))
    for (t, n) in indices(rows, columns) {
      expected[t * (columns + 2) + n] = (0..<depth).reduce(0) {
        $0 + Double(x.base[t * (depth + 2) + $1]) * Double(w.base[$1 * columns + n])
      }
    }
    device.multiply(x.matrix, panels.panels, into: y.matrix)
    TensorFixtures.agree(y.floats, expected, absolute: 2e-4)

    let turned = try OwnedPanels(w.matrix, transposed: true, device)
    let dx = try OwnedMatrix(rows, depth)
    device.multiply(y.matrix, turned.panels, into: dx.matrix)
    var back = [Double](repeating: 0, count: rows * depth)
    for (t, k) in indices(rows, depth) {
      back[t * depth + k] = (0..<columns).reduce(0) {
        $0 + Double(y.base[t * (columns + 2) + $1]) * Double(w.base[k * columns + $1])
      }
    }
    TensorFixtures.agree(dx.floats, back, absolute: 2e-4, relative: 2e-6)

    let gradient = try OwnedMatrix(
      depth, columns, [Float](repeating: 0.5, count: depth * columns))
    device.addWeightGradient(gradient.matrix, x.matrix, y.matrix)
    var slopes = [Double](repeating: 0.5, count: depth * columns)
    for (k, n) in indices(depth, columns) {
      for t in 0..<rows {
        slopes[k * columns + n] +=
          Double(x.base[t * (depth + 2) + k]) * Double(y.base[t * (columns + 2) + n])
      }
    }
    TensorFixtures.agree(gradient.floats, slopes, absolute: 5e-4, relative: 1e-5)
  }

  private func indices(_ a: Int, _ b: Int) -> [(Int, Int)] {
    (0..<a).flatMap { i in (0..<b).map { (i, $0) } }
  }
}
