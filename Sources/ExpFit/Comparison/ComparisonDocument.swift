public import ExpCore

/// The document of `exp compare --json`: every comparison with its pairs, and the tests of the law.
///
/// Numbers that do not exist are null, with the reason beside them.
public struct ComparisonDocument: Sendable {
  private let comparison: Comparison
  private let notes: [String]

  /// Makes the document; `notes` are what is to be said of the data.
  public init(_ comparison: Comparison, notes: [String] = []) {
    self.comparison = comparison
    self.notes = notes
  }

  /// The document.
  public var json: JSONValue {
    let design = comparison.design
    return .object([
      "key": .string(design.key), "arms": .strings(design.arms),
      "baseline": comparison.baseline.map(JSONValue.string) ?? .null,
      "level": .number(comparison.level), "margin": .number(comparison.margin),
      "sizes": .array(design.sizes.map(JSONValue.optional)),
      "paired_by": .strings(["model_params", "seed", "base_seed"] + design.blocking),
      "arms_also_differ_in": .strings(design.following),
      "settings_of_some_arms": .strings(design.ownSettings),
      "arms_also_differ_in_part_in": .strings(design.followingInPart),
      "unpaired_runs": .strings(comparison.unpaired),
      "runs_without_key": .strings(design.withoutKey),
      "repeated_runs": .array(design.repeated.map(JSONValue.strings)),
      "warnings": .strings(comparison.warnings), "notes": .strings(notes),
      "arms_without_pairs": .array(
        design.separations.map { .object(["arm": .string($0.arm), "key": .string($0.label)]) }),
      "arms_with_ceiling_not_reached": .strings(comparison.unreached),
      "measures": .array(comparison.measures.map(\.json)),
      "law": .array(comparison.laws.map(\.json)),
    ])
  }
}

extension JSONValue {
  fileprivate static func strings(_ texts: [String]) -> JSONValue {
    .array(texts.map(JSONValue.string))
  }
}

extension MeasureComparison {
  /// Both families with their sizes.
  var json: JSONValue {
    .object([
      "measure": .string(measure.rawValue), "what": .string(measure.words),
      "difference_of_logarithms": .bool(measure.isRatio),
      "family_size": .number(Double(familySize)),
      "pooled_family_size": .number(Double(pooledFamilySize)),
      "runs_without_value": .array(missing.map(JSONValue.string)),
      "by_size": .array(bySize.map(\.json)), "pooled": .array(pooled.map(\.json)),
    ])
  }
}

extension ArmComparison {
  /// The comparison with its pairs.
  var json: JSONValue {
    var members: [String: JSONValue] = [
      "arm": .string(arm), "baseline": .string(baseline), "size": .optional(size),
      "pairs": .array(
        pairs.map {
          .object([
            "block": .string($0.block), "size": .optional($0.size),
            "arm": .optional($0.armValue), "baseline": .optional($0.baselineValue),
          ])
        }),
      "verdict": .string(verdict.name), "sign_changes_with_size": .bool(signChanges),
      "heterogeneity": heterogeneity?.json ?? .null,
      "smallest_sign_flip_p": pairs.isEmpty
        ? .null : .number(SignFlip.smallestP(pairs: pairs.count)),
    ]
    members.merge(estimate?.members ?? DifferenceEstimate.noMembers) { own, _ in own }
    return .object(members)
  }
}

extension ArmComparison.Verdict {
  /// One word for programs.
  fileprivate var name: String {
    switch self {
    case .higher: "higher"
    case .lower: "lower"
    case .equivalent: "equivalent"
    case .higherAlone: "higher_before_holm"
    case .lowerAlone: "lower_before_holm"
    case .notShown: "not_shown"
    case .cannotTell: "cannot_tell"
    }
  }
}

extension Heterogeneity {
  fileprivate var json: JSONValue {
    .object(["test": test.json, "sd_between_sizes": .optional(standardDeviation)])
  }
}

extension EffectTest {
  fileprivate var json: JSONValue {
    .object([
      "f": .number(f), "numerator": .number(numerator), "denominator": .number(denominator),
      "p": .number(p), "p_holm": .optional(holmP),
    ])
  }
}

extension DifferenceEstimate {
  fileprivate static let noMembers: [String: JSONValue] = [
    "difference": .null, "reason": "no pair",
  ]

  fileprivate var members: [String: JSONValue] {
    [
      "difference": .number(value), "pair_count": .number(Double(pairCount)),
      "size_count": .number(Double(sizeCount)), "standard_error": .optional(standardError),
      "degrees_of_freedom": .optional(degreesOfFreedom),
      "spread_of": spread.map { .string($0.rawValue) } ?? .null,
      "interval": interval?.json ?? .null,
      "simultaneous_interval": simultaneousInterval?.json ?? .null, "p": .optional(p),
      "p_holm": .optional(holmP), "p_sign_flip": .optional(signFlipP),
      "p_equivalence": .optional(equivalenceP),
      "p_equivalence_holm": .optional(holmEquivalenceP), "hedges_g_av": .optional(hedgesG),
      "evaluation_error": .optional(evaluationError),
      "reason": reason.map(JSONValue.string) ?? .null,
    ]
  }
}

extension LawEquality {
  /// Tests, spreads and differences at one size.
  var json: JSONValue {
    .object([
      "size": .optional(size), "blocks": .number(Double(blockCount)),
      "arms": .array(
        arms.map {
          .object([
            "arm": .string($0.name), "runs": .number(Double($0.runCount)),
            "mean": $0.mean?.json ?? .null,
            "runs_left_out": .array($0.leftOut.map(JSONValue.string)),
          ])
        }),
      "pillai_trace": .optional(trace), "joint": joint?.json ?? .null, "a": a?.json ?? .null,
      "b": b?.json ?? .null, "ceiling": ceiling?.json ?? .null,
      "these_curves": curves?.json ?? .null, "run_sd": runSpread?.json ?? .null,
      "evaluation_error": evaluationError?.json ?? .null, "arm_sd": armSpread?.json ?? .null,
      "unequal_spread": unequalSpread.map {
        .object(["arm": .string($0.arm), "ratio": .optional($0.ratio)])
      } ?? .null,
      "differences": .array(differences.map(\.json)),
      "equivalence": equivalence.map {
        .object([
          "margin": .number($0.margin), "largest_p": .number($0.p),
          "pair": .array([.string($0.arm), .string($0.baseline)]), "shown": .bool($0.isShown),
        ])
      } ?? .null,
      "reason": reason.map(JSONValue.string) ?? .null,
    ])
  }
}
