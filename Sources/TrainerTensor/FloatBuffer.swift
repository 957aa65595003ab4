import Glibc

/// Zeroed, page-aligned floats that one owner frees; pages take memory when first touched.
public final class FloatBuffer {
  /// The floats.
  public let floats: UnsafeMutableBufferPointer<Float>
  private let byteCount: Int

  /// Takes memory for `count` floats.
  ///
  /// - Throws: `TensorError.outOfMemory`.
  public init(count: Int) throws(TensorError) {
    let (bytes, overflow) = max(count, 1).multipliedReportingOverflow(
      by: MemoryLayout<Float>.stride)
    guard count >= 0, !overflow else { throw .outOfMemory(bytes: Int.max) }
    let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else { throw .outOfMemory(bytes: bytes) }
    // Large pages spare address translation in long buffers; refusal costs nothing.
    madvise(memory, bytes, MADV_HUGEPAGE)
    byteCount = bytes
    floats = UnsafeMutableBufferPointer(
      start: memory.bindMemory(to: Float.self, capacity: max(count, 1)), count: count)
  }

  deinit {
    munmap(floats.baseAddress, byteCount)
  }
}

extension FloatBuffer {
  /// The first float.
  public var start: UnsafeMutablePointer<Float> {
    guard let start = floats.baseAddress else { preconditionFailure("a buffer without memory") }
    return start
  }

  /// Takes memory that a run cannot do without, and ends the process with the size where there is none.
  public static func required(count: Int) -> FloatBuffer {
    do {
      return try FloatBuffer(count: count)
    } catch {
      TensorRuntime.exhausted(error)
    }
  }
}
