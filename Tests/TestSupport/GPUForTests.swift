internal import Glibc

/// The GPU that tests run on: the one whose kernels `EXP_CUDA_KERNELS` names, else its emulation by the processor.
public enum GPUForTests {
  /// The variable that names a library of kernels.
  public static let variable = "EXP_CUDA_KERNELS"
  /// The emulation's library, which is built beside the tests.
  public static var emulation: String { folderOfProgram + "/libcuda-emulation.so" }

  /// Lets this process find a library of kernels.
  public static func settle() { setenv(variable, emulation, 0) }

  private static var folderOfProgram: String {
    var path = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &path, path.count - 1)
    let program = path.prefix(max(length, 0)).map(UInt8.init(bitPattern:))
    return String(
      decoding: program[..<(program.lastIndex(of: UInt8(ascii: "/")) ?? 0)], as: UTF8.self)
  }
}
