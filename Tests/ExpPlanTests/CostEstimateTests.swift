import ExpCore
import ExpPlan
import Testing

@Suite("What a point should cost")
struct CostEstimateTests {
  @Test("Operations, tokens and seconds by hand")
  func byHand() throws {
    let plan = try plan("")
    let point = plan.points[0]
    let cost = point.cost(flopsPerSecond: 1e9)

    // 83k: N = 83232, C = 48, L = 3; 7 prompt and 8 answer tokens, 25 symbols.
    let n = 83_232.0
    let pairs = 15.0 * 16 / 2
    let promptPairs = 7.0 * 8 / 2
    let head = 2 * 48.0 * 25 * 8
    let forward = 2 * n * 15 + 4 * 3 * 48 * pairs + head
    let update = 1024 * 3 * forward
    func sampling(_ prompts: Double, _ answers: Double) -> Double {
      prompts * (2 * n * 7 + 4 * 3 * 48 * promptPairs)
        + answers * (2 * n * 8 + 4 * 3 * 48 * (pairs - promptPairs) + head)
    }
    let rollout = sampling(128, 1024)
    let evaluation = sampling(1024, 1024 * 5)
    // Steps 0, 4, ..., 160: 41 evaluations.
    let total = 160 * (rollout + update) + 41 * evaluation
    #expect(abs(cost.flops - total) < 1e-9 * total)
    #expect(abs(cost.seconds - total / 1e9) < 1e-9 * total)
    let sampled: Double = 128 * 7 + 1024 * 8
    let evaluated: Double = 1024 * 7 + 1024 * 5 * 8
    let tokens: Double = 160 * (sampled + 1024 * 15) + 41 * evaluated
    #expect(cost.tokens == tokens)

    let base = plan.bases[0].cost(flopsPerSecond: 1e9)
    #expect(abs(base.flops - 1200 * 128 * 3 * forward) < 1e-9 * base.flops)
    #expect(base.tokens == 1200 * 128 * 15)
  }

  @Test("An odd last step is measured too")
  func evaluations() throws {
    let even = try plan("", overrides: ["train.steps=8"])
    let odd = try plan("", overrides: ["train.steps=9"])
    let perEvaluation = 1024.0 * 7 + 1024 * 5 * 8
    let perStep = 128.0 * 7 + 1024 * 8 + 1024 * 15
    #expect(even.points[0].cost.tokens == 8 * perStep + 3 * perEvaluation)
    #expect(odd.points[0].cost.tokens == 9 * perStep + 4 * perEvaluation)
  }

  @Test("Bigger models, longer runs and a reference cost more; estimates are never wild")
  func monotone() throws {
    let costs = try plan("grid: {model.size: [24k, 83k, 974k]}").points.map { $0.cost }
    for (small, large) in zip(costs, costs.dropFirst()) {
      #expect(small.flops < large.flops)
      #expect(small.seconds < large.seconds)
      #expect(small.memoryBytes < large.memoryBytes)
      #expect(small.diskBytes < large.diskBytes)
    }
    #expect(costs.allSatisfy { $0.memoryBytes > 50 << 20 && $0.memoryBytes < 500 << 20 })
    // 974k parameters with embedding: four values of four bytes each at the least.
    #expect(costs[2].diskBytes > 974_080 * 16)
    let controls = try plan("grid: {train.entropy_control: [none, kl_reference]}").points
    #expect(controls[0].cost.flops < controls[1].cost.flops)
    #expect(controls[0].cost.memoryBytes < controls[1].cost.memoryBytes)
  }

  @Test("What an algorithm computes beside the policy's updates is counted")
  func algorithms() throws {
    func cost(_ overrides: String...) throws -> CostEstimate {
      try plan("", overrides: overrides).points[0].cost
    }
    let grpo = try cost("train.algorithm=grpo")
    for costlier in ["ppo", "prime", "remax", "spo_chain"] {
      #expect(try cost("train.algorithm=\(costlier)").flops > grpo.flops, "\(costlier)")
    }
    #expect(try cost("train.algorithm=ppo").memoryBytes > grpo.memoryBytes)
    // One pair a prompt: two of eight answers are learnt from.
    #expect(try cost("train.algorithm=iterative_dpo").flops < grpo.flops)
    #expect(try cost("train.epochs_per_rollout=2").flops > grpo.flops)
    #expect(try cost("train.reward_kl_coefficient=0.1").flops > grpo.flops)
    let tree = try cost("train.algorithm=spo_tree")
    #expect(tree.flops > grpo.flops / 4 && tree.flops.isFinite)
  }

  @Test("Every task has lengths, and a judge is part of its base policy's cost")
  func tasks() throws {
    func taskPlan(_ task: String) throws -> Plan { try plan("", overrides: ["task=\(task)"]) }
    let short = try taskPlan("{name: countdown}")
    for task in ["{name: countdown, working: true}", "{name: code}", "{name: phrases}"] {
      let cost = try taskPlan(task).points[0].cost
      #expect(cost.tokens > 1e6 && cost.flops > 1e12, "\(task)")
    }
    let working = try taskPlan("{name: countdown, working: true}")
    #expect(working.points[0].cost.tokens > 1.5 * short.points[0].cost.tokens)
    let judged = try taskPlan("{name: phrases, judge_size: 83k}").bases[0].cost
    let bare = try taskPlan("{name: phrases, judge_steps: 0}").bases[0].cost
    #expect(judged.flops > 1.5 * bare.flops)
  }

  @Test("The largest numbers a spec may hold give finite estimates")
  func extreme() throws {
    let plan = try plan(
      "",
      overrides: [
        "model={width: 4096, layers: 64, heads: 32}", "train.steps=10000000",
        "train.prompts_per_step=65536", "train.samples_per_prompt=4096",
        "train.micro_batch_size=65536", "base.batch_size=65536", "base.steps=10000000",
      ])
    let cost = plan.points[0].cost + plan.bases[0].cost
    #expect(cost.flops.isFinite && cost.memoryBytes > 1 << 40 && cost.diskBytes > 1 << 30)
    #expect(plan.points[0].cost(flopsPerSecond: 0).seconds.isFinite)
  }

  @Test("Costs add up, memory being the larger one's")
  func sum() {
    let one = CostEstimate(flops: 1, tokens: 2, seconds: 3, memoryBytes: 4, diskBytes: 5)
    let two = CostEstimate(flops: 10, tokens: 20, seconds: 30, memoryBytes: 1, diskBytes: 50)
    #expect(
      one + two
        == CostEstimate(flops: 11, tokens: 22, seconds: 33, memoryBytes: 4, diskBytes: 55))
    #expect(CostEstimate.zero + one == one)
  }
}
