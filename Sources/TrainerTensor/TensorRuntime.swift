import Synchronization
internal import TrainerKernels

/// Process-wide settings of the numerical kernels.
public enum TensorRuntime {
  private static let current = Mutex<Device?>(nil)
  private static let failure = Mutex<(@Sendable (TensorError) -> Never)?>(nil)

  /// Says how the process ends where memory that a run cannot do without is missing, or its device fails; without a
  /// word it traps.
  public static func onFailure(_ end: @escaping @Sendable (TensorError) -> Never) {
    failure.withLock { $0 = end }
  }

  /// Ends the process, which cannot go on.
  static func fail(_ error: TensorError) -> Never {
    if let end = failure.withLock({ $0 }) { end(error) }
    preconditionFailure("\(error)")
  }

  /// Chooses the kernels that models made from now on use, and the threads of BLAS.
  ///
  /// `kernelSet` is a name that `Device` knows. OpenBLAS's own kernels follow the environment variable
  /// `OPENBLAS_CORETYPE`, read when the library loads and out of reach here.
  /// - Throws: `TensorError` for a name that is unknown, instructions or a GPU that are missing, or a count below 1.
  public static func configure(kernelSet: String, threads: Int) throws(TensorError) {
    let device = try Device(kernelSet: kernelSet)
    guard threads >= 1, let count = Int32(exactly: threads),
      trn_blas_set_threads(count) == TRN_OK
    else { throw .badThreadCount(threads) }
    current.withLock { $0 = device }
  }

  /// The device that models use unless told otherwise: the configured one, else the widest the processor has.
  public static var device: Device {
    current.withLock { device in
      if let device { return device }
      trn_blas_set_threads(1)
      let widest = Device.widest
      device = widest
      return widest
    }
  }

  /// The widest kernels of the processor, which BLAS is measured by.
  public static var processor: Device { Device.widest }

  /// OpenBLAS's version and build, and after a semicolon the kernels it runs.
  public static var blasDescription: String {
    "\(String(cString: trn_blas_config())); \(blasCoreName)"
  }

  /// The kernels OpenBLAS runs, such as `SkylakeX`.
  public static var blasCoreName: String { String(cString: trn_blas_core_name()) }
}
