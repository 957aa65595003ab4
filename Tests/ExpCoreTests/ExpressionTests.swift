import ExpCore
import Testing

@Suite("Expressions")
struct ExpressionTests {
  static let row: JSONValue = [
    "status": "succeeded", "seed": 3, "note": "7B or not", "flag": true, "none": nil,
    "wall_seconds": 5400,
    "train": [
      "algorithm": "grpo", "entropy_control": ["method": "clip_cov", "token_fraction": 0.02],
    ],
    "model": ["size": "303k", "params": 302_720], "task": ["numbers": [4], "lengths": [3, 4]],
  ]

  @Test(
    "Each form means what it says",
    arguments: [
      ("seed = 3", true), ("seed = 3.0", true), ("seed != 3", false), ("seed != 4", true),
      ("seed < 3", false),
      ("seed <= 3", true), ("seed > 2", true), ("seed >= 4", false), ("seed = x", false),
      ("seed != x", true),
      ("seed < x", false), ("train.algorithm = grpo", true), ("train.algorithm = 'grpo'", true),
      ("train.algorithm = \"GRPO\"", false), ("train.algorithm in (rloo, grpo)", true),
      ("train.algorithm not in (rloo, grpo)", false), ("seed in (1, 2)", false),
      ("train.algorithm ~ ^g", true),
      ("train.algorithm ~ '^(rloo|gr.o)$'", true), ("seed ~ '[0-3]'", true),
      ("note = '7B or not'", true),
      ("flag = true", true), ("flag != false", true), ("flag = yes", false), ("none = null", true),
      ("none = 0", false), ("none != 0", true), ("model.params < 1e6", true),
      ("model.params >= 300k", true),
      ("model.params < 7B", true), ("model.params = 0.30272m", true), ("model.size = 303k", true),
      ("model.size = '303k'", true), ("model.size = 0.303M", true), ("model.size < 1m", true),
      ("model.size in (24k, 303K)", true), ("wall_seconds = 90m", true),
      ("wall_seconds < 2h", true),
      ("wall_seconds > 1d", false), ("wall_seconds >= 5400s", true),
      ("train.entropy_control = clip_cov", true),
      ("train.entropy_control.token_fraction = 2e-2", true), ("task.numbers = 4", true),
      ("task.lengths = '[3,4]'", true),
      ("seed = 3 and train.algorithm = rloo", false), ("seed = 3 or train.algorithm = rloo", true),
      ("seed = 1 or seed = 3 and flag = true", true),
      ("(seed = 1 or seed = 3) and flag = false", false),
      ("not seed = 1", true), ("not not seed = 3", true), ("not (seed = 3 or flag = false)", false),
      // A missing value makes a comparison false, whichever it is.
      ("missing = 1", false), ("missing != 1", false), ("missing in (1)", false),
      ("missing ~ .", false),
      ("not missing = 1", true),
    ])
  func evaluation(text: String, holds: Bool) throws {
    let expression = try Expression.parse(text)
    let lookup: (String) -> JSONValue? = { ExpressionTests.row[path: $0] }
    #expect(expression.evaluate(lookup) == holds)
    #expect(expression.predicate()(lookup) == holds)
  }

  @Test("The tree is flat, names keep their order, and literals know how they were written")
  func tree() throws {
    let expression = try Expression.parse(
      "a.b = 1 and (c ~ 'x' or a.b in (2, '3')) and not d-e > 5k")
    #expect(
      expression
        == .and([
          .comparison(key: "a.b", .equal, .init("1")),
          .or([
            .match(key: "c", pattern: "x"),
            .membership(key: "a.b", [.init("2"), .init("3", isQuoted: true)]),
          ]), .not(.comparison(key: "d-e", .greater, .init("5k"))),
        ]))
    #expect(expression.keys == ["a.b", "c", "d-e"])
    #expect(Expression.Literal("3", isQuoted: true).number(for: "seed") == nil)
    #expect(Expression.Literal("30m").number(for: "limits.timeout") == 1800)
    #expect(Expression.Literal("30m").number(for: "model.params") == 30_000_000)
  }

  @Test(
    "A wrong text is refused with its column",
    arguments: [
      ("", 1, "the expression is empty"), ("  ", 1, "the expression is empty"),
      ("seed", 5, "expected =, !=, <, <=, >, >=, ~ or 'in' after 'seed', found the end"),
      ("seed =", 7, "expected a value, found the end"),
      ("seed = and", 8, "expected a value, found 'and'"),
      ("= 3", 1, "expected a key such as train.algorithm, found '='"),
      ("3 = seed", 1, "expected a key such as train.algorithm, found '3'"),
      ("a. = 3", 1, "expected a key such as train.algorithm, found 'a.'"),
      ("seed == 3", 6, "'==' is not an operator"), ("seed ! 3", 6, "'!' is not an operator"),
      ("seed = 3 seed = 4", 10, "expected 'and', 'or' or the end, found 'seed'"),
      ("seed = 3 AND seed = 4", 10, "expected 'and', 'or' or the end, found 'AND'"),
      ("(seed = 3", 10, "expected 'and', 'or' or ')', found the end"),
      ("seed = 3)", 9, "expected 'and', 'or' or the end, found ')'"),
      ("seed in 3", 9, "expected '(' after 'in', found '3'"),
      ("seed in (3 4)", 12, "expected ',' or ')', found '4'"),
      ("seed not 3", 10, "expected 'in' after 'not', found '3'"),
      ("a = 'x", 5, "the quote that starts here has no end"),
      ("é = 'ü", 5, "the quote that starts here has no end"),
    ])
  func refusals(text: String, column: Int, message: String) {
    let error = #expect(throws: ExpressionError.self) { try Expression.parse(text) }
    #expect(error?.message == message)
    #expect(error?.column == column)
  }

  @Test("A pattern that is no regular expression is refused where it stands")
  func patterns() {
    let error = #expect(throws: ExpressionError.self) {
      try Expression.parse("seed = 1 and a ~ '('")
    }
    #expect(error?.column == 18)
    #expect(error?.message.hasPrefix("'(' is not a regular expression") == true)
  }

  @Test("Deep, long and wide texts end in an error or a flat tree, not in a deep stack")
  func limits() throws {
    let deep = String(repeating: "(", count: 5000) + "a = 1" + String(repeating: ")", count: 5000)
    #expect(throws: ExpressionError.self) { try Expression.parse(deep) }
    #expect(throws: ExpressionError.self) {
      try Expression.parse(String(repeating: "not ", count: 3000) + "a = 1")
    }
    #expect(throws: ExpressionError.self) {
      try Expression.parse(String(repeating: " ", count: 20_000))
    }
    let wide = [String](repeating: "a=1", count: 2000).joined(separator: " or ")
    #expect(try Expression.parse(wide).evaluate { _ in 1 })
  }

  @Test(
    "Sizes and times with units",
    arguments: [
      ("1e6", 1e6, 1e6), ("7B", 7e9, nil), ("300k", 300_000, nil), ("2.7m", 2_700_000, 162),
      ("90s", nil, 90),
      ("2h", nil, 7200), ("1.5d", nil, 129_600), ("-3", -3, -3), ("1e3k", nil, nil),
      ("k", nil, nil), ("", nil, nil),
      ("nan", nil, nil), ("0x10", nil, nil), ("1e999", nil, nil), ("1_0", nil, nil),
      (" 1", nil, nil),
    ] as [(String, Double?, Double?)])
  func quantities(text: String, size: Double?, duration: Double?) {
    #expect(Quantity.size(text) == size)
    #expect(Quantity.duration(text) == duration)
  }

  @Test(
    "The nearest name is offered, or none",
    arguments: [
      ("algorthm", "algorithm"), ("Algorithm", "algorithm"), ("learning-rate", "learning_rate"),
      ("lerning_rate", "learning_rate"),
      ("stpes", "steps"), ("momentum", nil), ("", nil),
      ("train.learning_rat", "train.learning_rate"),
      ("train.stpes", "train.steps"), ("warmup_step", "base.warmup_steps"),
    ] as [(String, String?)])
  func suggestions(name: String, expected: String?) {
    let known = [
      "algorithm", "learning_rate", "steps", "train.learning_rate", "train.steps",
      "base.warmup_steps",
    ]
    #expect(Suggestion.nearest(to: name, among: known) == expected)
  }
}
