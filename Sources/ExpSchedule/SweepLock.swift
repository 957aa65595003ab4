internal import ExpCore
internal import FoundationEssentials
internal import Glibc
public import TrainerProtocol

/// The ownership of a sweep: held by one process at a time, freed by the kernel when that process is gone.
///
/// Trainers do not inherit it, so a killed `exp sweep` leaves its name free at once.
public struct SweepLock: ~Copyable, Sendable {
  /// The process that runs a sweep.
  public struct Holder: Sendable, Hashable, Codable {
    /// Process id.
    public var pid: Int
    /// Host name.
    public var host: String
    /// When it took the sweep, UTC, `YYYY-MM-DDThh:mm:ssZ`.
    public var startedAt: String

    enum CodingKeys: String, CodingKey {
      case pid, host
      case startedAt = "started_at"
    }
  }

  private let descriptor: Descriptor

  /// Takes a sweep and writes down who holds it.
  ///
  /// - Throws: `ScheduleError.sweepHeld` with the holder where another process runs it.
  public init(name: String, paths: RunPaths) throws(ScheduleError) {
    let path = try SweepLock.path(name, paths)
    try SmallFile.makeFolder(paths.sweep(name))
    let file = try Descriptor(opening: path, O_RDWR | O_CREAT)
    // Whoever asks whether it is held has it for a moment.
    var tries = 20
    while !file.tryLock() {
      tries -= 1
      guard tries > 0 else {
        throw .sweepHeld(name: name, holder: SweepLock.readHolder(path))
      }
      usleep(5_000)
    }
    guard ftruncate(file.number, 0) == 0 else {
      throw .system(call: "ftruncate", path: path, errno: errno)
    }
    // What was asked of an earlier owner, and how far that one was, is nothing of this one's; nobody can ask it yet.
    _ = SweepRequest.take(from: paths.sweep(name))
    unlink(SweepProgressFile.path(of: name, paths: paths))
    let holder = Holder(pid: Int(getpid()), host: hostName(), startedAt: utcNow())
    try file.write(jsonLine(holder), path: path)
    descriptor = file
  }

  /// Whether some process runs a sweep now.
  public static func isHeld(_ name: String, paths: RunPaths) throws(ScheduleError) -> Bool {
    RunLock.isHeld(try SweepLock.path(name, paths))
  }

  /// Returns who runs a sweep now; nil where nobody does, or where its holder has not written that down yet.
  public static func holder(
    of name: String, paths: RunPaths
  ) throws(ScheduleError) -> Holder? {
    try isHeld(name, paths: paths) ? readHolder(try SweepLock.path(name, paths)) : nil
  }

  private static func path(_ name: String, _ paths: RunPaths) throws(ScheduleError) -> String {
    guard !name.isEmpty, !name.hasPrefix("."), !name.utf8.contains(0x2f), !name.utf8.contains(0)
    else { throw .badSweepName(name) }
    return "\(paths.sweep(name))/lock"
  }

  private static func readHolder(_ path: String) -> Holder? {
    // try?: an unreadable or half-written holder only costs the message its details.
    guard let bytes = try? SmallFile.read(path, limit: 4096) else { return nil }
    return try? JSONDecoder().decode(Holder.self, from: Data(bytes))  // try?: as above
  }
}

/// The host's name.
func hostName() -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
  return buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } ?? "unknown"
}

/// The time in UTC, `YYYY-MM-DDThh:mm:ssZ`.
func utcNow() -> String { Date().formatted(.iso8601) }

/// One line of canonical JSON with its line break.
func jsonLine(_ value: some Encodable) throws(ScheduleError) -> [UInt8] {
  do {
    return Array(try JSONValue(encoding: value).canonicalJSON.utf8) + [0x0a]
  } catch {
    throw .unreadable(path: "a value to be written", reason: error.description)
  }
}
