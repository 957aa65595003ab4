internal import ArgumentParser
internal import ExpSchedule
internal import Foundation
internal import Glibc
internal import TrainerProtocol

/// `exp sweep --detach`: the same sweep in a background process that outlives the terminal, watched over by another.
struct DetachedSweep {
  /// The hidden option by which the background process knows what it is.
  static let supervisorFlag = "--supervised"
  /// A sweep that dies more often than this within its life is left alone.
  private static let restarts = 5

  let sweep: String
  let paths: RunPaths
  /// The command that is run in the background: this one, without what makes it that.
  private let arguments = CommandLine.arguments.dropFirst().filter {
    $0 != "--detach" && $0 != DetachedSweep.supervisorFlag
  }

  init(sweep: String, paths: RunPaths) {
    self.sweep = sweep
    self.paths = paths
  }

  private var log: String { "\(paths.sweep(sweep))/detached.log" }

  /// Starts the background process and returns once it holds the sweep; where it ends before, its words are shown.
  func start() throws {
    try FileManager.default.createDirectory(
      atPath: paths.sweep(sweep), withIntermediateDirectories: true)
    let logStart = size(of: log)
    let pid = try spawn(arguments + [DetachedSweep.supervisorFlag])
    while true {
      var status: Int32 = 0
      if waitpid(pid, &status, WNOHANG) == pid {
        Terminal.message(words(from: logStart))
        let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 1
        throw ExitCode(code)
      }
      if let holder = try SweepLock.holder(of: sweep, paths: paths), isOurs(holder.pid, pid) {
        break
      }
      usleep(20_000)
    }
    Terminal.message(
      """
      '\(sweep)' runs in the background
      look: exp status \(sweep) · exp status \(sweep) --follow · exp stop \(sweep)
      """)
  }

  /// Whether a process is the supervised one: the child of what was started here.
  private func isOurs(_ pid: Int, _ supervisor: pid_t) -> Bool {
    // try?: a process that is gone is nobody's child.
    let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
    let words = stat.split(separator: ")").last?.split(separator: " ") ?? []
    return words.count > 1 && words[1] == "\(supervisor)"
  }

  /// Runs the sweep in a child, and again where a signal ended that, until it ends by itself; leaves with its code.
  ///
  /// Who asks to stop while nobody runs the sweep between two starts is heard too.
  func supervise() throws -> Never {
    StopMark.remove(of: sweep, paths)
    for round in 0...DetachedSweep.restarts {
      let pid = try spawn(arguments)
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      guard status & 0x7f != 0 else { exit((status >> 8) & 0xff) }
      let more = round < DetachedSweep.restarts
      SweepMessages(of: sweep, paths).append(
        "the process that ran '\(sweep)' was ended by signal \(status & 0x7f)"
          + (more ? "; it is started again" : "; it is not started again"))
      guard more else { break }
      for _ in 0..<(10 << round) {
        if StopMark.isThere(of: sweep, paths) { exit(ExitStatus.canGoOn.rawValue) }
        usleep(100_000)
      }
    }
    exit(ExitStatus.failed.rawValue)
  }

  /// Starts this program anew in a session of its own, its output at the end of the log.
  private func spawn(_ arguments: [String]) throws -> pid_t {
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    do {
      return try BackgroundProgram(path: program, arguments: arguments, log: log).start()
    } catch {
      throw Failure("the background process cannot be started: \(error)")
    }
  }

  private func size(of path: String) -> Int {
    var facts = stat()
    return stat(path, &facts) == 0 ? Int(facts.st_size) : 0
  }

  /// What the log says behind an offset.
  private func words(from offset: Int) -> String {
    // try?: without a log there are no words.
    let data = (try? Data(contentsOf: URL(filePath: log))) ?? Data()
    let text = String(decoding: data.dropFirst(offset), as: UTF8.self)
    return text.split(separator: "\n").suffix(20).joined(separator: "\n")
  }
}

/// `stop-asked` in a sweep's folder: somebody wants it to stop, whoever runs it or is about to.
enum StopMark {
  private static func path(_ sweep: String, _ paths: RunPaths) -> String {
    "\(paths.sweep(sweep))/stop-asked"
  }

  /// Sets the mark; what watches over a background sweep does not start it again.
  static func set(for sweep: String, _ paths: RunPaths) throws {
    try Data().write(to: URL(filePath: path(sweep, paths)))
  }

  /// Takes the mark away: the sweep is wanted again.
  static func remove(of sweep: String, _ paths: RunPaths) { unlink(path(sweep, paths)) }

  /// Whether the mark is there.
  static func isThere(of sweep: String, _ paths: RunPaths) -> Bool {
    access(path(sweep, paths), F_OK) == 0
  }
}
