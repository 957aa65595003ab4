internal import FoundationEssentials
internal import Glibc

/// A process that cannot be mistaken for another one: numbers are reused, but not with the same start on the same boot.
public struct ProcessIdentity: Sendable, Hashable, Codable {
  /// Process id.
  public var pid: Int
  /// When it started, in clock ticks since the boot.
  public var startTicks: Int
  /// The kernel's id of that boot.
  public var bootID: String
  /// Host name.
  public var host: String

  enum CodingKeys: String, CodingKey {
    case pid, host
    case startTicks = "start_ticks"
    case bootID = "boot_id"
  }

  /// Looks at a living process of this machine; nil where there is none.
  public init?(of pid: Int) {
    guard let facts = ProcessFacts(of: pid), !facts.isZombie else { return nil }
    self.pid = pid
    startTicks = facts.startTicks
    bootID = ProcessIdentity.currentBoot
    host = hostName()
  }

  /// This process.
  public static var current: ProcessIdentity? { ProcessIdentity(of: Int(getpid())) }

  /// Whether it is a process of this machine, since its last boot.
  public var isOfThisBoot: Bool {
    host == hostName() && bootID == ProcessIdentity.currentBoot && !bootID.isEmpty
  }

  /// Whether it lives on this machine, and is neither a zombie nor somebody who got its number later.
  public var isAlive: Bool {
    guard isOfThisBoot, let facts = ProcessFacts(of: pid) else { return false }
    return facts.startTicks == startTicks && !facts.isZombie
  }

  /// Sends a signal to it and its process group; nothing where it is gone, or where it does not hold this lock.
  ///
  /// The file that names it can be written by others, so its word alone is not taken: a trainer has the lock open as
  /// its descriptor 3.
  func signalGroup(_ signal: Int32, holding lock: String) {
    var (held, named) = (stat(), stat())
    guard isAlive, pid > 1, stat("/proc/\(pid)/fd/3", &held) == 0, stat(lock, &named) == 0,
      held.st_dev == named.st_dev, held.st_ino == named.st_ino
    else { return }
    kill(-pid_t(pid), signal)
    kill(pid_t(pid), signal)
  }

  private static let currentBoot: String = {
    // try?: without a boot id nothing is taken for a process of this boot.
    let bytes = try? SmallFile.read("/proc/sys/kernel/random/boot_id", limit: 64)
    return String(decoding: (bytes ?? []).filter { $0 > 0x20 }, as: UTF8.self)
  }()
}

/// What `/proc/PID/stat` says of a process.
struct ProcessFacts {
  var isZombie: Bool
  var session: Int
  var startTicks: Int
  var residentBytes: Int

  init?(of pid: Int) {
    // try?: no such file, no such process.
    guard let bytes = try? SmallFile.read("/proc/\(pid)/stat", limit: 4096),
      // The name in parentheses may hold anything; what follows the last one is words.
      let end = bytes.lastIndex(of: 0x29)
    else { return nil }
    let words = bytes[(end + 1)...].split(separator: 0x20)
    guard words.count > 21 else { return nil }
    func number(_ index: Int) -> Int { Int(String(decoding: words[index], as: UTF8.self)) ?? 0 }
    isZombie = [0x5a, 0x58].contains(words[0].first)  // Z and X
    session = number(3)
    startTicks = number(19)
    residentBytes = number(21) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Resident bytes of all processes by their session; what several share is counted for each.
  static func residentBytesBySession() -> [Int: Int] {
    processes.reduce(into: [:]) { sums, process in
      sums[process.facts.session, default: 0] += process.facts.residentBytes
    }
  }

  /// Bytes of memory that the processes of a session have to themselves, each shared page divided among its users.
  static func proportionalBytes(ofSession session: Int) -> Int {
    processes.filter { $0.facts.session == session }.reduce(0) { sum, process in
      // try?: a process that is gone uses nothing.
      let bytes = try? SmallFile.read("/proc/\(process.pid)/smaps_rollup", limit: 1 << 16)
      for line in (bytes ?? []).split(separator: 0x0a) {
        let words = line.split(separator: 0x20)
        guard words.count > 1, String(decoding: words[0], as: UTF8.self) == "Pss:" else { continue }
        return sum + (Int(String(decoding: words[1], as: UTF8.self)) ?? 0) << 10
      }
      // A kernel that does not tell leaves what is resident.
      return sum + process.facts.residentBytes
    }
  }

  private static var processes: [(pid: Int, facts: ProcessFacts)] {
    // try?: without /proc nothing can be said.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { name in
      guard let pid = Int(name), let facts = ProcessFacts(of: pid) else { return nil }
      return (pid, facts)
    }
  }
}
