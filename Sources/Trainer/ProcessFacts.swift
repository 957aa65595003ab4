internal import ExpCore
internal import FoundationEssentials
internal import Glibc
internal import TrainerProtocol

/// Facts of this process and the machine it runs on.
enum ProcessFacts {
  /// The most memory this process ever had resident, bytes.
  static var peakMemoryBytes: Int { usage.ru_maxrss * 1024 }

  /// User and system time of all threads, seconds.
  static var cpuSeconds: Double {
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  private static var usage: rusage {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage
  }

  /// The process id.
  static var pid: Int { Int(getpid()) }

  /// The machine's name.
  static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, name.count - 1)
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The time of day in UTC, `YYYY-MM-DDThh:mm:ssZ`.
  static var utcNow: String { Date().formatted(.iso8601) }

  /// Hash of the running program's file; nil where it cannot be read.
  static var binaryHash: ContentHash? {
    // try?: a program that was deleted under us has no hash, and runs on without one
    (try? Data(contentsOf: URL(filePath: "/proc/self/exe"), options: .mappedIfSafe)).map {
      ContentHash(of: $0)
    }
  }

  /// The feature flags of the processor.
  static var processorFlags: Set<String> {
    // try?: without /proc the generic kernels are right
    let text = (try? String(contentsOf: URL(filePath: "/proc/cpuinfo"), encoding: .utf8)) ?? ""
    return RunRequest.Compute.processorFlags(cpuinfo: text)
  }

  /// Starts this program again in place of itself where the environment is not what the arithmetic needs.
  ///
  /// OpenBLAS reads its variables when it loads, before any code of ours runs; so they have to be there already.
  /// - Throws: `TrainerError` where the program cannot be started again.
  static func settleEnvironment(_ compute: RunRequest.Compute) throws {
    let wanted: [(name: String, value: String?)] = [
      ("OPENBLAS_CORETYPE", compute.blasCoreType.isEmpty ? nil : compute.blasCoreType),
      ("OPENBLAS_NUM_THREADS", String(compute.threads)),
    ]
    let differing = wanted.filter { variable in
      getenv(variable.name).map { String(cString: $0) } != variable.value
    }
    guard !differing.isEmpty else { return }
    for variable in differing {
      if let value = variable.value {
        setenv(variable.name, value, 1)
      } else {
        unsetenv(variable.name)
      }
    }
    let own = "/proc/self/exe"
    var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
    arguments.append(nil)
    execv(own, arguments)
    throw TrainerError.system("start again", own)
  }
}
