internal import CLinuxProcess
internal import Glibc

/// A set of processors, as the kernel keeps it for each thread.
struct CoreSet: Sendable {
  private var mask = cpu_set_t()
  private static let limit = MemoryLayout<cpu_set_t>.size * 8

  /// The processors the calling thread may use; nil where the kernel does not say.
  static func current() -> CoreSet? {
    var set = CoreSet(cores: [])
    guard sched_getaffinity(0, MemoryLayout<cpu_set_t>.size, &set.mask) == 0 else { return nil }
    return set
  }

  /// Makes a set; numbers that the kernel's set cannot hold are left out.
  init(cores: [Int]) {
    withUnsafeMutableBytes(of: &mask) { bytes in
      for core in cores where core >= 0 && core < CoreSet.limit {
        bytes[core / 8] |= 1 << UInt8(core % 8)
      }
    }
  }

  /// The processors' numbers, ascending.
  var cores: [Int] {
    withUnsafeBytes(of: mask) { bytes in
      (0..<CoreSet.limit).filter { bytes[$0 / 8] & (1 << UInt8($0 % 8)) != 0 }
    }
  }

  /// Binds the calling thread, and the children it starts from now on.
  func apply() {
    var mask = mask
    // A refusal (a core that went offline) leaves the thread where it was: slower at worst.
    _ = sched_setaffinity(0, MemoryLayout<cpu_set_t>.size, &mask)
  }
}
