import ExpCore
import ExpSchedule
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import TrainerProtocol

@Suite("The scheduler's files")
struct FilesTests {
  @Test("a sweep has one owner, who is named to the second, and is free when the owner is gone")
  func sweepLock() throws {
    try withTemporaryFolder { folder throws in
      let paths = RunPaths(root: folder)
      #expect(try SweepLock.isHeld("law", paths: paths) == false)
      do {
        let lock = try SweepLock(name: "law", paths: paths)
        let seen = try SweepLock.holder(of: "law", paths: paths)
        #expect(seen?.pid == Int(getpid()))
        #expect(throws: ScheduleError.sweepHeld(name: "law", holder: seen)) {
          _ = try SweepLock(name: "law", paths: paths)
        }
        withExtendedLifetime(lock) {}
      }
      #expect(try SweepLock.isHeld("law", paths: paths) == false)
      _ = try SweepLock(name: "law", paths: paths)
    }
  }

  @Test("a sweep's name cannot leave its folder", arguments: ["", "..", "a/b", ".x", "a\0b"])
  func badNames(name: String) {
    #expect(throws: ScheduleError.badSweepName(name)) {
      _ = try SweepLock(name: name, paths: RunPaths(root: "/nowhere"))
    }
  }

  @Test(
    "a tail gives whole lines as they come, passes over what is no event, and survives a healed file"
  )
  func tail() throws {
    try withTemporaryFolder { folder throws in
      let path = "\(folder)/events.jsonl"
      func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }
      func line(_ step: Int) -> String {
        #"{"event":"metrics","step":\#(step),"seconds":1,"values":{"x":1}}"# + "\n"
      }
      var tail = EventTail(path: path)
      func steps() -> [Int] {
        var steps: [Int] = []
        var isAtEnd = false
        while !isAtEnd {
          isAtEnd = tail.read { if case .metrics(let step, _, _) = $0 { steps.append(step) } }
        }
        return steps
      }
      #expect(steps() == [])
      try write(line(1) + "nonsense\n\n" + line(2) + #"{"event":"metr"#)
      #expect(steps() == [1, 2])
      #expect(steps() == [])
      var second = EventTail(path: path)
      try write(line(1) + "nonsense\n\n" + line(2) + line(3))
      #expect(steps() == [3])
      var seen = 0
      while !second.read({ _ in seen += 1 }) {}
      #expect(seen == 1)
      let long = String(repeating: "x", count: 3 * EventTail.chunk) + "\n"
      try write(line(1) + "nonsense\n\n" + line(2) + line(3) + long + line(4))
      #expect(steps() == [4])
    }
  }

  @Test("an attempt whose parent died is written down once, as its last event tells")
  func orphans() throws {
    try withTemporaryFolder { path throws in
      let folder = RunFolder(path: path)
      let attempt = """
        {"event":"attempt","number":1,"resume_step":0,"total_steps":9,"pid":7,"host":"h",
        "started_at":"2020-01-01T00:00:00Z","source_fingerprint":"\(ContentHash(of: "").hex)",
        "compute":{"blas_core_type":"","kernel_set":"generic","threads":1},"blas":"b"}
        """.replacing("\n", with: "")
      func adopt(_ rest: String) throws -> [AttemptRecord] {
        try Data((attempt + "\n" + rest).utf8).write(to: URL(filePath: folder.events))
        unlink(folder.attempts)
        try AttemptLog.adoptOrphan(folder)
        try AttemptLog.adoptOrphan(folder)
        return try AttemptLog.read(folder)
      }
      func end(_ status: String) -> String {
        #"{"event":"end","step":3,"seconds":1,"status":"\#(status)","reason":"why"}"# + "\n"
      }
      #expect(try adopt("").map(\.outcome) == [.lost])
      #expect(try adopt(end("stopped")).map(\.outcome) == [.cancelled])
      let failed = try adopt(end("failed"))
      #expect(failed.map(\.outcome) == [.failed])
      #expect(
        failed[0].reason
          == "why (its end was not seen: the process that started it was gone)")
      #expect(failed[0].pid == 7)
    }
  }

  @Test("an attempt with the process id of an earlier one is told from it")
  func recurringProcessID() throws {
    try withTemporaryFolder { path throws in
      let folder = RunFolder(path: path)
      func begin(_ number: Int) throws {
        let compute = RunRequest.Compute(blasCoreType: "", kernelSet: "generic", threads: 1)
        let attempt = TrainEvent.attempt(
          .init(
            number: number, resumeStep: 0, totalSteps: 9, pid: 7, host: "h",
            startedAt: "2020-01-01T00:00:00Z", sourceFingerprint: ContentHash(of: ""),
            binarySHA256: nil, compute: compute, blas: "b"))
        let line = try JSONValue(encoding: attempt).canonicalJSON + "\n"
        // try?: before the first attempt there is no such file.
        let before = (try? Data(contentsOf: URL(filePath: folder.events))) ?? Data()
        try (before + Data(line.utf8)).write(to: URL(filePath: folder.events))
      }
      for number in 1...3 {
        try begin(number)
        try AttemptLog.adoptOrphan(folder)
        try AttemptLog.adoptOrphan(folder)
        #expect(try AttemptLog.read(folder).count == number)
      }
    }
  }

  @Test(
    "a last line of the attempts that was cut off is no record, and makes room for the next one",
    arguments: [#"{"pid":3,"#, "\0\0\0", "x", #"{"pid":3,"started_at":"a","outcome":"lost"}"#])
  func tornAttempts(tail: String) throws {
    try withTemporaryFolder { path throws in
      let folder = RunFolder(path: path)
      let records = [4, 5].map {
        AttemptRecord(pid: $0, startedAt: "a", endedAt: "b", outcome: .failed)
      }
      try AttemptLog.append(records[0], to: folder)
      let whole = try Data(contentsOf: URL(filePath: folder.attempts))
      try (whole + Data(tail.utf8)).write(to: URL(filePath: folder.attempts))
      #expect(try AttemptLog.read(folder) == [records[0]])
      try AttemptLog.append(records[1], to: folder)
      #expect(try AttemptLog.read(folder) == records)
      // Nothing of it is left for other readers to stumble over.
      let lines = try Data(contentsOf: URL(filePath: folder.attempts)).split(separator: 0x0a)
      #expect(lines.count == 2)
    }
  }

  @Test(
    "what attempts say of a run",
    arguments: [
      ([], nil), ([(.cancelled, 75)], .cancelled), ([(.lost, nil)], .lost),
      ([(.failed, 1)], .pending), ([(.failed, 1), (.failed, 1)], .failed),
      ([(.failed, 64)], .failed), ([(.failed, 1), (.cancelled, 75), (.failed, 1)], .pending),
      ([(.timedOut, 75)], .timedOut), ([(.succeeded, 0)], .lost),
    ] as [([(RunState, Int?)], RunState?)])
  func states(attempts: [(RunState, Int?)], state: RunState?) throws {
    try withTemporaryFolder { path throws in
      let folder = RunFolder(path: path)
      for (outcome, code) in attempts {
        try AttemptLog.append(
          AttemptRecord(pid: 1, startedAt: "", endedAt: "", outcome: outcome, exitCode: code),
          to: folder)
      }
      #expect(try RunOnDisk.read(id: id(1), folder: folder, retries: 1).state == state)
    }
  }

  @Test("a result counts only where it is whole, of this run, and points into its folder")
  func results() throws {
    try withTemporaryFolder { path throws in
      let folder = RunFolder(path: path)
      let hash = ContentHash(of: "")
      func state(_ id: RunID, _ checkpoint: String, cut: Int = 0) throws -> RunState? {
        let result = RunResult(
          id: id, steps: 1, attempt: 1, checkpoint: checkpoint, checkpointSHA256: hash,
          seriesSHA256: hash, last: [:], definitions: [:], wallSeconds: 1, peakMemoryBytes: 1,
          cpuSeconds: 1)
        try JSONEncoder().encode(result).dropLast(cut).write(to: URL(filePath: folder.result))
        return try RunOnDisk.read(id: ExpScheduleTests.id(1), folder: folder, retries: 1).state
      }
      #expect(try state(id(1), "checkpoints/final") == .succeeded)
      #expect(try state(id(2), "checkpoints/final") == nil)
      #expect(try state(id(1), "checkpoints/final", cut: 1) == nil)
      #expect(try state(id(1), "/etc/passwd") == nil)
      #expect(try state(id(1), "../../x") == nil)
    }
  }

  @Test("an earlier request keeps its arithmetic, and a truncated one is an error with its path")
  func requests() throws {
    try withTemporaryFolder { path throws in
      let folder = RunFolder(path: path)
      let first = RunRequest(
        id: id(1), kind: .base, config: anyConfig, base: nil,
        compute: .init(blasCoreType: "Haswell", kernelSet: "avx2", threads: 1),
        sourceFingerprint: ContentHash(of: "a"))
      var second = first
      second.compute.threads = 4
      second.checkpointSeconds = 1
      #expect(try RequestFile.settle(first, in: folder) == first)
      #expect(try RequestFile.settle(second, in: folder) == first)
      second.sourceFingerprint = ContentHash(of: "b")
      #expect(throws: ScheduleError.requestDiffers(path: folder.request, key: "source_fingerprint"))
      {
        try RequestFile.settle(second, in: folder)
      }
      try Data("{".utf8).write(to: URL(filePath: folder.request))
      #expect(
        throws: ScheduleError.unreadable(
          path: folder.request, reason: "it is no request of a run")
      ) { try RequestFile.settle(first, in: folder) }
      let left = try FileManager.default.contentsOfDirectory(atPath: path)
      #expect(left == ["request.json"])
    }
  }
}
