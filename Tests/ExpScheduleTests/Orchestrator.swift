import FoundationEssentials
import Glibc
import Testing

/// A sweep in a process of its own, so that a test can kill its orchestrator: this test program, started again with
/// only the test that plays the orchestrator.
struct Orchestrator {
  static let variable = "EXP_SCHEDULE_TEST_ORCHESTRATOR"
  static let jobsVariable = "EXP_SCHEDULE_TEST_JOBS"

  /// The bench's folder, where this process is to play the orchestrator.
  static var folder: String? {
    getenv(variable).map { String(cString: $0) }
  }

  let pid: pid_t

  /// Whether this process is to run the first job alone.
  static var hasOneJob: Bool {
    getenv(jobsVariable).map { String(cString: $0) == "one" } ?? false
  }

  /// Starts `OrchestratorTests.orchestrator` in another process, with all jobs or with `one`.
  init(_ folder: String, jobs: String = "all") throws {
    var arguments = [CommandLine.arguments[0], "--testing-library", "swift-testing"]
    if let bundle = CommandLine.arguments.firstIndex(of: "--test-bundle-path") {
      arguments += CommandLine.arguments[bundle...].prefix(2)
    }
    arguments += ["--filter", "OrchestratorTests/orchestrator"]
    let environment = [
      "PATH=/usr/bin:/bin", "\(Orchestrator.variable)=\(folder)",
      "\(Orchestrator.jobsVariable)=\(jobs)",
    ]
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for target in [Int32(1), 2] {
      posix_spawn_file_actions_addopen(
        &actions, target, "\(folder)/orchestrator.log", O_WRONLY | O_CREAT | O_APPEND, 0o644)
    }
    var pid: pid_t = 0
    let cArguments = arguments.map { strdup($0) } + [nil]
    let cEnvironment = environment.map { strdup($0) } + [nil]
    defer { for text in cArguments + cEnvironment { free(text) } }
    let code = posix_spawn(&pid, program, &actions, nil, cArguments, cEnvironment)
    try #require(code == 0)
    self.pid = pid
  }

  /// Kills it at once and waits for its end.
  func killNow() {
    kill(pid, SIGKILL)
    wait()
  }

  /// Waits for its end and returns its status.
  @discardableResult
  func wait() -> Int32 {
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return status
  }
}
