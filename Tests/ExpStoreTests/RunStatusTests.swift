import ExpCore
import ExpStore
import Foundation
import TestSupport
import Testing
import TrainerProtocol

@Suite("The state of a run, told from its files")
struct RunStatusTests {
  private let id = RunMaker.id(1)

  private func state(_ prepare: (RunMaker, RunFolder) throws -> Void) throws -> RunState {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let run = try maker.start(id)
      try prepare(maker, run)
      return RunStatus.read(run).state
    }
  }

  @Test("a run that never began is pending")
  func pending() throws {
    #expect(try state { _, _ in } == .pending)
    #expect(RunStatus.read(RunFolder(path: "/nonexistent")).state == .pending)
  }

  @Test("succeeded needs the final record and exit status 0")
  func succeeded() throws {
    #expect(
      try state { maker, _ in
        try maker.finish(id)
        try maker.end(id, .succeeded, exit: 0)
      } == .succeeded)
    #expect(try state { maker, _ in try maker.end(id, .succeeded, exit: 0) } == .failed)
    #expect(
      try state { maker, _ in
        try maker.finish(id)
        try maker.end(id, .failed, exit: 1)
      } == .failed)
  }

  @Test("a result that nobody recorded counts")
  func unrecorded() throws {
    #expect(try state { maker, _ in try maker.finish(id) } == .succeeded)
    // The first attempt was recorded as failed; the second finished while the scheduler was dead.
    #expect(
      try state { maker, run in
        try maker.append([RunMaker.attempt(1, pid: 7)], to: run)
        try maker.end(id, .failed, exit: 1, pid: 7)
        try maker.append([RunMaker.attempt(2, pid: 8, second: 40)], to: run)
        try maker.finish(id)
      } == .succeeded)
  }

  @Test(
    "a result that is cut off, of another run or no object does not count",
    arguments: ["", "{", "[]", "{\"schema\": 1}", "null"])
  func invalidResult(_ text: String) throws {
    #expect(try state { maker, run in try maker.write(text, run.result) } == .pending)
  }

  @Test("the result of another run does not count")
  func foreignResult() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let run = try maker.start(id)
      try maker.start(RunMaker.id(2))
      try maker.finish(RunMaker.id(2))
      try FileManager.default.copyItem(
        atPath: maker.paths.run(RunMaker.id(2)).result, toPath: run.result)
      let status = RunStatus.read(run)
      #expect(status.state == .pending)
      #expect(status.problems.count == 1)
    }
  }

  @Test("a held lock means running, and reading leaves it as it was")
  func running() throws {
    try withTemporaryFolder { folder in
      let run = try RunMaker(folder).start(id)
      let lock = HeldLock(run.lock)
      #expect(RunStatus.read(run).state == .running)
      #expect(RunStatus.read(run).state == .running)
      withExtendedLifetime(lock) {}
    }
  }

  @Test("a lock that nobody holds means nothing")
  func freeLock() throws {
    #expect(try state { maker, run in try maker.write("", run.lock) } == .pending)
  }

  @Test("the last attempt decides", arguments: [RunState.failed, .timedOut, .cancelled, .lost])
  func lastAttempt(_ outcome: RunState) throws {
    #expect(
      try state { maker, _ in
        try maker.end(id, .cancelled, exit: 75)
        try maker.end(id, outcome, exit: 1)
      } == outcome)
  }

  @Test("without a record the trainer's own end decides")
  func ownEnd() throws {
    for (status, expected) in [
      (TrainEvent.EndStatus.failed, RunState.failed), (.stopped, .pending), (.succeeded, .pending),
    ] {
      let told = try state { maker, run in
        try maker.append(
          [RunMaker.attempt(1), .end(step: 1, seconds: 1, status: status, reason: "r")], to: run)
      }
      #expect(told == expected)
    }
  }

  @Test("a cut-off or broken line of attempts is reported and passed over")
  func brokenAttempts() throws {
    try withTemporaryFolder { folder in
      let maker = RunMaker(folder)
      let run = try maker.start(id)
      try maker.append("not json\n", run.attempts)
      try maker.end(id, .timedOut, exit: nil)
      try maker.append("{\"outcome\":\"succ", run.attempts)
      let status = RunStatus.read(run)
      #expect(status.state == .timedOut)
      #expect(status.attempts.count == 1)
      #expect(status.problems.count == 1)
    }
  }
}
