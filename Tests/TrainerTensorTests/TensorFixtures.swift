import Synchronization
import TestSupport
import Testing

import TrainerTensor

/// Numbers and comparisons that several suites use.
enum TensorFixtures {
  /// The processor's kernel sets, and those of a GPU, or of its emulation where there is none.
  static let devices: [Device] = {
    GPUForTests.settle()
    do {
      return try Device.supported + CUDALibrary.kernelSets.map { try Device(kernelSet: $0) }
    } catch {
      Issue.record("no tests of the kernels for GPUs: \(error)")
      return Device.supported
    }
  }()

  /// The upper half of a float, rounded to nearest even.
  static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    guard value.isFinite else { return UInt16(bits >> 16) }
    return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
  }

  /// Values in -scale...scale from a linear congruential generator (Knuth's MMIX constants).
  static func values(_ count: Int, scale: Float = 1, seed: UInt64 = 1) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (Float(state >> 40) / Float(1 << 23) - 1) * scale
    }
  }

  /// Whether two lists that were rounded to a device's activations agree: within `absolute` plus `relative` of the
  /// expected value, or where activations are bf16 within 2^-8 of it, two roundings, plus `rounded`, which is what
  /// roundings of intermediate results may add.
  static func agree(
    _ found: some Collection<Float>, _ expected: [Double], on device: Device, absolute: Double,
    relative: Double = 0, rounded: Double, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    agree(
      found, expected, absolute: device.rounds ? rounded : absolute,
      relative: device.rounds ? 1.0 / 256 : relative, sourceLocation: sourceLocation)
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
  private let buffer: SharedFloats

  init(_ rows: Int, _ columns: Int, _ values: [Float]? = nil, on device: Device) throws {
    buffer = try SharedFloats(count: (rows + 1) * columns, on: device)
    matrix = Matrix(buffer.start, rows: rows, columns: columns)
    let host = buffer.onHost
    host.update(repeating: 3)
    for index in 0..<rows * columns { host[index] = 0 }
    for (index, value) in (values ?? []).enumerated() { host[index] = value }
    buffer.settle()
  }

  var base: UnsafeMutablePointer<Float> { matrix.base }
  var floats: [Float] {
    let all = buffer.onHost
    #expect(all[(matrix.rows * matrix.columns)...].allSatisfy { $0 == 3 }, "written behind the end")
    buffer.settle()
    return Array(all[..<(matrix.rows * matrix.columns)])
  }
  var doubles: [Double] { floats.map(Double.init) }
}

/// Activations with memory of their own; their numbers are what is left of the given ones in the device's type.
final class OwnedActivations {
  let view: Activations
  private let buffer: DeviceBuffer

  init(_ rows: Int, _ columns: Int, _ values: [Float]? = nil, on device: Device) throws {
    let count = (rows + 1) * columns
    buffer = try DeviceBuffer(bytes: count * device.activationBytes, on: device)
    view = Activations(
      buffer.start, rows: rows, columns: columns, elementBytes: device.activationBytes)
    var all = [Float](repeating: 3, count: count)
    for index in 0..<rows * columns { all[index] = 0 }
    for (index, value) in (values ?? []).enumerated() { all[index] = value }
    if device.activationBytes == 4 {
      device.upload(all, to: buffer.start.assumingMemoryBound(to: Float.self), count: count)
    } else {
      device.upload(
        all.map(TensorFixtures.bfloat16),
        to: buffer.start.assumingMemoryBound(to: UInt16.self), count: count)
    }
  }

  var floats: [Float] {
    let count = (view.rows + 1) * view.columns
    var all = [Float](repeating: 0, count: count)
    if view.elementBytes == 4 {
      all.withUnsafeMutableBufferPointer {
        buffer.device.download(
          UnsafePointer(buffer.start.assumingMemoryBound(to: Float.self)), to: $0.baseAddress,
          count: count)
      }
    } else {
      var halves = [UInt16](repeating: 0, count: count)
      halves.withUnsafeMutableBufferPointer {
        buffer.device.download(
          UnsafePointer(buffer.start.assumingMemoryBound(to: UInt16.self)), to: $0.baseAddress,
          count: count)
      }
      all = halves.map { Float(bitPattern: UInt32($0) << 16) }
    }
    #expect(all[(view.rows * view.columns)...].allSatisfy { $0 == 3 }, "written behind the end")
    return Array(all[..<(view.rows * view.columns)])
  }
  var doubles: [Double] { floats.map(Double.init) }
}

/// A list in a device's memory.
final class OwnedList<Element: BitwiseCopyable> {
  let base: UnsafeMutablePointer<Element>
  private let count: Int
  private let buffer: DeviceBuffer

  init(_ values: [Element], on device: Device) throws {
    count = values.count
    buffer = try DeviceBuffer(bytes: count * MemoryLayout<Element>.stride, on: device)
    base = buffer.start.bindMemory(to: Element.self, capacity: max(count, 1))
    device.upload(values, to: base, count: count)
  }

  func values(_ blank: Element) -> [Element] {
    var all = [Element](repeating: blank, count: count)
    all.withUnsafeMutableBufferPointer {
      buffer.device.download(UnsafePointer(base), to: $0.baseAddress, count: count)
    }
    return all
  }
}

/// Runs of tokens with the plan that a device may need.
final class OwnedSequences {
  let sequences: PackedSequences
  private let offsets: UnsafeMutablePointer<Int64>
  private let starts: UnsafeMutablePointer<Int32>
  private let plan: OwnedList<UInt8>?

  init(counts: [Int], starts given: [Int32]? = nil, on device: Device) throws {
    offsets = .allocate(capacity: counts.count + 1)
    starts = .allocate(capacity: counts.count)
    offsets[0] = 0
    for (index, count) in counts.enumerated() {
      offsets[index + 1] = offsets[index] + Int64(count)
      starts[index] = given?[index] ?? 0
    }
    let bare = PackedSequences(
      offsets: offsets, starts: given == nil ? nil : UnsafePointer(starts), count: counts.count)
    let bytes = device.planBytes(bare)
    var host = [UInt8](repeating: 0, count: bytes)
    host.withUnsafeMutableBufferPointer {
      if bytes > 0, let base = $0.baseAddress { device.plan(bare, into: base) }
    }
    plan = bytes > 0 ? try OwnedList(host, on: device) : nil
    sequences = PackedSequences(
      offsets: offsets, starts: given == nil ? nil : UnsafePointer(starts), count: counts.count,
      plan: plan.map { UnsafePointer($0.base) })
  }

  deinit {
    offsets.deallocate()
    starts.deallocate()
  }
}

/// Panels with memory of their own.
final class OwnedPanels {
  let panels: WeightPanels
  private let buffer: DeviceBuffer

  init(_ w: Matrix, transposed: Bool, _ device: Device) throws {
    let rows = transposed ? w.columns : w.rows
    let columns = transposed ? w.rows : w.columns
    buffer = try DeviceBuffer(
      bytes: device.panelBytes(rows: rows, columns: columns), on: device)
    panels = WeightPanels(buffer.start, rows: rows, columns: columns)
    device.pack(w, transposed: transposed, into: panels)
  }
}

/// Keeps memory until the tests end: pointers do not keep what they point to, and the optimiser frees early.
private let kept = Mutex<[Kept]>([])

private struct Kept: @unchecked Sendable {
  // Sendable: nobody looks at it again.
  let object: AnyObject
}

private func keep<Object: AnyObject>(_ object: Object) -> Object {
  let entry = Kept(object: object)
  kept.withLock { $0.append(entry) }
  return object
}

extension Device {
  func matrix(_ rows: Int, _ columns: Int, _ values: [Float]? = nil) throws -> OwnedMatrix {
    keep(try OwnedMatrix(rows, columns, values, on: self))
  }

  func sequences(_ counts: [Int], starts: [Int32]? = nil) throws -> PackedSequences {
    keep(try OwnedSequences(counts: counts, starts: starts, on: self)).sequences
  }

  func panels(_ w: OwnedMatrix, transposed: Bool = false) throws -> WeightPanels {
    keep(try OwnedPanels(w.matrix, transposed: transposed, self)).panels
  }

  func activations(
    _ rows: Int, _ columns: Int, _ values: [Float]? = nil
  ) throws -> OwnedActivations {
    keep(try OwnedActivations(rows, columns, values, on: self))
  }

  func list<Element: BitwiseCopyable>(_ values: [Element]) throws -> OwnedList<Element> {
    keep(try OwnedList(values, on: self))
  }

  /// Whether activations keep 8 bits of a number: results are then off by up to 2^-9 of themselves per rounding.
  var rounds: Bool { activationBytes == 2 }
}
