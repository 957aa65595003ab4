/// The widths of a decoder-only transformer of the Qwen2/LLaMA kind.
public struct ModelShape: Sendable, Hashable, Codable {
  /// Channels of the residual stream, C.
  public var width: Int
  /// Transformer blocks, L.
  public var layers: Int
  /// Query heads, NH; divides `width`.
  public var heads: Int
  /// Key and value heads; divides `heads`.
  public var kvHeads: Int
  /// Hidden width of the SwiGLU block.
  public var hidden: Int
  /// Whether the output projection is the transposed embedding.
  public var tiedEmbeddings: Bool
  /// Whether the query, key and value projections carry a bias, as Qwen2's do.
  public var qkvBias: Bool

  enum CodingKeys: String, CodingKey {
    case width, layers, heads, hidden
    case kvHeads = "kv_heads"
    case tiedEmbeddings = "tied_embeddings"
    case qkvBias = "qkv_bias"
  }

  /// Makes a shape; `hidden` nil means 8/3 of the width rounded to a multiple of 16.
  public init(
    width: Int, layers: Int, heads: Int, kvHeads: Int? = nil, hidden: Int? = nil,
    tiedEmbeddings: Bool = true, qkvBias: Bool = false
  ) {
    self.width = width
    self.layers = layers
    self.heads = heads
    self.kvHeads = kvHeads ?? heads
    self.hidden = hidden ?? ModelShape.defaultHidden(width: width)
    self.tiedEmbeddings = tiedEmbeddings
    self.qkvBias = qkvBias
  }

  /// 8/3 of the width, rounded to the nearest multiple of 16 and at least 16.
  public static func defaultHidden(width: Int) -> Int {
    max(16, Int((Double(width) * 8 / 3 / 16).rounded()) * 16)
  }

  /// Channels of one head.
  public var headWidth: Int { width / heads }

  /// Trainable parameters of the blocks, the law's N: embedding, output projection and final norm are not counted.
  public var nonEmbeddingParameterCount: Int {
    let keyWidth = kvHeads * headWidth
    let attention = width * (width + 2 * keyWidth) + width * width
    let bias = qkvBias ? width + 2 * keyWidth : 0
    let block = attention + bias + 3 * width * hidden + 2 * width
    return layers * block
  }

  /// The ladder of named sizes, smallest first: the measured one up to 2.7m, then its continuation.
  public static let named: [(name: String, shape: ModelShape)] = [
    ("14k", ModelShape(width: 24, layers: 2, heads: 2)),
    ("24k", ModelShape(width: 32, layers: 2, heads: 2)),
    ("83k", ModelShape(width: 48, layers: 3, heads: 3)),
    ("151k", ModelShape(width: 64, layers: 3, heads: 4)),
    ("303k", ModelShape(width: 80, layers: 4, heads: 5)),
    ("974k", ModelShape(width: 128, layers: 5, heads: 8)),
    ("2.7m", ModelShape(width: 192, layers: 6, heads: 12)),
    ("10m", ModelShape(width: 320, layers: 8, heads: 10)),
    ("32m", ModelShape(width: 512, layers: 10, heads: 16)),
    ("106m", ModelShape(width: 768, layers: 15, heads: 24)),
  ]

  /// The name of the ladder's size with these widths; nil where there is none.
  ///
  /// Tied embeddings and biases do not count: they are settings beside the size.
  public var sizeName: String? {
    ModelShape.named.first { named in
      named.shape.width == width && named.shape.layers == layers && named.shape.heads == heads
        && named.shape.kvHeads == kvHeads && named.shape.hidden == hidden
    }?.name
  }

  /// The shape of a named size.
  public static func named(_ name: String) -> ModelShape? {
    named.first { $0.name == name }?.shape
  }
}
