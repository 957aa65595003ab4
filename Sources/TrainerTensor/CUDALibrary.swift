import Glibc
import Synchronization
internal import TrainerKernels

/// What is known of the GPU that a process would use.
public struct GPUFacts: Sendable, Hashable, CustomStringConvertible {
  /// Its name, such as the driver tells it.
  public var name: String
  /// Its identity, `GPU-…`.
  public var uuid: String
  /// Whether the processor only emulates one, for tests.
  public var isEmulated: Bool
  /// Hash of the sources its kernels were compiled from; empty where they were built with the program.
  public var sources: String
  /// GPUs that this process may use.
  public var deviceCount: Int
  /// The generation of its instructions, such as `9.0`.
  public var computeCapability: String
  /// Its multiprocessors.
  public var multiprocessors: Int
  /// The version of CUDA that the driver has, and that the kernels were built with.
  public var driverVersion: String
  /// The version of CUDA that the kernels were built with.
  public var runtimeVersion: String
  /// cuBLAS's own version.
  public var blasVersion: Int
  /// Its memory in bytes.
  public var memoryBytes: Int
  /// Bytes of it that are free.
  public var freeBytes: Int

  init(_ facts: trn_cuda_facts) {
    func version(_ number: Int32) -> String { "\(number / 1000).\(number % 1000 / 10)" }
    name = withUnsafeBytes(of: facts.name, text)
    uuid = withUnsafeBytes(of: facts.uuid, text)
    isEmulated = facts.is_emulated != 0
    sources = withUnsafeBytes(of: facts.sources, text)
    deviceCount = Int(facts.device_count)
    computeCapability = "\(facts.compute_major).\(facts.compute_minor)"
    multiprocessors = Int(facts.multiprocessors)
    driverVersion = version(facts.driver_version)
    runtimeVersion = version(facts.runtime_version)
    blasVersion = Int(facts.blas_version)
    memoryBytes = Int(facts.memory_bytes)
    freeBytes = Int(facts.free_bytes)
  }

  /// Name, identity and versions in a line.
  public var description: String {
    "\(name)\(isEmulated ? ", emulated by the processor" : "") (\(uuid)), compute \(computeCapability), "
      + "\(memoryBytes >> 30) GiB, CUDA \(runtimeVersion) on a driver of \(driverVersion), cuBLAS \(blasVersion)"
  }
}

/// The kernels for GPUs: a library of their own that is looked for at run time, since most machines have no use for it.
public enum CUDALibrary {
  /// Names of its kernel sets: bf16 or fp32 products, by cuBLAS or so that a row's bits depend on that row alone.
  public static let kernelSets = [
    "cuda-bf16", "cuda-bf16-invariant", "cuda-fp32", "cuda-fp32-invariant",
  ]
  /// The environment variable that names its file; without it the file lies beside the program.
  public static let variable = "EXP_CUDA_KERNELS"
  /// The name of its file.
  public static let fileName = "libtrainer_kernels_cuda.so"

  private static let loaded = Mutex<Result<trn_cuda_open_function, TensorError>?>(nil)

  /// Looks at the GPU that this process would use.
  ///
  /// - Throws: `TensorError.noGPU` with one sentence that says what is missing.
  public static func facts() throws(TensorError) -> GPUFacts {
    try open(kernelSets[0], table: nil)
  }

  /// What is known of the GPU that this process uses, where it uses one.
  public static func facts(of device: Device) -> GPUFacts? {
    // try?: a GPU that computed a moment ago and cannot be asked now is unknown, no reason to fail
    kernelSets.contains(device.kernelSet) ? try? facts() : nil
  }

  static func device(kernelSet: String) throws(TensorError) -> Device {
    var table: UnsafePointer<trn_kernels>?
    _ = try open(kernelSet, table: &table)
    guard let table else { throw .noGPU("the library of CUDA kernels gave no kernel set") }
    return Device(table)
  }

  private static func open(
    _ kernelSet: String, table: UnsafeMutablePointer<UnsafePointer<trn_kernels>?>?
  ) throws(TensorError) -> GPUFacts {
    let entry = try library()
    var facts = trn_cuda_facts()
    var words = [CChar](repeating: 0, count: 1024)
    let status = entry(
      UInt32(TRN_ABI_VERSION), kernelSet, table, &facts, &words, Int64(words.count))
    guard status == TRN_OK else {
      let reason = words.withUnsafeBytes(text)
      if status == TRN_OTHER_ABI {
        throw .noGPU(
          "the library of CUDA kernels belongs to another version of exp; run 'make kernels-cuda'")
      }
      throw .noGPU(reason.isEmpty ? "the GPU cannot be used (status \(status))" : reason)
    }
    return GPUFacts(facts)
  }

  private static func library() throws(TensorError) -> trn_cuda_open_function {
    let found = loaded.withLock { loaded in
      let result = loaded ?? load()
      loaded = result
      return result
    }
    return try found.get()
  }

  private static func load() -> Result<trn_cuda_open_function, TensorError> {
    let path: String
    if let named = getenv(variable).map({ String(cString: $0) }), !named.isEmpty {
      path = named
    } else {
      path = folderOfProgram + "/" + fileName
      guard access(path, F_OK) == 0 else {
        return .failure(
          .noGPU(
            "the CUDA kernels are not built: no \(fileName) beside the program; run 'make kernels-cuda'"
          ))
      }
    }
    guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      let words = dlerror().map { String(cString: $0) } ?? "unknown reason"
      return .failure(.noGPU("the CUDA kernels cannot be loaded: \(words)"))
    }
    guard let symbol = dlsym(handle, "trn_cuda_open") else {
      return .failure(.noGPU("'\(path)' is no library of CUDA kernels: it lacks trn_cuda_open"))
    }
    return .success(unsafeBitCast(symbol, to: trn_cuda_open_function.self))
  }

  private static var folderOfProgram: String {
    var path = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &path, path.count - 1)
    guard length > 0, let slash = path.lastIndex(of: CChar(UInt8(ascii: "/"))) else { return "." }
    return String(decoding: path[..<slash].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// The text before the first zero byte.
private func text(_ bytes: UnsafeRawBufferPointer) -> String {
  String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
}
