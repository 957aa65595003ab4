import ExpCore
import ExpSchedule
import SimulatedCluster
import Testing

@Suite("A simulated cluster runs the same scheduler")
struct SimulatedClusterTests {
  @Test(
    "no run is lost or done twice, whatever crashes and hangs",
    arguments: [(0.01, 0.0002), (0.2, 0.02), (0, 0)])
  func sound(failing: Double, hanging: Double) {
    var workload = ClusterWorkload(runs: 20_000, bases: 50, slots: 400)
    workload.failingShare = failing
    workload.hangingShare = hanging
    var cluster = SimulatedCluster(workload)
    let report = cluster.run()
    #expect(report.isSound, "\(report)")
    #expect(report.states.values.reduce(0, +) == 20_050)
    #expect(report.mostRunning == 400)
    #expect((report.crashes > 0) == (failing > 0))
    #expect((report.hangs > 0) == (hanging > 0))
    #expect((report.states[.timedOut, default: 0] > 0) == (hanging > 0))
  }

  @Test("a cluster's own books notice a scheduler that has no attempts left to give")
  func failures() {
    var workload = ClusterWorkload(runs: 2_000, bases: 4, slots: 100)
    workload.failingShare = 1
    workload.hangingShare = 0
    var cluster = SimulatedCluster(workload)
    let report = cluster.run()
    // Four base policies fail four times each, and nothing else ever starts.
    #expect(report.attempts == 16)
    #expect(report.states == [.failed: 2_004])
    #expect(report.isSound, "\(report)")
  }
}
