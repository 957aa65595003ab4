internal import ExpCore

/// A task of an array.
package struct SlurmTaskID: Sendable, Hashable, CustomStringConvertible {
  /// Slurm's number of the array.
  package var job: Int
  /// The index in the array.
  package var index: Int

  /// Names a task.
  package init(job: Int, index: Int) {
    self.job = job
    self.index = index
  }

  /// As Slurm writes it.
  package var description: String { "\(job)_\(index)" }
}

/// A line of `squeue`.
package struct SlurmQueueEntry: Sendable, Hashable {
  /// What a state of Slurm means for a run.
  package enum Phase: Sendable, Hashable {
    /// It waits for a node, or for being started again.
    case waiting
    /// A node has it.
    case running
    /// It is over.
    case over
  }

  /// The task.
  package var task: SlurmTaskID
  /// The job's name.
  package var name: String
  /// Slurm's state, such as `PENDING`.
  package var state: String
  /// The node; empty while it has none.
  package var node: String
  /// Slurm's reason for the state.
  package var reason: String

  /// What the state means.
  package var phase: Phase { SlurmQueueEntry.phase(of: state) }

  /// Sorts a state of Slurm.
  static func phase(of state: String) -> Phase {
    switch state {
    // A requeued task waits; one that is suspended or stopped keeps its node and goes on there.
    case "PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD":
      .waiting
    case "RUNNING", "CONFIGURING", "COMPLETING", "SIGNALING", "STAGE_OUT", "STOPPED", "SUSPENDED",
      "RESIZING":
      .running
    case "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY",
      "DEADLINE", "PREEMPTED", "REVOKED":
      .over
    // A state that a later version adds is watched until it leaves.
    default: .running
    }
  }
}

/// What `squeue` and `sacct` answer, as values.
package enum SlurmQueue {
  /// The format asked of `squeue`: the name is last, for only it may hold the separator.
  static let format = "%F|%K|%T|%N|%r|%j"
  /// The columns asked of `sacct`.
  static let accountingColumns = "JobID,State,NodeList,ExitCode"

  /// Reads the answer of `squeue`; nil where there are lines and none has the format.
  ///
  /// Jobs that are no arrays, and tasks that were cancelled before they had a line of their own, have no index and are
  /// left out. So are lines that a job's name with a line break makes.
  package static func parse(_ text: String) -> [SlurmQueueEntry]? {
    var entries: [SlurmQueueEntry] = []
    var isOfFormat = text.allSatisfy(\.isWhitespace)
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: "|", maxSplits: 5, omittingEmptySubsequences: false)
      guard fields.count == 6, let job = Int(fields[0]) else { continue }
      isOfFormat = true
      guard let index = Int(fields[1]) else { continue }
      entries.append(
        SlurmQueueEntry(
          task: SlurmTaskID(job: job, index: index), name: String(fields[5]),
          state: String(fields[2]), node: String(fields[3]), reason: String(fields[4])))
    }
    return isOfFormat ? entries : nil
  }

  /// Reads the answer of `sacct --parsable2`: how tasks ended, in words.
  package static func parseAccounting(_ text: String) -> [SlurmTaskID: (
    state: String, node: String
  )] {
    var found: [SlurmTaskID: (state: String, node: String)] = [:]
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: "|", omittingEmptySubsequences: false)
      guard fields.count >= 3, let task = task(fields[0]) else { continue }
      // "CANCELLED by 1000" says who; the first word is the state.
      found[task] = (String(fields[1]), String(fields[2]))
    }
    return found
  }

  /// Reads `12_3`; nil for a step such as `12_3.batch`, or for anything else.
  static func task(_ text: some StringProtocol) -> SlurmTaskID? {
    let parts = text.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 2, let job = Int(parts[0]), let index = Int(parts[1]) else { return nil }
    return SlurmTaskID(job: job, index: index)
  }
}

/// What a site has configured.
public struct SlurmSite: Sendable, Hashable {
  /// The version of the controller.
  public var version: String
  /// The number that indices of arrays stay below.
  public var maxArraySize: Int
  /// Whether ended jobs can be asked for with `sacct`.
  public var hasAccounting: Bool

  /// Asks the cluster that an environment leads to.
  ///
  /// - Throws: `ScheduleError` where there is none, or where it does not answer.
  public static func ask(environment: [String: String]) throws(ScheduleError) -> SlurmSite {
    try SlurmClient(environment: environment).site()
  }

  /// Reads the answer of `scontrol show config`.
  package init(config: String) {
    var values: [Substring: Substring] = [:]
    for line in config.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      guard parts.count == 2 else { continue }
      values[parts[0].trimmed] = parts[1].trimmed
    }
    version = String(values["SLURM_VERSION", default: "unknown"])
    maxArraySize = values["MaxArraySize"].flatMap { Int($0) } ?? 1001
    let storage = values["AccountingStorageType", default: ""]
    hasAccounting = !storage.isEmpty && !storage.hasSuffix("/none") && storage != "(null)"
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var text = self.drop { $0 == " " || $0 == "\t" }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return text
  }
}
