import Testing
import Trainer

@Suite("The small language: grammar, meaning and limits")
struct CodeLanguageTests {
  private let vocabulary: Vocabulary

  init() throws {
    vocabulary = try CodeTask(
      maxStatements: 1, maxNesting: 1, examples: [8], stepBudget: 100, slipProbability: 0
    ).vocabulary
  }

  private func run(_ text: String, _ x: Int, _ y: Int, budget: Int = 100) -> Int? {
    CodeCompiler.compile(vocabulary.tokens(text))?.run([x, y], budget: budget)
  }

  @Test(
    "Programs and their results, worked out by hand",
    arguments: [
      ("return x + y .", 7, 5, 2), ("return x - y .", 3, 5, 8), ("return x * y .", 7, 8, 6),
      ("return z .", 7, 8, 0), ("return 4 .", 1, 1, 4), ("return x + 3 * y .", 1, 5, 0),
      ("x = y y = x return x - y .", 9, 4, 0), ("z = x + 1 return z * z .", 9, 0, 0),
      ("if x < y { return x } return y .", 2, 5, 2), ("if x < y { return x } return y .", 5, 5, 5),
      ("if x == y { z = 1 } else { z = 2 } return z .", 3, 3, 1),
      ("if x == y { z = 1 } else { z = 2 } return z .", 3, 4, 2),
      ("if x < 3 { } else { x = 0 } return x .", 2, 0, 2),
      ("while x < y { x = x + 2 } return x .", 1, 6, 7),
      ("repeat 4 { z = z + x } return z .", 3, 0, 2), ("repeat x { } return y .", 0, 6, 6),
      // How often is settled before the first time.
      ("repeat x { x = x + 1 } return x .", 3, 0, 6),
      ("repeat 2 { repeat 3 { z = z + 1 } } return z .", 0, 0, 6),
      ("repeat x { if z == 2 { return y } z = z + 1 } return 9 .", 5, 7, 7),
      ("repeat x { if z == 2 { return y } z = z + 1 } return 9 .", 2, 7, 9),
      ("return x return y .", 1, 2, 1),
    ])
  func results(text: String, x: Int, y: Int, result: Int) {
    #expect(run(text, x, y) == result)
  }

  @Test(
    "Programs without a result",
    arguments: [
      ".", "x = 1 .", "while x == x { } return x .", "while 0 < 1 { y = y + 1 } return y .",
      "if x < y { return x } .", "repeat 9 { repeat 9 { z = z + 1 } } return z .",
    ])
  func noResult(text: String) {
    #expect(CodeCompiler.compile(vocabulary.tokens(text)) != nil)
    #expect(run(text, 5, 5) == nil)
  }

  @Test("The budget counts instructions: one more than a program needs is enough, one fewer is not")
  func budget() {
    // load, store; load, finish
    #expect(run("z = 4 return z .", 0, 0, budget: 4) == 4)
    #expect(run("z = 4 return z .", 0, 0, budget: 3) == nil)
    #expect(run("z = 4 return z .", 0, 0, budget: 0) == nil)
    #expect(run("repeat 9 { repeat 9 { z = z + 1 } } return z .", 0, 0, budget: 1000) == 1)
  }

  @Test(
    "Text that is no program",
    arguments: [
      "", "return x", "return x . .", "return .", "return + x .", "x = .", "x + y .", "= x .",
      "return x y .", "if x < y return x .", "if x { return x } .", "if x < { return x } .",
      "if x < y { return x .", "return x } .", "{ return x } .", "else { return x } .",
      "while x < y { } else { } return x .", "repeat { } return x .", "return x > y .",
      "5 = x return x .", "x == y return x .", "return x | .", "return . x", "repeat x + 1 { } .",
      "if x < y { return x } else return y .",
    ])
  func noProgram(text: String) {
    #expect(CodeCompiler.compile(vocabulary.tokens(text)) == nil)
  }

  @Test("Blocks may lie in each other eight deep and no deeper")
  func nesting() {
    func nested(_ depth: Int) -> String {
      String(repeating: "repeat 1 { ", count: depth) + "z = z + 1 "
        + String(repeating: "} ", count: depth) + "return z ."
    }
    #expect(run(nested(CodeProgram.mostNesting), 0, 0) == 1)
    #expect(CodeCompiler.compile(vocabulary.tokens(nested(CodeProgram.mostNesting + 1))) == nil)
    #expect(CodeCompiler.compile(vocabulary.tokens(nested(100_000))) == nil)
  }

  @Test("Random tokens neither crash nor hang, and digits stay digits")
  func fuzz() {
    var random = TrainerFixtures.random()
    var programs = 0
    for _ in 0..<60_000 {
      // Now and then a token that is none; `return x` at the end, so that some short strings are programs.
      let tokens =
        (0..<random.below(24)).map { _ in
          random.below(40) == 0
            ? Int32(truncatingIfNeeded: random.next()) : Int32(2 + random.below(28))
        } + [27, 14, Vocabulary.eos]
      guard let program = CodeCompiler.compile(tokens) else { continue }
      programs += 1
      let result = program.run([random.below(10), random.below(10)], budget: 300)
      #expect(result.map((0...9).contains) ?? true)
    }
    #expect(programs > 1500)
    for token: Int32 in [.min, .max, -1, 1000] {
      #expect(CodeCompiler.compile([27, 14, token, 14, Vocabulary.eos]) == nil)
      #expect(CodeCompiler.compile([token]) == nil)
    }
  }

  @Test("Blocks drawn at random run within any budget")
  func fuzzBlocks() {
    var random = TrainerFixtures.random(1)
    let pieces = [
      "x = y + 3", "z = x * z", "if x < z {", "while y == 2 {", "repeat y {", "repeat 9 {", "}",
      "} else {", "return z", "while x < 9 {", "y = y - 1",
    ]
    var programs = 0
    for _ in 0..<20_000 {
      let text = (0..<random.below(9)).map { _ in pieces[random.below(pieces.count)] }
      guard
        let program = CodeCompiler.compile(
          vocabulary.tokens(text.joined(separator: " ") + " return x ."))
      else { continue }
      programs += 1
      let budget = random.below(2000)
      let inputs = [random.below(10), random.below(10)]
      let result = program.run(inputs, budget: budget)
      #expect(result.map((0...9).contains) ?? true)
      // What ends within a budget ends the same way within a larger one.
      if result != nil { #expect(program.run(inputs, budget: budget + 1) == result) }
    }
    #expect(programs > 2000)
  }
}
