internal import TrainerKernels

extension Device {
  /// Copies `count` elements of ordinary memory to the device's; the source is free again on return.
  public func upload<Element: BitwiseCopyable>(
    _ host: UnsafePointer<Element>?, to memory: UnsafeMutablePointer<Element>, count: Int
  ) {
    guard let host, count > 0 else { return }
    done(
      kernels.pointee.memory_upload(memory, host, Int64(count * MemoryLayout<Element>.stride)))
  }

  /// Copies `count` elements of ordinary memory to the device's.
  public func upload<Element: BitwiseCopyable>(
    _ host: UnsafeMutablePointer<Element>?, to memory: UnsafeMutablePointer<Element>, count: Int
  ) {
    upload(host.map { UnsafePointer($0) }, to: memory, count: count)
  }

  /// Copies `count` elements of the device's memory to ordinary memory, behind all operations before; waits.
  public func download<Element: BitwiseCopyable>(
    _ memory: UnsafePointer<Element>, to host: UnsafeMutablePointer<Element>?, count: Int
  ) {
    guard let host, count > 0 else { return }
    done(
      kernels.pointee.memory_download(host, memory, Int64(count * MemoryLayout<Element>.stride)))
  }

  /// Copies floats within the device's memory.
  public func copy(
    _ source: UnsafeMutableBufferPointer<Float>, to target: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(source.count == target.count, "\(source.count) numbers for \(target.count)")
    guard let from = source.baseAddress, let to = target.baseAddress else { return }
    done(
      kernels.pointee.memory_copy(
        to, from, Int64(source.count * MemoryLayout<Float>.stride)))
  }

  /// Sets every float to 0.
  public func clear(_ floats: UnsafeMutableBufferPointer<Float>) {
    guard let base = floats.baseAddress else { return }
    done(
      kernels.pointee.memory_clear(base, Int64(floats.count * MemoryLayout<Float>.stride)))
  }

  /// Sets every float to 0.
  public func clear(_ matrix: Matrix) {
    clear(UnsafeMutableBufferPointer(start: matrix.base, count: matrix.rows * matrix.columns))
  }

  /// Sets every activation to 0.
  public func clear(_ x: Activations) {
    done(kernels.pointee.memory_clear(x.base, Int64(x.rows * x.rowBytes)))
  }

  /// Waits for everything enqueued; ends the process where the device failed.
  public func synchronize() { done(kernels.pointee.synchronize()) }

  /// Whether the device records operations.
  public var capturesOperations: Bool { kernels.pointee.graph_begin != nil }

  /// Records the operations that `body` asks for, without running them; nil where the device has no such thing.
  ///
  /// Pointers and shapes are recorded, the numbers behind the pointers are not.
  public func capture(_ body: () -> Void) -> CapturedOperations? {
    guard let begin = kernels.pointee.graph_begin, let end = kernels.pointee.graph_end else {
      return nil
    }
    done(begin())
    body()
    var graph: OpaquePointer?
    done(end(&graph))
    return graph.map { CapturedOperations($0, device: self) }
  }
}

/// Operations that were recorded, to be run again and again without their launch costs.
public final class CapturedOperations {
  private let graph: OpaquePointer
  private let device: Device

  fileprivate init(_ graph: OpaquePointer, device: Device) {
    self.graph = graph
    self.device = device
  }

  deinit { device.kernels.pointee.graph_release?(graph) }

  /// Enqueues them.
  public func run() {
    guard let launch = device.kernels.pointee.graph_launch else { return }
    device.done(launch(graph))
  }
}
