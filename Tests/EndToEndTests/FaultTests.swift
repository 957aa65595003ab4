import Foundation
import TestSupport
import Testing

@Suite("Broken files and clocks")
struct FaultTests {
  @Test("Half lines at the end of every log are healed, and nothing is lost or recorded twice")
  func tornLines() throws {
    try withTemporaryFolder { parent in
      let storm = try Storm(below: parent)
      let tails = [
        #"{"event":"metrics","seconds":1,"step":3,"val"#, #"{"outcome":"succ"#, "\0\0\0\0", "\u{1}",
      ]
      for (index, run) in storm.runFolders().enumerated() {
        for name in ["events.jsonl", "samples.jsonl", "attempts.jsonl", "stderr.log"] {
          // try?: a run that has just begun lacks some of them.
          let before = (try? Data(contentsOf: URL(filePath: "\(run)/\(name)"))) ?? Data()
          try (before + Data(tails[index % tails.count].utf8))
            .write(to: URL(filePath: "\(run)/\(name)"))
        }
      }
      try storm.expectWholeAfterCarryingOn()
    }
  }

  @Test(
    "A damaged checkpoint is passed over, a final record cut short is none",
    arguments: ["cut", "flipped", "record"])
  func damage(_ kind: String) throws {
    try withTemporaryFolder { parent in
      let storm = try Storm(below: parent)
      let records = storm.runFolders().map { "\($0)/result.json" }.filter {
        FileManager.default.fileExists(atPath: $0)
      }
      let paths = kind == "record" ? records : storm.checkpoints()
      try #require(!paths.isEmpty)
      for path in paths {
        var bytes = try Data(contentsOf: URL(filePath: path))
        if kind == "flipped" {
          bytes[bytes.count / 2] ^= 1
        } else {
          bytes.removeLast(bytes.count / 2)
        }
        try bytes.write(to: URL(filePath: path))
      }
      try storm.expectWholeAfterCarryingOn()
    }
  }

  @Test("A wall clock that jumps by hours, forward and back, changes no value and loses no run")
  func clockJumps() throws {
    try withTemporaryFolder { parent in
      let (shim, shift) = ("\(parent)/clock.so", "\(parent)/shift")
      let built = try runTool(
        "clang",
        ["-shared", "-fPIC", "-O1", "-o", shim, "\(Repository.root)/scripts/soak/clock.c"])
      try #require(built.status == 0, "\(built.errors)")
      func set(hours: Int64) throws {
        // Written over in place: the processes have the file mapped.
        let file = try FileHandle(forUpdating: URL(filePath: shift))
        try file.write(contentsOf: withUnsafeBytes(of: hours * 3600) { Data($0) })
        try file.close()
      }
      try Data(count: 8).write(to: URL(filePath: shift))
      let environment = ["LD_PRELOAD": shim, "SOAK_CLOCK": shift]
      let storm = try Storm(below: parent, environment: environment)
      for hours in [9, -9] as [Int64] {
        try storm.killInMidRun(environment: environment) {
          try set(hours: hours)
          usleep(20_000)
        }
      }
      try storm.expectWholeAfterCarryingOn(environment: environment)
      let dates = try runTool("grep", ["-h", "ended_at", "-r", "\(storm.folder)/runs"])
      #expect(Set(dates.output.matches(of: /T(\d\d):/).map(\.1)).count > 1)
    }
  }
}
