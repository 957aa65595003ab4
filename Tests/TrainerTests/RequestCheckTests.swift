import ExpCore
import TestSupport
import Testing
import Trainer
import TrainerProtocol

@Suite("Requests that cannot be carried out")
struct RequestCheckTests {
  private func document() throws -> JSONValue {
    let config = TrainerFixtures.run()
    let request = RunRequest(
      id: TrainerFixtures.id("run"), kind: .rl, config: config,
      base: RunRequest.Base(id: TrainerFixtures.id("base"), checkpoint: "x", sha256: nil),
      compute: TrainerFixtures.compute, sourceFingerprint: TrainerFixtures.sources)
    return try JSONValue(encoding: request)
  }

  private func read(_ document: JSONValue) throws -> RunRequest {
    try RequestCheck.read(document.canonicalJSON.utf8, path: "/r/request.json")
  }

  @Test("A whole request is taken as it is")
  func whole() throws {
    #expect(try read(try document()).config == TrainerFixtures.run())
    #expect(throws: Never.self) {
      try RequestCheck.check(TrainerFixtures.baseRequest(TrainerFixtures.run()))
    }
  }

  @Test(
    "One wrong number is refused by its name",
    arguments: [
      ("schema", 2), ("compute.threads", 0), ("checkpoint_seconds", -1), ("config.seed", -1),
      ("config.task.max_depth", 5), ("config.task.slip_probability", 1.5),
      ("config.model.width", 0), ("config.model.width", 1e15), ("config.model.heads", 3),
      ("config.model.kv_heads", 0), ("config.model.params", 7), ("config.model.layers", 1e9),
      ("config.base.steps", -1), ("config.base.batch_size", 0), ("config.base.beta1", 1),
      ("config.base.learning_rate", -1), ("config.base.max_grad_norm", 0),
      ("config.train.prompts_per_step", 0), ("config.train.samples_per_prompt", 1e15),
      ("config.train.micro_batch_size", 0), ("config.train.updates_per_rollout", 0),
      ("config.train.temperature", 0), ("config.train.clip_ratio_low", 2),
      ("config.evaluate.every", 0), ("config.evaluate.prompts", 0), ("config.evaluate.keep", -1),
    ])
  func wrongNumbers(key: String, value: Double) throws {
    var request = try document()
    request[path: key] = .number(value)
    let error = #expect(throws: TrainerError.self) { try read(request) }
    #expect(error?.exit == .badRequest)
    let last = key.split(separator: ".").last.map(String.init) ?? key
    // Widths that do not fit together are named as a whole.
    let isNamed = error?.message.contains(last) == true || key == "config.model.heads"
    #expect(isNamed)
  }

  @Test(
    "A missing or foreign part is refused",
    arguments: [
      "config.train", "config.evaluate", "config.seed", "base", "config.task.list_lengths", "id",
      "config", "source_fingerprint",
    ])
  func missing(key: String) throws {
    var request = try document()
    request[path: key] = nil
    #expect(throws: TrainerError.self) { try read(request) }
  }

  @Test("Settings that an entropy control needs must be there")
  func control() throws {
    for method in EntropyControlConfig.Method.allCases where method != .none {
      var request = try document()
      request[path: "config.train.entropy_control"] = ["method": .string(method.rawValue)]
      #expect(throws: TrainerError.self) { try read(request) }
    }
  }

  @Test(
    "Text that is no request is refused", arguments: ["", "{}", "[]", "null", "{\"schema\":1}"])
  func text(text: String) {
    #expect(throws: TrainerError.self) { try RequestCheck.read(text.utf8, path: "request.json") }
  }
}
