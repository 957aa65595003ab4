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

  /// A GPU's emulation computes a few million products a second: it gets those below 20,000 weights.
  static let rowCases: [RowCase] = TensorFixtures.devices.flatMap { device in
    cases.filter { device.usesHostMemory || $0.depth * $0.columns < 20_000 }.map {
      RowCase(device: device, depth: $0.depth, columns: $0.columns)
    }
  }

  struct RowCase: Sendable, CustomTestStringConvertible {
    var device: Device
    var depth: Int
    var columns: Int

    var testDescription: String { "\(device.kernelSet), \(depth) × \(columns)" }
  }

  /// The promise that first importance ratios of exactly 1 rest on.
  @Test(
    "a row's bits depend neither on the number nor on the place of the rows",
    arguments: rowCases.filter { $0.device.isBatchInvariant })
  func rowBits(_ test: RowCase) throws {
    let device = test.device
    let most = 300
    let x = try device.activations(
      most, test.depth, TensorFixtures.values(most * test.depth, seed: UInt64(test.depth)))
    let w = try device.matrix(
      test.depth, test.columns, TensorFixtures.values(test.depth * test.columns, seed: 2))
    let panels = try device.panels(w)
    let all = try device.matrix(most, test.columns)
    device.multiply(x.view, panels, into: all.matrix)
    let expected = all.floats
    let rounded = try device.activations(most, test.columns)
    device.multiply(x.view, panels, into: rounded.view)
    let expectedRounded = rounded.floats
    let part = try device.matrix(most, test.columns)
    let parts = [
      (0, 1), (7, 1), (1, 2), (3, 5), (5, 8), (2, 13), (9, 24), (16, 33), (40, 64), (11, 97),
      (30, 150), (1, 256), (0, 299),
    ]
    for (start, count) in device.usesHostMemory ? parts : parts.filter({ $0.1 != 299 }) {
      let range = start * test.columns..<(start + count) * test.columns
      device.multiply(
        x.view.slice(start, count: count), panels, into: part.matrix.prefix(count))
      #expect(
        part.floats[..<range.count] == expected[range], "\(count) rows from \(start)")
      device.multiply(
        x.view.slice(start, count: count), panels, into: rounded.view.prefix(count))
      #expect(
        rounded.floats[..<range.count] == expectedRounded[range],
        "\(count) rounded rows from \(start)")
    }
  }

  /// Sums of 1,024 products of numbers below 1 stay below 100; 1,000 roundings there are 4e-3 at the very worst.
  @Test("products agree with OpenBLAS", arguments: rowCases)
  func againstBLAS(_ test: RowCase) throws {
    let device = test.device
    let x = try device.activations(
      21, test.depth, TensorFixtures.values(21 * test.depth, seed: 8))
    let weights = TensorFixtures.values(test.depth * test.columns, seed: 9)
    let w = try device.matrix(test.depth, test.columns, weights)
    let y = try device.matrix(21, test.columns)
    let panels = try device.panels(w)
    device.multiply(x.view, panels, into: y.matrix)
    let host = TensorRuntime.processor
    let blas = try host.matrix(21, test.columns)
    host.multiplyByBLAS(
      try host.matrix(21, test.depth, x.floats).matrix,
      try host.matrix(test.depth, test.columns, device.rounds ? weights.map(rounded) : weights)
        .matrix,
      into: blas.matrix)
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
    let x = try device.activations(
      rows, depth + 2, TensorFixtures.values(rows * (depth + 2), seed: 3))
    let w = try device.matrix(
      depth, columns,
      TensorFixtures.values(depth * columns, seed: 4).map { device.rounds ? rounded($0) : $0 })
    let panels = try device.panels(w)
    let y = try device.activations(
      rows, columns + 2, [Float](repeating: 7, count: rows * (columns + 2)))
    let (xs, ws) = (x.doubles, w.doubles)
    var expected = [Double](repeating: 7, count: rows * (columns + 2))
    for (t, n) in indices(rows, columns) {
      expected[t * (columns + 2) + n] = (0..<depth).reduce(0) {
        $0 + xs[t * (depth + 2) + $1] * ws[$1 * columns + n]
      }
    }
    device.multiply(x.view, panels, into: y.view)
    TensorFixtures.agree(y.floats, expected, on: device, absolute: 2e-4, rounded: 2e-4)
    let logits = try device.matrix(
      rows, columns + 2, [Float](repeating: 7, count: rows * (columns + 2)))
    device.multiply(x.view, panels, into: logits.matrix)
    TensorFixtures.agree(logits.floats, expected, absolute: 2e-4)

    let turned = try device.panels(w, transposed: true)
    let dx = try device.activations(rows, depth)
    device.multiply(y.view, turned, into: dx.view)
    let ys = y.doubles
    var back = [Double](repeating: 0, count: rows * depth)
    for (t, k) in indices(rows, depth) {
      back[t * depth + k] = (0..<columns).reduce(0) {
        $0 + ys[t * (columns + 2) + $1] * ws[k * columns + $1]
      }
    }
    TensorFixtures.agree(
      dx.floats, back, on: device, absolute: 2e-4, relative: 2e-6, rounded: 4e-4)

    let gradient = try device.matrix(
      depth, columns, [Float](repeating: 0.5, count: depth * columns))
    device.addWeightGradient(gradient.matrix, x.view, y.view)
    var slopes = [Double](repeating: 0.5, count: depth * columns)
    for (k, n) in indices(depth, columns) {
      for t in 0..<rows {
        slopes[k * columns + n] += xs[t * (depth + 2) + k] * ys[t * (columns + 2) + n]
      }
    }
    TensorFixtures.agree(gradient.floats, slopes, absolute: 1e-3, relative: 1e-5)
  }

  private func rounded(_ value: Float) -> Float {
    Float(bitPattern: UInt32(TensorFixtures.bfloat16(value)) << 16)
  }

  private func indices(_ a: Int, _ b: Int) -> [(Int, Int)] {
    (0..<a).flatMap { i in (0..<b).map { (i, $0) } }
  }
}
