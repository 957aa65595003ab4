internal import Glibc
internal import Synchronization

/// Thrown between two pieces of work once somebody asked the trainer to leave; whoever throws it leaves the state as it
/// was at the end of the last step.
package struct StopRequested: Error {
  /// Makes it.
  package init() {}
}

/// The process's wish to leave: a signal came, or the parent is gone.
package enum StopSignal {
  private static let reason = Atomic<Int32>(0)
  private static let parentVanished: Int32 = -1

  /// Whether the trainer should checkpoint and leave.
  package static var isRequested: Bool { reason.load(ordering: .relaxed) != 0 }

  /// Why, in words; nil while nobody asked.
  package static var words: String? {
    switch reason.load(ordering: .relaxed) {
    case 0: nil
    case parentVanished: "the parent process is gone"
    case let signal: "asked to stop by signal \(signal)"
    }
  }

  /// Makes TERM, INT and HUP ask for a stop.
  package static func catchSignals() {
    // The handler may touch an atomic that exists, but not make one.
    _ = isRequested
    for number in [SIGTERM, SIGINT, SIGHUP] {
      signal(number) { number in StopSignal.reason.store(number, ordering: .relaxed) }
    }
    signal(SIGPIPE, SIG_IGN)
  }

  /// Whether standard input is a pipe, as an orchestrator gives it.
  package static var isStartedThroughPipe: Bool {
    var facts = stat()
    return fstat(STDIN_FILENO, &facts) == 0 && facts.st_mode & S_IFMT == S_IFIFO
  }

  /// Makes the end of standard input ask for a stop, where standard input is a pipe.
  ///
  /// The parent's end of the pipe closes however it dies; a parent-death signal would also come when only one of its
  /// threads ends. Started by hand, standard input is a terminal or empty, and its end means nothing.
  package static func watchParent() {
    guard isStartedThroughPipe else { return }
    // A thread of its own, since the read blocks for as long as the parent lives and the work is not asynchronous.
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { _ in
        var byte: UInt8 = 0
        while true {
          let count = read(STDIN_FILENO, &byte, 1)
          if count == 0 || (count < 0 && errno != EINTR) { break }
        }
        StopSignal.reason.store(StopSignal.parentVanished, ordering: .relaxed)
        return nil
      }, nil)
    pthread_detach(thread)
  }
}
