import ExpCore
import Foundation
import TestSupport
import Testing
import TrainerProtocol

@Suite("The schemas of what scheduler and trainer exchange", .enabled(if: SchemaJudge.isWanted))
struct SchemaTests {
  @Test("accept every request that can be planned")
  func requests() throws {
    var configs = [try ProtocolSamples.config(rl: false)]
    for task in TaskConfig.Name.allCases {
      configs.append(try ProtocolSamples.config(task: task.rawValue, rl: false))
      configs.append(try ProtocolSamples.config(task: task.rawValue))
    }
    for algorithm in TrainConfig.Algorithm.allCases {
      configs.append(try ProtocolSamples.config(algorithm: algorithm.rawValue))
    }
    let controls = [
      #"{"method":"none"}"#, #"{"method":"entropy_bonus","coefficient":0.02}"#,
      #"{"method":"kl_reference","coefficient":0.001,"estimator":"k3"}"#,
      #"{"method":"clip_higher","clip_ratio_high":0.28}"#,
      #"{"method":"clip_cov","token_fraction":0.02,"covariance_low":1,"covariance_high":5}"#,
      #"{"method":"kl_cov","token_fraction":0.02,"coefficient":1}"#,
      #"{"method":"high_entropy_tokens","token_fraction":0.2,"reverse":true}"#,
      #"{"method":"probability_mask","threshold":0.9}"#,
    ]
    #expect(controls.count == EntropyControlConfig.Method.allCases.count)
    configs += try controls.map { try ProtocolSamples.config(control: $0) }
    let texts = try configs.map {
      try ProtocolSamples.text(ProtocolSamples.request(config: $0))
    }
    let problems = try SchemaJudge.problems(of: texts, by: "request")
    #expect(problems == texts.map { _ in [] })
  }

  @Test("accept every event and the final record")
  func eventsAndResult() throws {
    var events = ProtocolSamples.fullEvents
    var bare = ProtocolSamples.attempt
    bare.binarySHA256 = nil
    events += [.attempt(bare), .end(step: 0, seconds: 0, status: .stopped, reason: nil)]
    let texts = try events.map(ProtocolSamples.text)
    #expect(try SchemaJudge.problems(of: texts, by: "event") == texts.map { _ in [] })
    let result = try ProtocolSamples.text(ProtocolSamples.result())
    #expect(try SchemaJudge.problems(of: [result], by: "result") == [[]])
  }

  static let wrongRequests: [(String, JSONValue?)] = [
    ("config.task.numbers", JSONValue.array([1])), ("config.task.numbers", []),
    ("config.task.numbers", nil), ("config.task.max_target", 100),
    ("config.task.max_depth", 2), ("config.task.slip_probability", 1.5),
    ("config.model.width", 4), ("config.model.layers", 65), ("config.model.heads", 2.5),
    ("config.base.steps", -1), ("config.base.beta2", 1), ("config.train", nil),
    ("config.train.algorithm", "ppo"), ("config.train.scale_by_std", nil),
    ("config.train.gae_lambda", 1), ("config.train.reward", nil), ("config.train.top_p", 2),
    ("config.train.entropy_control", "none"), ("config.train.entropy_control.coefficient", 1),
    ("config.train.entropy_control.method", "clip_cov"), ("config.evaluate", nil),
    ("config.seed", -1), ("base", nil), ("base.sha256", nil), ("kind", "base"), ("id", "../x"),
    ("schema", 2), ("compute.threads", 0), ("source_fingerprint", "abc"), ("more", 1),
  ]

  // One judgement for all of them: each starts a Python.
  @Test("refuse a request with a wrong value, a missing or a foreign key")
  func refusedRequests() throws {
    let good = try JSONValue(
      encoding: ProtocolSamples.request(config: try ProtocolSamples.config()))
    let texts = SchemaTests.wrongRequests.map { path, value in
      var document = good
      document[path: path] = value
      return document.canonicalJSON
    }
    let problems = try SchemaJudge.problems(of: texts, by: "request")
    for ((path, value), found) in zip(SchemaTests.wrongRequests, problems) {
      #expect(!found.isEmpty, "\(path) = \(value?.canonicalJSON ?? "nothing") was accepted")
    }
  }

  static let wrongEvents = [
    #"{"event":"sleep","step":1,"seconds":1}"#, #"{"event":"metrics","step":1,"seconds":1}"#,
    #"{"event":"metrics","step":1,"seconds":1,"values":{"entropy":"low"}}"#,
    #"{"event":"metrics","step":1,"seconds":1,"values":{"entropy":null}}"#,
    #"{"event":"metrics","step":-1,"seconds":1,"values":{}}"#,
    #"{"event":"metrics","step":1.5,"seconds":1,"values":{}}"#,
    #"{"event":"end","step":1,"seconds":1,"status":"done"}"#,
    #"{"event":"checkpoint","step":1,"seconds":1,"file":"x","size":3}"#,
    #"{"event":"message","step":1,"seconds":-1,"text":""}"#, #"{"step":1}"#, "[]",
  ]

  @Test("refuse an event with a wrong value, a missing or a foreign key")
  func refusedEvents() throws {
    let problems = try SchemaJudge.problems(of: SchemaTests.wrongEvents, by: "event")
    for (text, found) in zip(SchemaTests.wrongEvents, problems) {
      #expect(!found.isEmpty, "\(text) was accepted")
    }
  }
}
