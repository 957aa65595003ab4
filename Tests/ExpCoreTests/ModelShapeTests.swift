import ExpCore
import Testing

@Suite("Model sizes")
struct ModelShapeTests {
  @Test(
    "The ladder has the published non-embedding parameter counts",
    arguments: [
      ("14k", 13_920), ("24k", 23_680), ("83k", 83_232), ("151k", 150_912), ("303k", 302_720),
      ("974k", 974_080), ("2.7m", 2_656_512),
    ])
  func counts(name: String, count: Int) throws {
    #expect(try #require(ModelShape.named(name)).nonEmbeddingParameterCount == count)
  }
}
