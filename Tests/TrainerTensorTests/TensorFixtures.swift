import Testing

import TrainerTensor

/// Numbers and comparisons that several suites use.
enum TensorFixtures {
  static let devices = Device.supported

  /// Values in -scale...scale from a linear congruential generator (Knuth's MMIX constants).
  static func values(_ count: Int, scale: Float = 1, seed: UInt64 = 1) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (Float(state >> 40) / Float(1 << 23) - 1) * scale
    }
  }

  /// Whether two lists agree within `absolute` plus `relative` of the expected value.
  static func agree(
    _ found: some Collection<Float>, _ expected: [Double], absolute: Double,
    relative: Double = 0, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(found.count == expected.count, sourceLocation: sourceLocation)
    for (index, (value, wanted)) in zip(found, expected).enumerated() {
      let error = abs(Double(value) - wanted)
      guard error <= absolute + relative * abs(wanted) else {
        Issue.record(
          "element \(index): \(value), expected \(wanted)", sourceLocation: sourceLocation)
        return
      }
    }
  }
}

/// A matrix with memory of its own, for tests; a row behind the last holds a value that must neither matter nor change.
final class OwnedMatrix {
  let matrix: Matrix
  private let buffer: FloatBuffer

  init(_ rows: Int, _ columns: Int, _ values: [Float]? = nil) throws {
    buffer = try FloatBuffer(count: (rows + 1) * columns)
    matrix = Matrix(buffer.start, rows: rows, columns: columns)
    buffer.floats.update(repeating: 3)
    for (index, value) in (values ?? []).enumerated() { buffer.floats[index] = value }
    if values == nil { matrix.clear() }
  }

  var base: UnsafeMutablePointer<Float> { matrix.base }
  var floats: [Float] {
    Array(UnsafeBufferPointer(start: matrix.base, count: matrix.rows * matrix.columns))
  }
  var doubles: [Double] { floats.map(Double.init) }
}

/// Panels with memory of their own.
final class OwnedPanels {
  let panels: WeightPanels
  private let buffer: FloatBuffer

  init(_ w: Matrix, transposed: Bool, _ device: Device) throws {
    let rows = transposed ? w.columns : w.rows
    let columns = transposed ? w.rows : w.columns
    buffer = try FloatBuffer(count: device.panelCount(rows: rows, columns: columns))
    panels = WeightPanels(buffer.start, rows: rows, columns: columns)
    device.pack(w, transposed: transposed, into: panels)
  }
}
