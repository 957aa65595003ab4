import ExpCore
import Foundation
import TestSupport
import Testing

@Suite("kill -9 of the orchestrator")
struct KillTests {
  @Test(
    "After 20 kills in mid-run every point is there once, with the values of an undisturbed sweep")
  func twentyKills() throws {
    try withTemporaryFolder { folder in
      let (calm, stormy) = ("\(folder)/calm", "\(folder)/stormy")
      for place in [calm, stormy] {
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try write(tinySpec(steps: 60), to: "\(place)/tiny.yaml")
      }
      let undisturbed = try ExpProgram.run(["sweep", "tiny.yaml"], in: calm)
      try #require(undisturbed.status == 0, "\(undisturbed.errors)")

      var random = SplitMix(state: 20)
      var kills = 0
      var round = 0
      while kills < 20 {
        round += 1
        // The runs may all be done before the last kill; then the storm goes on over a fresh folder.
        let place = round == 1 ? stormy : "\(folder)/storm\(round)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try write(tinySpec(steps: 60), to: "\(place)/tiny.yaml")
        kills += try storm(in: place, wanted: 20 - kills, &random)
        let last = try ExpProgram.run(["sweep", "tiny.yaml"], in: place)
        try #require(last.status == 0, "\(last.errors)")
        #expect(Trainers.alive(below: place).isEmpty)
        #expect(try recordedValues(in: place) == recordedValues(in: calm))
      }
      #expect(kills == 20)
    }
  }

  /// Starts the sweep and kills it at random moments with a trainer in mid-run; returns how often.
  private func storm(in folder: String, wanted: Int, _ random: inout SplitMix) throws -> Int {
    var kills = 0
    while kills < wanted {
      let sweep = try ExpProgram.start(["sweep", "tiny.yaml"], in: folder, log: "\(folder)/log")
      let pause = 50_000 + UInt32(random.next() % 600_000)
      usleep(pause)
      let deadline = Date.now + 60
      var isMidRun = false
      while !isMidRun, sweep.isRunning, Date.now < deadline {
        isMidRun = !Trainers.midRun(below: folder).isEmpty
        if !isMidRun { usleep(2_000) }
      }
      guard sweep.isRunning, isMidRun else {
        sweep.terminate()
        sweep.waitUntilExit()
        return kills
      }
      kill(sweep.processIdentifier, SIGKILL)
      sweep.waitUntilExit()
      kills += 1
      guard kills.isMultiple(of: 5) else { continue }
      // Now and then nobody comes back at once: the trainers must leave by themselves within 10 seconds.
      let patience = Date.now + 10
      while !Trainers.alive(below: folder).isEmpty, Date.now < patience { usleep(20_000) }
      #expect(Trainers.alive(below: folder).isEmpty)
    }
    return kills
  }
}

/// Small seeded random numbers (Steele, Lea and Flood, 2014), so that a failing storm can be repeated.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
