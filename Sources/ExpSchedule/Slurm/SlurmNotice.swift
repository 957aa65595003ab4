/// Whether a task of the queue is to leave, and what of that it has been told.
///
/// A node takes a second TERM for a wish that its trainer leave at once, so a task is told once. One that starts or goes
/// back to the queue is told again, because what was sent to its earlier state did not reach it, or is forgotten.
package struct SlurmNotice: Sendable, Hashable {
  /// How firmly a task is to leave.
  package enum Wish: Int, Sendable, Comparable {
    case none, leave, die

    package static func < (left: Wish, right: Wish) -> Bool { left.rawValue < right.rawValue }
  }

  /// A way to tell a task.
  package enum Call: Sendable, Hashable, CaseIterable {
    /// Take it out of the queue, unless it has started.
    case dequeue
    /// End it, whatever its state is.
    case cancel
    /// Have its node save and leave.
    case terminate
    /// Kill all its processes, and end it.
    case kill
  }

  /// States in which a task waits until somebody lets it go; `scancel --state=PENDING` passes over it.
  private static let holds: Set<String> = ["REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"]

  /// Slurm's last word on the task; empty where it has not been seen.
  package private(set) var state: String
  package var wish: Wish
  private var sent = Wish.none

  /// Makes a notice of a task that has been told nothing.
  package init(state: String = "", wish: Wish = .none) {
    self.state = state
    self.wish = wish
  }

  /// Takes in what Slurm says of the task.
  package mutating func take(_ state: String) {
    let (old, new) = (SlurmQueueEntry.phase(of: self.state), SlurmQueueEntry.phase(of: state))
    switch state {
    // It begins, or begins anew; signals do not reach it yet.
    case "CONFIGURING": sent = .none
    case "RUNNING" where old == .waiting: sent = .none
    default: if new == .waiting, state != self.state { sent = .none }
    }
    self.state = state
  }

  /// How to tell it now what it has not been told; nil where there is nothing, or where its state does not allow it yet.
  package var call: Call? {
    guard wish > sent else { return nil }
    let waits = SlurmQueueEntry.phase(of: state) == .waiting
    if wish == .die { return waits ? .cancel : .kill }
    switch state {
    case "PENDING": return .dequeue
    case "RUNNING": return .terminate
    default: return SlurmNotice.holds.contains(state) ? .cancel : nil
    }
  }

  /// Slurm has taken what `call` says.
  package mutating func wasTold() { sent = wish }
}

extension SlurmClient {
  /// Tells tasks in one way, and returns whether Slurm took it.
  func tell(_ tasks: [SlurmTaskID], _ call: SlurmNotice.Call) -> Bool {
    switch call {
    case .dequeue: cancel(tasks, ["--state=PENDING"])
    case .cancel: cancel(tasks, [])
    case .terminate: cancel(tasks, ["--state=RUNNING", "--batch", "--signal=TERM"])
    case .kill: cancel(tasks, ["--full", "--signal=KILL"]) && cancel(tasks, [])
    }
  }
}
