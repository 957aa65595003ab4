internal import Glibc

/// A trainer that this process started: a child in a session and process group of its own.
///
/// It lives as long as the child is not reaped; then nothing is sent to its process id any more.
final class TrainerProcess: Attempt {
  private let number: pid_t
  let startedAt: String
  /// The end that only this process holds: when it goes away, the trainer reads the end of its standard input.
  private let stdin: Descriptor
  private var isReaped = false

  init(pid: pid_t, startedAt: String, stdin: consuming Descriptor) {
    number = pid
    self.startedAt = startedAt
    self.stdin = stdin
  }

  var pid: Int? { Int(number) }

  /// Children run on this machine.
  var place: String? { nil }

  func look() -> AttemptNews { reap().map(AttemptNews.ended) ?? .running }

  /// Sends TERM to the trainer.
  func terminate() { if !isReaped { Glibc.kill(number, SIGTERM) } }

  /// Sends KILL to the trainer and all that is in its process group.
  func kill() {
    guard !isReaped else { return }
    Glibc.kill(-number, SIGKILL)
    Glibc.kill(number, SIGKILL)
  }

  /// Reaps the child where it has ended; nil while it runs.
  private func reap() -> AttemptEnd? {
    guard !isReaped, let ending = hasEnded() else { return nil }
    guard ending == .zombie else {
      isReaped = true
      return AttemptEnd(words: "its end was seen by somebody else in this process")
    }
    // The unreaped child still owns its group's number, so this can hit nobody else: what a trainer leaves behind
    // would hold the run's lock.
    Glibc.kill(-number, SIGKILL)
    var status: Int32 = 0
    var usage = rusage()
    while wait4(number, &status, 0, &usage) < 0 {
      guard errno == EINTR else { break }
    }
    isReaped = true
    return AttemptEnd(status: status, usage: usage)
  }

  private enum Ending {
    case zombie
    case reapedElsewhere
  }

  private func hasEnded() -> Ending? {
    var facts = siginfo_t()
    let answer = waitid(P_PID, id_t(number), &facts, WEXITED | WNOHANG | WNOWAIT)
    if answer == 0 { return facts.si_signo == SIGCHLD ? .zombie : nil }
    // No such child means that somebody else in this process reaped it: its number may be another's by now.
    return errno == ECHILD ? .reapedElsewhere : nil
  }
}

extension AttemptEnd {
  init(status: Int32, usage: rusage) {
    let signal = status & 0x7f
    code = signal == 0 ? (status >> 8) & 0xff : nil
    self.signal = signal == 0 ? nil : signal
    peakMemoryBytes = Int(usage.ru_maxrss) * 1024
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    cpuSeconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }
}
