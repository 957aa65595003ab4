internal import ExpCore

extension GoldenFunctions {
  static func spoChain(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let probabilities = try golden.inputs.numbers("response_prob")
    let threshold = try golden.params.number("prob_threshold")
    let boundaries = SPOChain.cutPoints(
      probabilities: probabilities, threshold: threshold,
      interval: try golden.params.count("cutpoint_interval"))
    let given = try golden.inputs.integers("boundary_positions")
    guard boundaries == given else {
      throw GoldenError("our boundaries are \(boundaries), not \(given)")
    }
    let advantages = SPOChain.advantages(
      probabilities: probabilities, boundaries: boundaries,
      values: try golden.inputs.numbers("boundary_values", count: boundaries.count),
      score: try golden.inputs.number("final_score"), threshold: threshold)
    return ["token_advantages": GoldenValue(advantages)]
  }

  static func spoTree(_ golden: GoldenCase) throws -> [String: GoldenValue] {
    let isScaled = try named(
      golden.params.string("method"),
      ["mean-centred": false, "mean-centred / population std + 1e-8": true], "method")
    var tree = SPOTree()
    var rewards = [0.0]
    try grow(&tree, &rewards, below: 0, golden.inputs.value("leaf_rewards"))
    let values = tree.values(rewards: rewards)
    let advantages = tree.advantages(values: values, scaled: isScaled)
    return [
      "node_values_preorder": GoldenValue(values),
      "edge_advantages_preorder": GoldenValue(advantages),
      "kept_for_training": GoldenValue(advantages.map { SPOTree.isTrainedOn($0) ? 1 : 0 }),
    ]
  }

  /// Nodes are added in preorder, as the expectations list them.
  private static func grow(
    _ tree: inout SPOTree, _ rewards: inout [Double], below parent: Int, _ value: JSONValue
  ) throws {
    guard let children = value.array else {
      rewards[parent] = try GoldenObject.number(value, "inputs.leaf_rewards")
      return
    }
    guard !children.isEmpty else { throw GoldenError("'inputs.leaf_rewards' has an empty node") }
    for child in children {
      let node = tree.add(childOf: parent)
      rewards.append(0)
      try grow(&tree, &rewards, below: node, child)
    }
  }
}
