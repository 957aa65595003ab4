import ExpCore
import Foundation
import TestSupport
import Testing
import TrainerProtocol

@Suite("Events read back")
struct TrainEventTests {
  @Test("as what was written", arguments: ProtocolSamples.fullEvents)
  func roundTrip(event: TrainEvent) throws {
    let data = try JSONEncoder().encode(event)
    #expect(!data.contains(UInt8(ascii: "\n")))
    #expect(try JSONDecoder().decode(TrainEvent.self, from: data) == event)
  }

  static let hex = ProtocolSamples.hash.hex

  static func attempt(number: String = "1", fingerprint: String = hex) -> String {
    """
    {"event":"attempt","number":\(number),"resume_step":0,"total_steps":1,"pid":1,"host":"h",
    "started_at":"2025-06-01T12:00:00Z","source_fingerprint":"\(fingerprint)","blas":"",
    "compute":{"blas_core_type":"","kernel_set":"generic","threads":1}}
    """
  }

  @Test(
    "or say what is wrong with them",
    arguments: [
      (#"{"event":"sleep","step":1,"seconds":1}"#, "'event': 'sleep' is not an event"),
      (#"{"step":1,"seconds":1}"#, "key 'event' is missing in the document"),
      (#"{"event":"metrics","seconds":1,"values":{}}"#, "key 'step' is missing in the document"),
      (#"{"event":"metrics","step":1,"seconds":1}"#, "key 'values' is missing in the document"),
      (#"{"event":"metrics","step":-1,"seconds":1,"values":{}}"#, "'step': -1 is below 0"),
      (#"{"event":"message","step":1,"seconds":-2.5,"text":""}"#, "'seconds': -2.5 is below 0"),
      (
        #"{"event":"metrics","step":1,"seconds":1,"values":{"entropy":"low"}}"#,
        "'values.entropy' is not of type Double"
      ),
      (
        #"{"event":"end","step":1,"seconds":1,"status":"done"}"#,
        "'status': Cannot initialize EndStatus from invalid String value done"
      ),
      (attempt(number: "0"), "the document: attempt 0 from step 0 of 1 cannot be"),
      (
        attempt(fingerprint: "abc"),
        "'source_fingerprint': 'abc' is not a SHA-256 in hexadecimal"
      ),
    ])
  func wrong(text: String, words: String) throws {
    let document = try JSONValue(parsing: text.utf8)
    let error = #expect(throws: JSONParsingError.self) {
      try document.decoded(as: TrainEvent.self)
    }
    #expect(error?.description == words)
  }

  @Test(
    "or are refused without a trap",
    arguments: [
      #"{"event":"metrics","step":1e300,"seconds":1,"values":{}}"#,
      #"{"event":"metrics","step":1.5,"seconds":1,"values":{}}"#,
      #"{"event":"metrics","step":9223372036854775808,"seconds":1,"values":{}}"#,
      #"{"event":"metrics","step":1,"seconds":1,"values":{"entropy":1e999}}"#,
      #"{"event":"metrics","step":1,"seconds":1,"values":{"entropy":NaN}}"#,
      #"{"event":"metrics","step":1,"seconds":1,"val"#, "null", "",
    ])
  func refused(text: String) {
    #expect(throws: (any Error).self) {
      try JSONDecoder().decode(TrainEvent.self, from: Data(text.utf8))
    }
  }

  @Test("Keys that are not known are passed over, so that a later version stays readable")
  func foreignKeys() throws {
    let text = #"{"event":"message","step":1,"seconds":2,"text":"hi","level":"info"}"#
    #expect(
      try JSONDecoder().decode(TrainEvent.self, from: Data(text.utf8))
        == .message(step: 1, seconds: 2, text: "hi"))
  }

  @Test("A request and a result read back as written")
  func requestAndResult() throws {
    let request = try ProtocolSamples.fullRequest()
    let result = try ProtocolSamples.result()
    #expect(try JSONValue(encoding: request).decoded(as: RunRequest.self) == request)
    #expect(try JSONValue(encoding: result).decoded(as: RunResult.self) == result)
  }
}
