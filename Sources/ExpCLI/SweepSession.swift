internal import ExpCore
internal import ExpPlan
internal import ExpProvenance
internal import ExpSchedule
internal import ExpSpec
internal import ExpStore
internal import Foundation
internal import TrainerProtocol

/// A plan bound to a trainer: every point has the id of its run.
struct SweepSession {
  /// The checked spec.
  let spec: ExperimentSpec
  /// Its points.
  let plan: Plan
  /// The trainer that computes them.
  let trainer: TrainerProbe
  /// The kernel sets it is pinned to.
  let compute: RunRequest.Compute
  /// For the hash of each base policy its id, and the hash that stands for it among a run's inputs.
  private let bases: [ContentHash: (id: RunID, input: ContentHash)]

  /// Binds a plan to the trainer that its spec names, or to the one beside this program.
  init(spec: ExperimentSpec, plan: Plan) throws {
    let compute = TrainerProbe.compute(for: spec.resources)
    let trainer = try TrainerProbe(command: spec.trainerCommand, compute: compute)
    self.init(spec: spec, plan: plan, trainer: trainer, compute: compute)
  }

  /// Binds a plan to a trainer.
  init(spec: ExperimentSpec, plan: Plan, trainer: TrainerProbe, compute: RunRequest.Compute) {
    self.spec = spec
    self.plan = plan
    self.trainer = trainer
    self.compute = compute
    bases = Dictionary(
      plan.bases.map { base in
        let id = SweepSession.baseID(base.configHash, trainer)
        return (base.configHash, (id, ContentHash(of: id.text)))
      }, uniquingKeysWith: { first, _ in first })
  }

  private static func baseID(_ hash: ContentHash, _ trainer: TrainerProbe) -> RunID {
    RunID(configHash: hash, sourceFingerprint: trainer.sourceFingerprint, inputs: [])
  }

  /// The id of a base policy.
  func baseID(_ hash: ContentHash) -> RunID {
    bases[hash]?.id ?? SweepSession.baseID(hash, trainer)
  }

  /// The id of a point's run.
  func runID(_ point: PlannedPoint) -> RunID {
    let input = bases[point.baseHash]?.input ?? ContentHash(of: baseID(point.baseHash).text)
    return RunID(
      configHash: point.configHash, sourceFingerprint: trainer.sourceFingerprint, inputs: [input])
  }

  /// The jobs of the sweep: each base policy once, then the runs.
  func jobs() throws -> [SweepJob] {
    var jobs: [SweepJob] = []
    for base in plan.bases {
      let config = try base.config.decoded(as: RunConfig.self)
      jobs.append(
        SweepJob(
          id: baseID(base.configHash), kind: .base, label: base.label,
          config: config, base: nil,
          // A held-out size's base policy says nothing about its RL runs, so it need not wait for the predictions.
          phase: 0, estimatedSeconds: base.cost.seconds, cores: spec.resources.cores,
          memoryBytes: memory(base.cost),
          memoryIsLimit: spec.resources.memoryBytes != nil, gpus: gpus(config),
          timeout: .seconds(spec.limits.timeoutSeconds), retries: spec.limits.retries,
          checkpointSeconds: spec.checkpoints.seconds,
          silence: .seconds(spec.limits.silenceSeconds)))
    }
    for point in plan.points {
      let config = try point.config.decoded(as: RunConfig.self)
      jobs.append(
        SweepJob(
          id: runID(point), kind: .rl, label: point.label,
          config: config, base: baseID(point.baseHash),
          phase: point.heldOut ? 1 : 0, estimatedSeconds: point.cost.seconds,
          cores: spec.resources.cores,
          memoryBytes: memory(point.cost),
          memoryIsLimit: spec.resources.memoryBytes != nil, gpus: gpus(config),
          priority: point.priority, timeout: .seconds(spec.limits.timeoutSeconds),
          retries: spec.limits.retries, checkpointSeconds: spec.checkpoints.seconds,
          silence: .seconds(spec.limits.silenceSeconds)))
    }
    return jobs
  }

  /// A process that uses a GPU has the driver's and cuBLAS's memory besides.
  func memory(_ cost: CostEstimate) -> Int {
    spec.resources.memoryBytes ?? cost.memoryBytes + (compute.usesGPU ? 2 << 30 : 0)
  }

  private func gpus(_ config: RunConfig) -> Double {
    spec.resources.gpus(parameters: config.model.shape.nonEmbeddingParameterCount)
  }

  /// The most GPUs that one of the runs asks for.
  var mostGPUs: Double {
    let largest = plan.points.map(\.modelParams).max() ?? 0
    return spec.resources.gpus(parameters: Int(largest))
  }

  /// Whether anything is left to compute.
  func isOpen(_ paths: RunPaths) -> Bool {
    plan.points.contains { RunStatus.read(paths.run(runID($0))).state != .succeeded }
  }

  /// The plan as it is kept on disk.
  func record(specPath: String) -> SweepRecord {
    SweepRecord(
      name: plan.experiment, specPath: specPath, createdAt: Date().formatted(.iso8601),
      commandLine: CommandLine.arguments,
      points: plan.points.map { point in
        SweepRecord.Point(
          run: runID(point), base: baseID(point.baseHash), configHash: point.configHash,
          label: point.label, index: point.index, heldOut: point.heldOut,
          modelSize: point.sizeLabel, config: point.config)
      })
  }

  /// The text of each run's `provenance.json`; the same for all but the label.
  func provenance(source: SourcePin?) throws -> (RunID) -> String? {
    var labels: [RunID: String] = [:]
    for point in plan.points { labels[runID(point)] = point.label }
    for base in plan.bases { labels[baseID(base.configHash)] = base.label }
    let facts = RunProvenance(
      experiment: plan.experiment, label: "", source: source,
      trainerFingerprint: trainer.sourceFingerprint, trainerBinarySHA256: trainer.binarySHA256,
      machine: Provenance.machine(),
      environment: Provenance.environment(from: ProcessInfo.processInfo.environment),
      commandLine: CommandLine.arguments, createdAt: Date().formatted(.iso8601),
      specFiles: spec.files)
    // Written out once: a spec and what it extends can be long, and ten thousand runs may share them.
    let text = try JSONValue(encoding: facts).prettyJSON
    let ends = text.components(separatedBy: "\n  \"label\": \"\"")
    guard ends.count == 2 else { preconditionFailure("provenance has \(ends.count - 1) labels") }
    return { id in
      labels[id].map { ends[0] + "\n  \"label\": " + JSONValue.string($0).canonicalJSON + ends[1] }
    }
  }
}
