/// The tree over one prompt with the tokens of its segments.
struct SampledTree {
  let prompt: [Int32]
  let group: Int
  private(set) var tree = SPOTree()
  /// The segment that leads to each node; the root's is empty.
  private var segments: [SampledResponse]
  /// Reward of each leaf; that of inner nodes is not read.
  private(set) var rewards: [Double] = [0]
  /// The finished answers, as samples of their prompt.
  private(set) var leaves: [PolicyBatch.Sample] = []

  init(prompt: [Int32], group: Int) {
    self.prompt = prompt
    self.group = group
    segments = [
      SampledResponse(
        prompt: 0, sample: 0, tokens: [], logProbs: [], entropies: [], endedByEOS: false)
    ]
  }

  /// Adds a segment and returns its node.
  mutating func add(_ segment: SampledResponse, childOf parent: Int) -> Int {
    segments.append(segment)
    rewards.append(0)
    return tree.add(childOf: parent)
  }

  func segment(_ node: Int) -> SampledResponse { segments[node] }

  /// The segments from the root to a node.
  private func path(to node: Int) -> [SampledResponse] {
    var path: [SampledResponse] = []
    var node = node
    while node > 0 {
      path.append(segments[node])
      node = tree.parents[node]
    }
    return path.reversed()
  }

  /// All tokens up to a node.
  func context(of node: Int) -> [Int32] { prompt + path(to: node).flatMap(\.tokens) }

  /// Nodes without children.
  var leafNodes: [Int] {
    tree.children.enumerated().filter { $0.offset > 0 && $0.element.isEmpty }.map(\.offset)
  }

  /// The whole answer that ends in a leaf.
  func answer(of node: Int, prompt: Int) -> SampledResponse {
    let path = path(to: node)
    return SampledResponse(
      prompt: prompt, sample: node, tokens: path.flatMap(\.tokens),
      logProbs: path.flatMap(\.logProbs), entropies: path.flatMap(\.entropies),
      endedByEOS: path.last?.endedByEOS ?? false)
  }

  /// Takes the reward of a leaf.
  mutating func finish(
    _ node: Int, answer: SampledResponse, verdict: Double, reward: Double, score: Double
  ) {
    rewards[node] = reward
    leaves.append(
      PolicyBatch.Sample(
        prompt: prompt, response: answer, verdict: verdict, reward: reward, score: score,
        group: group))
  }
}
