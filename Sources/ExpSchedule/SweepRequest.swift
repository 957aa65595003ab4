public import ExpCore
internal import FoundationEssentials
internal import Glibc
public import TrainerProtocol

/// What another process asks of the one that runs a sweep.
///
/// A file in the sweep's folder, so that it reaches an orchestrator on another host too, and so that a request to one
/// that dies is not obeyed by the next: a new owner clears them away.
public enum SweepRequest: Sendable, Hashable {
  /// Stop: gently, so that it can go on, or at once.
  case stop(Scheduler.Stop)
  /// Run these again, though they failed.
  case retry([RunID])

  private struct File: Codable {
    var request: String
    var runs: [RunID]?
  }

  private static let names = ["stop", "stop_now", "retry"]

  private static func folder(_ sweepFolder: String) -> String { "\(sweepFolder)/requests" }

  /// Leaves a request for whoever runs a sweep.
  ///
  /// - Returns: the path of the file, which is gone once the request was taken.
  @discardableResult
  public func leave(for sweep: String, paths: RunPaths) throws(ScheduleError) -> String {
    let folder = SweepRequest.folder(paths.sweep(sweep))
    let file =
      switch self {
      case .stop(.gently): File(request: "stop")
      case .stop(.now): File(request: "stop_now")
      case .retry(let runs): File(request: "retry", runs: runs)
      }
    try SmallFile.makeFolder(folder)
    // Named by time, so that they are taken in order as far as clocks of several hosts agree.
    let name = "\(utcNow())-\(UUID().uuidString.prefix(8)).json"
    try SmallFile.write(try jsonLine(file), to: "\(folder)/\(name)", in: folder)
    return "\(folder)/\(name)"
  }

  /// Takes what was asked since, the oldest first; what is no request is taken away too.
  static func take(from sweepFolder: String) -> [SweepRequest] {
    let folder = folder(sweepFolder)
    guard access(folder, F_OK) == 0 else { return [] }
    // try?: what cannot be listed or read now is found at the next look.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasSuffix(".json") }.sorted().compactMap { name in
      let path = "\(folder)/\(name)"
      // try?: as above.
      guard let bytes = try? SmallFile.read(path, limit: 64 << 20) else { return nil }
      unlink(path)
      // try?: what is no request is passed over.
      guard let file = try? JSONDecoder().decode(File.self, from: Data(bytes)) else { return nil }
      switch file.request {
      case "stop": return .stop(.gently)
      case "stop_now": return .stop(.now)
      case "retry": return .retry(file.runs ?? [])
      default: return nil
      }
    }
  }
}

/// `progress.json`: how far a sweep is, as the process that runs it last wrote it.
public enum SweepProgressFile {
  /// Where it lies.
  public static func path(of sweep: String, paths: RunPaths) -> String {
    "\(paths.sweep(sweep))/progress.json"
  }

  /// Returns what was last written; nil where nothing whole was.
  public static func read(_ sweep: String, paths: RunPaths) -> SweepSnapshot? {
    // try?: a file that is not there or not whole says nothing.
    guard let bytes = try? SmallFile.read(path(of: sweep, paths: paths), limit: 64 << 20) else {
      return nil
    }
    return try? JSONDecoder().decode(SweepSnapshot.self, from: Data(bytes))  // try?: as above
  }

  /// Replaces it, without waiting for the disk: it is worth nothing after a power cut.
  static func write(_ snapshot: SweepSnapshot, in folder: String) {
    let path = "\(folder)/progress.json"
    // try?: a progress that cannot be written stops no work.
    guard let bytes = try? JSONEncoder().encode(snapshot),
      let file = try? Descriptor(opening: path + ".tmp", O_WRONLY | O_CREAT | O_TRUNC),
      (try? file.write(Array(bytes) + [0x0a], path: path)) != nil
    else { return }
    rename(path + ".tmp", path)
  }
}
