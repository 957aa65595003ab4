import ExpCore
import ExpPlan
import Testing

@Suite("Why a point is new")
struct PointReasonTests {
  @Test("The nearest known configuration and the keys in which the point differs from it")
  func nearest() throws {
    let plan = try plan(
      "grid: {model.size: [24k, 83k], train.entropy_control: [none, clip_cov], seed: [0, 1]}")
    let known = plan.points.prefix(3).map { KnownConfig(name: $0.label, config: $0.config) }
    // Points: 24k none s0, 24k none s1, 24k clip_cov s0 | 24k clip_cov s1, ...
    let reason = Plan.why(plan.points[3], against: known)
    #expect(reason.nearest == "24k clip_cov s0")
    #expect(reason.differences.map(\.path) == ["seed"])
    #expect(reason.differences.first?.before == 0)
    #expect(reason.differences.first?.now == 1)
    #expect(!reason.isKnown)
    #expect(
      reason.description == "nearest to 24k clip_cov s0, from which it differs in\n  seed: 0 -> 1")

    let control = Plan.why(plan.points[2], against: [known[0]])
    #expect(
      control.differences.map(\.path) == [
        "train.entropy_control.covariance_high", "train.entropy_control.covariance_low",
        "train.entropy_control.method", "train.entropy_control.token_fraction",
      ])
    #expect(control.differences.map(\.before) == [nil, nil, "none", nil])
    let back = Plan.why(plan.points[0], against: [known[2]])
    #expect(back.differences.map(\.now) == [nil, nil, "none", nil])
  }

  @Test("A known configuration has no differences, and an empty past says so")
  func known() throws {
    let plan = try plan("grid: {seed: [0, 1]}")
    let known = plan.points.map { KnownConfig(name: "run \($0.index)", config: $0.config) }
    let reason = Plan.why(plan.points[1], against: known)
    #expect(reason.isKnown)
    #expect(reason.nearest == "run 1")
    #expect(reason.description == "the same configuration as run 1")
    let first = Plan.why(plan.points[1], against: [])
    #expect(first.nearest == nil)
    #expect(!first.isKnown)
  }
}
