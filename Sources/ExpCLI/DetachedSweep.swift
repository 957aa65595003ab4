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

  private var log: String { "\(paths.sweep(sweep))/detached.log" }

  /// Starts the background process and returns once it holds the sweep; where it ends before, its words are shown.
  func start() throws {
    try FileManager.default.createDirectory(
      atPath: paths.sweep(sweep), withIntermediateDirectories: true)
    let before = Date.now
    let pid = try spawn(DetachedSweep.arguments + [DetachedSweep.supervisorFlag])
    while true {
      var status: Int32 = 0
      if waitpid(pid, &status, WNOHANG) == pid {
        Terminal.message(words(since: before))
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
  func supervise() throws -> Never {
    for round in 0...DetachedSweep.restarts {
      let pid = try spawn(DetachedSweep.arguments)
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      guard status & 0x7f != 0 else { exit((status >> 8) & 0xff) }
      let more = round < DetachedSweep.restarts
      SweepMessages(of: sweep, paths).append(
        "the process that ran '\(sweep)' was ended by signal \(status & 0x7f)"
          + (more ? "; it is started again" : "; it is not started again"))
      if more { sleep(1 << UInt32(round)) }
    }
    exit(ExitStatus.failed.rawValue)
  }

  /// This command as it was typed, without what makes it a background process.
  private static var arguments: [String] {
    CommandLine.arguments.dropFirst().filter { $0 != "--detach" && $0 != supervisorFlag }
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

  /// What the log says since a moment ago.
  private func words(since start: Date) -> String {
    // try?: without a log there are no words.
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").suffix(20).joined(separator: "\n")
  }
}
