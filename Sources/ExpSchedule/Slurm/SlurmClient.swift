internal import CLinuxProcess
internal import Glibc

/// Calls Slurm's commands, each with a limit of time.
package struct SlurmClient: Sendable {
  /// What a command left behind.
  package struct Answer: Sendable, Hashable {
    /// Its exit status; nil where a signal or the limit ended it.
    package var status: Int32?
    package var output: String
    package var errors: String

    /// Makes an answer.
    package init(status: Int32?, output: String, errors: String) {
      self.status = status
      self.output = output
      self.errors = errors
    }

    /// The last line that says what is wrong, for people.
    var complaint: String {
      guard status != nil else { return "it did not answer in time" }
      let lines = (errors.isEmpty ? output : errors).split(separator: "\n")
      return lines.last.map(String.init) ?? "it left with \(status ?? -1) and said nothing"
    }
  }

  /// The environment, which says where Slurm's configuration and programs are.
  let environment: [String: String]

  /// Runs a command to its end and returns what it said.
  ///
  /// - Throws: `ScheduleError.slurmMissing` where there is no such program.
  func call(_ words: [String], limit: Duration) throws(ScheduleError) -> Answer {
    let name = words.first ?? ""
    let program: String
    do throws(ScheduleError) {
      program = try TrainerProgram.find([name], environment: environment)
    } catch {
      throw .slurmMissing(program: name)
    }
    let child = ChildProgram(
      path: program, arguments: Array(words.dropFirst()),
      environment: environment.map { "\($0.key)=\($0.value)" }, cores: [])
    let nothing = try Descriptor(opening: "/dev/null", O_RDWR)
    let output = try SlurmClient.scratch()
    let errors = try SlurmClient.scratch()
    let pid = try child.spawn(
      standardInput: nothing, standardOutput: output, standardError: errors, further: nothing,
      nothing)
    let status = SlurmClient.wait(for: pid, limit: limit)
    return Answer(
      status: status, output: SlurmClient.text(output), errors: SlurmClient.text(errors))
  }

  /// Makes a file in memory that nobody else can name.
  private static func scratch() throws(ScheduleError) -> Descriptor {
    let number = memfd_create("slurm", 1)
    guard number >= 0 else {
      throw .system(call: "memfd_create", path: "an answer of Slurm", errno: errno)
    }
    return Descriptor(owning: number)
  }

  private static func text(_ file: borrowing Descriptor) -> String {
    String(decoding: file.read(at: 0, limit: file.size), as: UTF8.self)
  }

  /// Waits for a child, kills it when the time is over, and reaps it.
  private static func wait(for pid: pid_t, limit: Duration) -> Int32? {
    let end = monotonicNow() + limit
    var pause: UInt32 = 1_000
    var status: Int32 = 0
    while true {
      let answer = waitpid(pid, &status, WNOHANG)
      if answer == pid { return status & 0x7f == 0 ? (status >> 8) & 0xff : nil }
      if answer < 0, errno != EINTR { return nil }
      if monotonicNow() >= end {
        kill(-pid, SIGKILL)
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return nil
      }
      usleep(pause)
      pause = min(20_000, pause * 2)
    }
  }
}

// MARK: - What is asked of Slurm

extension SlurmClient {
  /// How a submission went.
  package enum Submission: Sendable, Hashable {
    /// It is in the queue under this number.
    case taken(job: Int)
    /// Slurm does not answer, or may have taken it without our hearing of it.
    case unsure(String)
    /// A limit on what one user may submit is reached.
    case limited(String)
    /// It will not take this, now or later.
    case refused(String)
  }

  /// Asks how the site is configured.
  func site() throws(ScheduleError) -> SlurmSite {
    let answer = try call(["scontrol", "show", "config"], limit: .seconds(30))
    guard answer.status == 0 else {
      throw .slurm(command: "scontrol show config", reason: answer.complaint)
    }
    return SlurmSite(config: answer.output)
  }

  /// Asks for all array tasks of this user that the controller remembers.
  ///
  /// - Throws: `ScheduleError` where it does not answer, or in another form; that says nothing about any task.
  func queue() throws(ScheduleError) -> [SlurmQueueEntry] {
    let answer = try call(
      [
        "squeue", "--user=\(getuid())", "--array", "--states=all", "--noheader",
        "--format=\(SlurmQueue.format)",
      ],
      limit: .seconds(60))
    guard answer.status == 0 else {
      throw .slurm(command: "squeue", reason: answer.complaint)
    }
    guard let entries = SlurmQueue.parse(answer.output) else {
      throw .slurm(command: "squeue", reason: "its answer is not in the form that was asked for")
    }
    return entries
  }

  /// Submits a script.
  func submit(script: String) throws(ScheduleError) -> Submission {
    let answer = try call(["sbatch", "--parsable", script], limit: .seconds(60))
    guard answer.status != nil else { return .unsure(answer.complaint) }
    guard answer.status == 0 else { return SlurmClient.refusal(answer) }
    // "12" or, where there are several clusters, "12;name"; a plugin may have written lines before.
    let last = answer.output.split(separator: "\n").last ?? ""
    guard let job = last.split(separator: ";").first.flatMap({ Int($0) }) else {
      return .unsure("its answer is no job id: '\(last)'")
    }
    return .taken(job: job)
  }

  /// Sorts the reasons why `sbatch` took nothing.
  package static func refusal(_ answer: Answer) -> Submission {
    let words = answer.complaint
    let text = answer.errors.lowercased()
    let passing = [
      "unable to contact", "connection refused", "timed out", "temporarily", "zero bytes",
      "communication", "try again", "in standby", "not responding", "connection reset",
    ]
    if passing.contains(where: { text.contains($0) }) { return .unsure(words) }
    let limits = [
      "submitjoblimit", "submitlimit", "submit limit", "maxsubmit", "maximum number of jobs",
    ]
    if limits.contains(where: { text.contains($0) || text.contains($0.replacing(" ", with: "")) }) {
      return .limited(words)
    }
    return .refused(words)
  }

  /// Asks the accounting how tasks ended; nothing where it does not answer.
  func accounting(_ jobs: [Int]) -> [SlurmTaskID: (state: String, node: String)] {
    let list = jobs.map(String.init).joined(separator: ",")
    // try?: without an answer the files alone tell.
    let answer = try? call(
      [
        "sacct", "--jobs=\(list)", "--array", "--allocations", "--noheader", "--parsable2",
        "--format=\(SlurmQueue.accountingColumns)",
      ], limit: .seconds(30))
    guard let answer, answer.status == 0 else { return [:] }
    return SlurmQueue.parseAccounting(answer.output)
  }

  /// Tells tasks to leave, in the way that the options say, and returns whether Slurm took it.
  func cancel(_ tasks: [SlurmTaskID], _ options: [String]) -> Bool {
    var isTaken = true
    for start in stride(from: 0, to: tasks.count, by: 200) {
      let names = tasks[start..<min(start + 200, tasks.count)].map(\.description)
      // try?: what was not told is told again.
      let answer = try? call(["scancel", "--quiet"] + options + names, limit: .seconds(60))
      isTaken = isTaken && answer?.status == 0
    }
    return isTaken
  }

  /// Lets more tasks of an array run at one time; a refusal leaves it as it is.
  func setThrottle(_ job: Int, _ count: Int) -> Bool {
    // try?: it is tried again at the next look.
    let answer = try? call(
      ["scontrol", "update", "jobid=\(job)", "arraytaskthrottle=\(count)"], limit: .seconds(30))
    return answer?.status == 0
  }
}
