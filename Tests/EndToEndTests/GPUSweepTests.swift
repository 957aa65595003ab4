import ExpCore
import Foundation
import TestSupport
import Testing

/// Sweeps of the real trainer on a GPU's kernels, which run on the processor where there is no GPU.
@Suite("Sweeps on a GPU, end to end", .serialized)
struct GPUSweepTests {
  /// A GPU that the driver's tool lists, and kernels that need none.
  private func place(_ folder: String) throws -> [String: String] {
    try write(
      "#!/bin/sh\necho 'GPU 0: Emulated (UUID: GPU-00000000-0000-0000-0000-000000000000)'\n",
      to: "\(folder)/nvidia-smi")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: "\(folder)/nvidia-smi")
    return ["PATH": "\(folder):/usr/bin:/bin", GPUForTests.variable: kernels]
  }

  private var kernels: String { "\(ExpProgram.folder)/libcuda-emulation.so" }

  private func spec(_ grid: String) -> String {
    """
    experiment: card
    task: {name: countdown, numbers: [2, 3]}
    model: {size: 14k}
    base: {steps: 300, batch_size: 32}
    train:
      {algorithm: grpo, steps: 2, prompts_per_step: 8, samples_per_prompt: 4, learning_rate: 1e-3}
    evaluate: {every: 2, prompts: 8, samples: 2, keep: 2}
    grid: \(grid)
    when:
      - {if: train.algorithm = spo_tree, set: {train.spo_tree_structure: [3, 3], train.spo_segment_tokens: 1}}
      - {if: train.algorithm = spo_chain, set: {train.spo_interval: 1}}
    """
  }

  /// Another seed of one point on the processor, which has the base policy in a second.
  private func trainBase(_ point: String, in folder: String) throws {
    let sweep = try ExpProgram.run(
      ["sweep", "card.yaml", point, "seed=7", "--device", "cpu"], in: folder)
    try #require(sweep.status == 0, "\(sweep.errors)")
  }

  private static let algorithms = [
    "reinforce", "reinforce_pp", "reinforce_pp_baseline", "rloo", "remax", "grpo", "ppo", "prime",
    "spo_chain", "spo_tree", "dpo", "iterative_dpo",
  ]

  /// The base policy is made by the processor and read by the GPU.
  ///
  /// First ratios are exactly 1: with one update per
  /// rollout no ratio is another, though bf16 rounds the rollout otherwise than the pass.
  @Test("every algorithm runs from a base policy of the processor, in bf16, and learns")
  func algorithms() throws {
    try withTemporaryFolder { folder in
      let environment = try place(folder)
      try write(
        spec("{train.algorithm: [\(Self.algorithms.joined(separator: ", "))]}"),
        to: "\(folder)/card.yaml")
      try trainBase("train.algorithm=[reinforce]", in: folder)
      let sweep = try ExpProgram.run(
        ["sweep", "card.yaml", "train.updates_per_rollout=1", "--device", "cuda"], in: folder,
        environment: environment)
      try #require(sweep.status == 0, "\(sweep.errors)")
      let rows = try #require(
        try JSONValue(parsing: ExpProgram.run(["runs", "--json"], in: folder).output.utf8).array)
      #expect(rows.count == Self.algorithms.count + 1)
      var learnt = 0
      var exact = 0
      var largest = 0.0
      for row in rows {
        let id = try #require(row[path: "id"]?.string)
        let name = row.object?["params"]?.object?["train.algorithm"]?.string ?? "?"
        #expect(row[path: "status"]?.string == "succeeded", "\(name)")
        let attempt = try #require(try lastAttempt(id, in: folder))
        guard row.object?["params"]?.object?["seed"]?.integer != 7 else { continue }
        #expect(attempt[path: "compute.kernel_set"]?.string == "cuda-bf16", "\(name)")
        #expect(attempt[path: "gpu"]?.string?.contains("emulated") == true)
        for step in try metrics(id, in: folder) where step["updates"] ?? 0 > 0 {
          learnt += 1
          let distance = try #require(step["rollout_mismatch_max"], "\(name)")
          #expect(distance < 0.2, "\(name)")
          largest = max(largest, distance)
          if let ratio = step["ratio_max"], step["updates"] == 1, name != "spo_tree" {
            exact += 1
            #expect(ratio == 1 && step["ratio_min"] == 1, "\(name)")
          }
        }
      }
      // bf16 rounds a rollout otherwise than a pass, so that the ratios of 1 are no accident.
      #expect(largest > 0 && exact >= 12, "\(exact) steps with ratios")
      let shown = try ExpProgram.run(["show", "card/0"], in: folder)
      #expect(shown.output.contains("cuda-bf16 on "), "\(shown.output)")
      #expect(learnt >= 2 * Self.algorithms.count - 6, "\(learnt) steps learnt something")
    }
  }

  @Test("entropy controls run in fp32 and in the batch-invariant mode, where nothing is off")
  func controls() throws {
    try withTemporaryFolder { folder in
      let environment = try place(folder)
      try write(
        spec(
          """
          {train.entropy_control: [none, {method: entropy_bonus, coefficient: 0.01}, {method: kl_reference, coefficient: 0.1}, \
          {method: clip_cov, token_fraction: 0.1}, {method: kl_cov, token_fraction: 0.1, coefficient: 1}]}
          """) + "\nresources: {device: cuda, precision: fp32, batch_invariant: true}\n",
        to: "\(folder)/card.yaml")
      try trainBase("train.entropy_control=[none]", in: folder)
      let sweep = try ExpProgram.run(
        ["sweep", "card.yaml", "train.updates_per_rollout=2"], in: folder,
        environment: environment)
      try #require(sweep.status == 0, "\(sweep.errors)")
      let values = try recordedValues(in: folder)
      #expect(values.count == 6)
      #expect(values.values.allSatisfy { !$0.contains("rollout_mismatch") })
      #expect(Set(values.values).count == 6, "each control does something")
    }
  }

  @Test("the same seed gives the same bits, whatever --jobs is")
  func bits() throws {
    try withTemporaryFolder { folder in
      var values: [[String: String]] = []
      for (place, jobs) in [("one", "1"), ("two", "2")] {
        let own = "\(folder)/\(place)"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        let environment = try self.place(own)
        try write(spec("{seed: [0, 1]}"), to: "\(own)/card.yaml")
        let sweep = try ExpProgram.run(
          ["sweep", "card.yaml", "base.steps=60", "--device", "cuda", "--jobs", jobs], in: own,
          environment: environment)
        try #require(sweep.status == 0, "\(sweep.errors)")
        values.append(try recordedValues(in: own))
      }
      #expect(values[0].count == 2 && values[0] == values[1])
    }
  }

  @Test("without kernels or a GPU a sentence says what is missing")
  func missing() throws {
    try withTemporaryFolder { folder in
      var environment = try place(folder)
      try write(spec("{seed: [0, 1]}"), to: "\(folder)/card.yaml")
      let arguments = ["sweep", "card.yaml", "--device", "cuda"]
      environment["CUDA_VISIBLE_DEVICES"] = "-1"
      let hidden = try ExpProgram.run(arguments, in: folder, environment: environment)
      #expect(hidden.status == 64)
      #expect(hidden.errors.contains("and this machine shows none"), "\(hidden.errors)")
      let finished = try ExpProgram.run(["sweep", "card.yaml"], in: folder)
      #expect(finished.status == 0)
      let again = try ExpProgram.run(arguments, in: folder, environment: environment)
      #expect(again.status == 0 && again.errors.contains("nothing to run"), "\(again.errors)")
      let why = try ExpProgram.run(["why", "s0", "card.yaml"], in: folder)
      #expect(why.status == 0, "\(why.errors)")
      let third = try ExpProgram.run(
        arguments + ["seed=[0, 1, 3]"], in: folder, environment: try place(folder))
      #expect(third.status == 0, "\(third.errors)")
      let kernels = try ExpProgram.run(
        [
          "sql", "--json",
          "SELECT kernel_set, gpu FROM attempts WHERE kernel_set LIKE 'cuda-%'",
        ], in: folder)
      #expect(kernels.output.contains("cuda-bf16"), "\(kernels.output) \(kernels.errors)")
      #expect(kernels.output.contains("GPU-"), "\(kernels.output)")
      let mixed = try ExpProgram.run(["fit", "card"], in: folder)
      #expect(
        (mixed.output + mixed.errors).contains("1 by cuda-bf16, 2 by the processor"),
        "\(mixed.output) \(mixed.errors)")
      environment[GPUForTests.variable] = "\(folder)/nothing.so"
      let none = try ExpProgram.run(arguments + ["seed=[2]"], in: folder, environment: environment)
      #expect(none.status == 64)
      #expect(none.errors.contains("the CUDA kernels cannot be loaded"), "\(none.errors)")
      environment[GPUForTests.variable] = "/lib/x86_64-linux-gnu/libm.so.6"
      let other = try ExpProgram.run(["doctor"], in: folder, environment: environment)
      #expect(other.output.contains("is no library of CUDA kernels"), "\(other.output)")
      let wrong = try ExpProgram.run(
        ["sweep", "card.yaml", "--device", "tpu"], in: folder, environment: environment)
      #expect(wrong.status == 64 && wrong.errors.contains("--device is cpu or cuda, not 'tpu'"))
    }
  }

  /// A run goes on with the kernels that began it; a sweep of the other kind says so.
  @Test("a run that the processor began is not taken over by a GPU without a word")
  func otherDevice() throws {
    try withTemporaryFolder { folder in
      let environment = try place(folder)
      try write(spec("{seed: [0]}"), to: "\(folder)/card.yaml")
      let plan = ["sweep", "card.yaml", "train.steps=4000", "evaluate.every=2000"]
      let log = "\(folder)/log"
      let running = try ExpProgram.start(plan, in: folder, log: log)
      while try !FileManager.default.contentsOfDirectory(atPath: folder).contains("runs")
        || lines(in: folder).isEmpty, running.isRunning
      { usleep(20_000) }
      running.terminate()
      running.waitUntilExit()
      let refused = try ExpProgram.run(
        plan + ["--device", "cuda"], in: folder, environment: environment)
      #expect(refused.status == 3)
      #expect(refused.errors.contains("go on with '--device cpu'"), "\(refused.errors)")
    }
  }

  /// Every line that a run other than a base policy has written.
  private func lines(in folder: String) throws -> [String] {
    let runs = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/runs").filter {
      FileManager.default.fileExists(atPath: "\(folder)/runs/\($0)/events.jsonl")
    }
    return try runs.flatMap {
      try String(contentsOfFile: "\(folder)/runs/\($0)/events.jsonl", encoding: .utf8)
        .split(separator: "\n").map(String.init).filter { $0.contains("\"metrics\"") }
    }
  }

  private func lastAttempt(_ id: String, in folder: String) throws -> JSONValue? {
    try lines(id, in: folder).last { $0[path: "event"]?.string == "attempt" }
  }

  private func metrics(_ id: String, in folder: String) throws -> [[String: Double]] {
    try lines(id, in: folder).filter { $0[path: "event"]?.string == "metrics" }.map {
      $0[path: "values"]?.object?.compactMapValues(\.number) ?? [:]
    }
  }

  private func lines(_ id: String, in folder: String) throws -> [JSONValue] {
    try String(contentsOfFile: "\(folder)/runs/\(id)/events.jsonl", encoding: .utf8)
      .split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
  }
}
