internal import TrainerKernels

/// Zeroed memory of a device that one owner frees.
public final class DeviceBuffer {
  /// The first byte.
  public let start: UnsafeMutableRawPointer
  /// Whose memory it is.
  public let device: Device
  private let byteCount: Int

  /// Takes memory.
  ///
  /// - Throws: `TensorError.outOfMemory`.
  public init(bytes: Int, on device: Device) throws(TensorError) {
    precondition(bytes >= 0, "\(bytes) bytes")
    byteCount = max(bytes, 1)
    self.device = device
    var memory: UnsafeMutableRawPointer?
    let status = device.kernels.pointee.memory_take(&memory, Int64(byteCount))
    if status == TRN_DEVICE_FAILED {
      throw .deviceFailed(String(cString: device.kernels.pointee.last_error()))
    }
    guard status == TRN_OK, let memory else { throw .outOfMemory(bytes: bytes) }
    start = memory
  }

  /// Takes memory that a run cannot do without, and ends the process with the size where there is none.
  public static func required(bytes: Int, on device: Device) -> DeviceBuffer {
    do {
      return try DeviceBuffer(bytes: bytes, on: device)
    } catch {
      TensorRuntime.fail(error)
    }
  }

  deinit { device.kernels.pointee.memory_release(start, Int64(byteCount)) }
}

/// Zeroed floats of a device that one owner frees.
public final class FloatBuffer {
  /// The first float, in the device's memory.
  public let start: UnsafeMutablePointer<Float>
  /// Floats in the buffer.
  public let count: Int
  private let buffer: DeviceBuffer

  /// Takes memory for `count` floats.
  ///
  /// - Throws: `TensorError.outOfMemory`.
  public init(count: Int, on device: Device) throws(TensorError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    guard count >= 0, !overflow else { throw .outOfMemory(bytes: Int.max) }
    buffer = try DeviceBuffer(bytes: bytes, on: device)
    start = buffer.start.bindMemory(to: Float.self, capacity: max(count, 1))
    self.count = count
  }

  /// Takes memory that a run cannot do without, and ends the process with the size where there is none.
  public static func required(count: Int, on device: Device) -> FloatBuffer {
    do {
      return try FloatBuffer(count: count, on: device)
    } catch {
      TensorRuntime.fail(error)
    }
  }

  /// All floats, in the device's memory.
  public var floats: UnsafeMutableBufferPointer<Float> { .init(start: start, count: count) }

  var device: Device { buffer.device }
}

/// Floats of a device that the host looks at and writes to now and then: checkpoints, initial weights, tests.
///
/// On devices that work on ordinary memory there is one copy, elsewhere the host's is made when first asked for.
public final class SharedFloats {
  private let buffer: FloatBuffer
  private var copy: UnsafeMutableBufferPointer<Float>?
  /// Whether the host may have written since the device last saw its copy.
  private var hostIsNewer = false

  /// Takes memory for `count` floats.
  ///
  /// - Throws: `TensorError.outOfMemory`.
  public init(count: Int, on device: Device) throws(TensorError) {
    buffer = try FloatBuffer(count: count, on: device)
  }

  /// Takes memory that a run cannot do without.
  public static func required(count: Int, on device: Device) -> SharedFloats {
    do {
      return try SharedFloats(count: count, on: device)
    } catch {
      TensorRuntime.fail(error)
    }
  }

  deinit { copy?.deallocate() }

  /// Floats in the buffer.
  public var count: Int { buffer.count }

  /// Where the device has them; `onDevice` is what operations work on.
  public var start: UnsafeMutablePointer<Float> { buffer.start }

  /// The floats for the device's operations, with what the host wrote.
  public var onDevice: UnsafeMutableBufferPointer<Float> {
    settle()
    return buffer.floats
  }

  /// The floats for the host, with what the device computed.
  ///
  /// What is written here reaches the device when it is asked for `onDevice` the next time: ask for this property again
  /// behind that.
  public var onHost: UnsafeMutableBufferPointer<Float> {
    let device = buffer.device
    guard !device.usesHostMemory else { return buffer.floats }
    let host = copy ?? .allocate(capacity: max(count, 1))
    copy = host
    if !hostIsNewer { device.download(buffer.start, to: host.baseAddress, count: count) }
    hostIsNewer = true
    return UnsafeMutableBufferPointer(rebasing: host[..<count])
  }

  /// The floats for the host to read, with what the device computed; writing to them changes nothing.
  public var forReading: UnsafeBufferPointer<Float> {
    let wasNewer = hostIsNewer
    let host = onHost
    hostIsNewer = wasNewer
    return UnsafeBufferPointer(host)
  }

  /// Brings what the host wrote to the device.
  public func settle() {
    guard hostIsNewer, let copy else { return }
    hostIsNewer = false
    buffer.device.upload(copy.baseAddress, to: buffer.start, count: count)
  }
}
