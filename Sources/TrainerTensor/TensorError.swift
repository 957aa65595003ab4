/// What can go wrong when the numerical kernels are chosen or their memory is taken.
public enum TensorError: Error, Sendable, Hashable, CustomStringConvertible {
  /// No kernel set has this name.
  case unknownKernelSet(String)
  /// The processor lacks the instructions of this kernel set.
  case unsupportedKernelSet(String)
  /// A count of threads below 1.
  case badThreadCount(Int)
  /// The operating system has no memory for a buffer of this many bytes.
  case outOfMemory(bytes: Int)
  /// No GPU can be used, in a sentence.
  case noGPU(String)
  /// The GPU or its driver failed, in their words.
  case deviceFailed(String)

  /// The problem in words.
  public var description: String {
    switch self {
    case .unknownKernelSet(let name):
      "there is no kernel set '\(name)'; expected one of: "
        + (["avx512", "avx2", "generic"] + CUDALibrary.kernelSets).joined(separator: ", ")
    case .unsupportedKernelSet(let name):
      "this processor lacks the instructions of the kernel set '\(name)'"
    case .badThreadCount(let count): "\(count) BLAS threads asked for; expected at least 1"
    case .outOfMemory(let bytes): "no memory for a buffer of \(bytes) bytes"
    case .noGPU(let reason): reason
    case .deviceFailed(let words): "the GPU failed: \(words)"
    }
  }
}
