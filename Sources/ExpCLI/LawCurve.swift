internal import ExpCore
internal import ExpFit
internal import ExpStore
internal import TrainerProtocol

/// Makes the curve of one point of a sweep from what its run recorded.
struct LawCurve {
  let point: SweepRecord.Point
  let pairing: LawPairing
  /// Keys of the configuration that become labels.
  let labelKeys: [String]

  /// The curve; `definitions` is empty for a run without a final record.
  func curve(_ table: MetricTable?, definitions: [String: String]) -> Curve {
    var labels: [String: String] = [:]
    for key in labelKeys {
      guard let value = point.config[path: key] else { continue }
      labels[key] = value.string ?? value.canonicalJSON
    }
    labels["train.entropy_control"] = point.config[path: "train.entropy_control.method"]?.string
    return Curve(
      id: point.run.text, modelParams: point.config[path: "model.params"]?.number ?? .nan,
      seed: point.config[path: "seed"]?.integer,
      baseSeed: point.config[path: "base.seed"]?.integer, labels: labels,
      definition: definition(definitions), promptCount: promptCount(definitions),
      isHeldOut: point.heldOut, points: table.map(points) ?? [])
  }

  private var entropyName: String {
    switch pairing {
    case .validation: MetricName.entropy
    case .paper: MetricName.entropyTrain
    }
  }

  /// A point per evaluation; what was not measured at it is NaN, so that fits can list it.
  private func points(_ table: MetricTable) -> [CurvePoint] {
    let scores = table[MetricName.valScore]
    let entropies = table[entropyName]
    let compute = LawCurve.compute(table)
    var points: [CurvePoint] = []
    for (row, step) in table.steps.enumerated() {
      let entropy = entropies?[row] ?? .nan
      let score = scores?[row] ?? .nan
      switch pairing {
      case .validation: if entropy.isNaN { continue }
      // Most steps have a rollout and no evaluation; step 0 has an evaluation and no rollout.
      case .paper: if score.isNaN || step == 0 { continue }
      }
      points.append(
        CurvePoint(step: step, entropy: entropy, score: score, compute: compute[row]))
    }
    return points
  }

  /// Floating-point operations up to each row's step, whose evaluation comes after its updates; nil from the first
  /// step on that has none recorded.
  static func compute(_ table: MetricTable) -> [Double?] {
    guard let flops = table["flops"] else { return table.steps.map { _ in nil } }
    var sum: Double? = 0
    var last = 0
    return zip(table.steps, flops).map { step, spent in
      if step > 0 {
        sum = spent.isFinite && step == last + 1 ? sum.map { $0 + spent } : nil
        last = step
      }
      return sum
    }
  }

  private func definition(_ definitions: [String: String]) -> String? {
    var parts = [entropyName, MetricName.valScore]
      .compactMap { name in definitions[name].map { "\(name): \($0)" } }
    if pairing == .paper { parts.append("paired by step, before and after the updates") }
    return definitions.isEmpty ? nil : parts.joined(separator: "; ")
  }

  /// Distinct validation prompts, which the trainer counts and writes into the definition of the score; without a
  /// final record, all prompts, which may hold repeats.
  private func promptCount(_ definitions: [String: String]) -> Int? {
    if let match = definitions[MetricName.valScore]?.firstMatch(of: /\((\d+) of them distinct\)/),
      let count = Int(match.1)
    {
      return count
    }
    return point.config[path: "evaluate.prompts"]?.integer
  }
}
