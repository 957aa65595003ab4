import ExpFit
import Glibc
import Testing

@Suite("What the bootstrap draws and which way its intervals lean")
struct LawBootstrapTests {
  @Test("blocks are as long as Carlstein's formula says, a quarter of the run at most")
  func blockLength() throws {
    for (count, rho) in [(40, 0.0), (100, 0.5), (200, 0.5), (200, 0.8), (20, 0.9)] {
      var noise = Noise(seed: 4)
      let run = lawPoints(count, sigma: 0.008, rho: rho, noise: &noise)
      let known = max(0, try LawFit(run).residualAutocorrelation)
      let odds = 2 * known / (1 - known * known)
      let wanted = cbrt(odds * odds * Double(count)).rounded(.up)
      let found = try LawFit.bootstrapped(run, count: 99).blockLength
      #expect(found == max(1, min(count / 4, Int(wanted))), "\(count) points, rho \(known)")
    }
  }

  @Test("under errors with a long upper tail the interval of the ceiling reaches further up")
  func leans() throws {
    var noise = Noise(seed: 9)
    var (above, below) = (0.0, 0.0)
    for _ in 0..<20 {
      var run = lawPoints(40, noise: &noise)
      for index in run.indices { run[index].score += 0.01 * (-log(noise.uniform()) - 1) }
      let fit = try LawFit(run)
      let interval = try LawFit.bootstrapped(run, count: 199).ceilingInterval
      above += interval.high - fit.ceiling
      below += fit.ceiling - interval.low
    }
    // The ratios of skewed means to their errors lean the other way, and are read backwards.
    #expect(above > 1.05 * below, "\(above) above, \(below) below")
  }
}
