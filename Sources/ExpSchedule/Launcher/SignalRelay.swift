internal import Glibc
internal import Synchronization

/// Where the handlers write; -1 while nobody listens.
private let relayDescriptor = Atomic<Int32>(-1)

/// Whether a listener exists in this process.
private let relayIsTaken = Atomic<Bool>(false)

/// The handler: async-signal-safe, it only writes the signal's number into the pipe.
private func relaySignal(_ number: Int32) {
  let saved = errno
  let descriptor = relayDescriptor.load(ordering: .acquiring)
  if descriptor >= 0 {
    var byte = UInt8(truncatingIfNeeded: number)
    _ = write(descriptor, &byte, 1)
  }
  errno = saved
}

/// Turns signals into bytes of a pipe that a loop can wait for, while it is installed.
///
/// Handlers belong to the process, so one relay can listen at a time; a second one in the same process hears
/// nothing, and its owner must not wait for longer than it can do without.
final class SignalRelay {
  private let pipe: Pipe
  /// Whether signals wake `wait`.
  let isListening: Bool
  private var earlier: [(signal: Int32, action: sigaction)] = []

  /// Installs handlers for SIGCHLD and, where asked, for the signals that stop a sweep.
  init(stopSignals: Bool) throws(ScheduleError) {
    pipe = try Pipe()
    isListening =
      relayIsTaken.compareExchange(
        expected: false, desired: true, ordering: .acquiringAndReleasing
      ).exchanged
    for number in [pipe.readEnd.number, pipe.writeEnd.number] {
      guard fcntl(number, F_SETFL, O_NONBLOCK) == 0 else {
        throw .system(call: "fcntl", path: "a pipe", errno: errno)
      }
    }
    guard isListening else { return }
    relayDescriptor.store(pipe.writeEnd.number, ordering: .releasing)
    install([SIGCHLD] + (stopSignals ? [SIGINT, SIGTERM, SIGHUP] : []))
  }

  deinit {
    guard isListening else { return }
    for (signal, action) in earlier {
      var action = action
      sigaction(signal, &action, nil)
    }
    relayDescriptor.store(-1, ordering: .releasing)
    relayIsTaken.store(false, ordering: .releasing)
  }

  private func install(_ signals: [Int32]) {
    var heard = sigset_t()
    sigemptyset(&heard)
    for signal in signals { sigaddset(&heard, signal) }
    // Whoever started this program may have blocked them: threads of a dispatch pool do, and children inherit it.
    pthread_sigmask(SIG_UNBLOCK, &heard, nil)
    for signal in signals {
      var action = sigaction()
      var old = sigaction()
      action.__sigaction_handler.sa_handler = relaySignal
      action.sa_flags = SA_RESTART | (signal == SIGCHLD ? SA_NOCLDSTOP : 0)
      guard sigaction(signal, &action, &old) == 0 else { continue }
      earlier.append((signal, old))
    }
  }

  /// Waits until a signal comes or the time is over, and returns the stop signals that came.
  func wait(_ limit: Duration) -> [Int32] {
    let (seconds, attoseconds) = max(.zero, limit).components
    // Rounded up, so that a timer is due when the wait is over.
    let milliseconds =
      min(seconds, 3600) * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    var request = pollfd(fd: pipe.readEnd.number, events: Int16(POLLIN), revents: 0)
    poll(&request, 1, Int32(clamping: milliseconds))
    var bytes = [UInt8](repeating: 0, count: 256)
    var signals: [Int32] = []
    while true {
      let count = read(pipe.readEnd.number, &bytes, bytes.count)
      guard count > 0 else { break }
      signals += bytes[..<count].map(Int32.init).filter { $0 != SIGCHLD }
      if count < bytes.count { break }
    }
    return signals
  }
}
