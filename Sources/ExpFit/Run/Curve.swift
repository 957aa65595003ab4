/// One evaluation of a policy: the law's H and R at a step.
public struct CurvePoint: Sendable, Hashable {
  /// The training step; 0 is the base policy.
  public var step: Int
  /// Entropy H in nats.
  public var entropy: Double
  /// Validation score R, a share of 1 unless the data say otherwise.
  public var score: Double
  /// Floating-point operations spent up to this step; nil where the data do not say.
  public var compute: Double?

  /// Makes a point; values that were not measured are NaN.
  public init(step: Int, entropy: Double, score: Double, compute: Double? = nil) {
    self.step = step
    self.entropy = entropy
    self.score = score
    self.compute = compute
  }

  /// Whether both values can enter a fit: finite, and exp(H) is finite too.
  public var isUsable: Bool { entropy.isFinite && score.isFinite && entropy < 300 }
}

/// The evaluations of one run, in order of the step, with what is needed to place the run among
/// others.
public struct Curve: Sendable, Hashable {
  /// The run's id.
  public var id: String
  /// Non-embedding parameters N.
  public var modelParams: Double
  /// The seed of the run; nil where the data do not say.
  public var seed: Int?
  /// The seed of the base policy; nil where the data do not say.
  public var baseSeed: Int?
  /// What else distinguishes the run, such as `train.algorithm`: `grpo`.
  public var labels: [String: String]
  /// Id of what entropy and score were averaged over; nil where the data do not say.
  ///
  /// Fits across runs do not mix definitions.
  public var definition: String?
  /// Distinct validation prompts behind each score; nil where the data do not say.
  public var promptCount: Int?
  /// Whether the run is kept out of every fit across sizes.
  public var isHeldOut: Bool
  /// The evaluations in order of the step, unusable ones included, so that fits can list what they
  /// leave out.
  public let points: [CurvePoint]

  /// Makes a curve; points may come in any order.
  public init(
    id: String, modelParams: Double, seed: Int? = nil, baseSeed: Int? = nil,
    labels: [String: String] = [:], definition: String? = nil,
    promptCount: Int? = nil, isHeldOut: Bool = false, points: [CurvePoint]
  ) {
    self.id = id
    self.modelParams = modelParams
    self.seed = seed
    self.baseSeed = baseSeed
    self.labels = labels
    self.definition = definition
    self.promptCount = promptCount
    self.isHeldOut = isHeldOut
    let isSorted = zip(points, points.dropFirst()).allSatisfy { $0.step <= $1.step }
    self.points = isSorted ? points : points.sorted { $0.step < $1.step }
  }

  /// The points that can enter a fit.
  public var usablePoints: [CurvePoint] {
    points.allSatisfy(\.isUsable) ? points : points.filter(\.isUsable)
  }
}
