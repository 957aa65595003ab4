import ExpStore
import Foundation
import TestSupport
import Testing
import TrainerProtocol

@Suite("Event logs")
struct RunLogTests {
  private func log(_ text: String) -> RunLog {
    var log = RunLog()
    log.append(text.utf8)
    return log
  }

  private func metrics(_ step: Int, _ values: String) -> String {
    #"{"event":"metrics","step":\#(step),"seconds":1.5,"values":{\#(values)}}"# + "\n"
  }

  private func attempt(_ resume: Int) throws -> String {
    try JSONLine.text(RunMaker.attempt(1, resume: resume))
  }

  @Test("several events of one step are one row, absent values are NaN")
  func merging() {
    let table = log(
      metrics(0, #""entropy":2,"val_score":0.5"#) + metrics(1, #""loss":1e-3"#)
        + metrics(1, #""entropy":1"#)
    ).table
    #expect(table.steps == [0, 1])
    #expect(table.columns.map(\.name) == ["entropy", "val_score", "loss"])
    #expect(table["entropy"] == [2, 1])
    #expect(table["val_score"]?[0] == 0.5)
    #expect(table["val_score"]?[1].isNaN == true)
    #expect(table.points(of: "loss").map(\.value) == [0.001])
    #expect(table["nothing"] == nil)
  }

  @Test("a cut-off last line waits for its rest")
  func cutOff() {
    var log = log(metrics(0, #""a":1"#) + #"{"event":"metrics","step":1,"sec"#)
    #expect(log.table.steps == [0])
    #expect(log.problemCount == 0)
    #expect(log.consumedBytes == metrics(0, #""a":1"#).utf8.count)
    log.append(#"onds":1,"values":{"a":2}}"#.utf8)
    #expect(log.table.steps == [0])
    log.append("\n".utf8)
    #expect(log.table["a"] == [1, 2])
  }

  @Test("an event written behind a cut-off one is found")
  func glued() throws {
    let text =
      metrics(0, #""a":1"#) + metrics(1, #""a":2"#)
      + #"{"event":"metrics","step":2,"val"# + (try attempt(0)) + metrics(1, #""a":3"#)
    let log = log(text)
    #expect(log.problems.map(\.line) == [3])
    #expect(log.attempts.count == 1)
    #expect(log.table["a"] == [1, 3])
  }

  @Test("an attempt drops later steps of earlier attempts only")
  func resuming() throws {
    let text =
      (try attempt(0)) + (0...5).map { metrics($0, #""a":\#($0)"#) }.joined()
      + (try attempt(2)) + metrics(3, #""a":30"#) + (try attempt(3)) + metrics(4, #""a":40"#)
    let table = log(text).table
    #expect(table.steps == [0, 1, 2, 3, 4])
    #expect(table["a"] == [0, 1, 2, 30, 40])
  }

  @Test("dropping works where steps came out of order")
  func outOfOrder() throws {
    let text =
      metrics(5, #""a":5"#) + metrics(1, #""b":1"#) + metrics(3, #""a":3"#)
      + (try attempt(3)) + metrics(2, #""a":2"#)
    let table = log(text).table
    #expect(table.steps == [1, 2, 3])
    #expect(table.points(of: "a").map(\.step) == [2, 3])
    #expect(table["b"]?[0] == 1)
  }

  @Test(
    "lines that are no events are reported, not fatal",
    arguments: [
      "garbage", "{}", "[]", "null", #"{"event":"party","step":1,"seconds":1}"#,
      #"{"event":"metrics","step":1.5,"seconds":1,"values":{}}"#,
      #"{"event":"metrics","step":-1,"seconds":1,"values":{"a":1}}"#,
      #"{"event":"metrics","step":1e300,"seconds":1,"values":{"a":1}}"#,
      #"{"event":"metrics","step":1,"seconds":1,"values":{"a":"x"}}"#,
      #"{"event":"metrics","step":1,"seconds":1,"values":{"":1}}"#,
      #"{"event":"metrics","step":1,"seconds":1,"values":{"a":01}}"#,
      String(repeating: "[", count: 100_000), "\u{0}\u{1}\u{ff}",
    ])
  func garbage(_ line: String) {
    let log = log(metrics(0, #""a":1"#) + line + "\n" + metrics(2, #""a":2"#))
    #expect(log.problems.map(\.line) == [2])
    #expect(log.table["a"] == [1, 2])
  }

  @Test(
    "numbers are read to the last bit",
    arguments: [
      "0", "-0.5", "1e-7", "0.1", "123456789.125", "2.2250738585072014e-308", "1E+3", "-1e22",
      "0.30000000000000004", "9007199254740993", "12345678901234567890", "5e-324",
      "0.000000000000000000000001",
    ])
  func numbers(_ text: String) throws {
    let value = try #require(log(metrics(0, #""a":\#(text)"#)).table["a"]?.first)
    #expect(value.bitPattern == Double(text)?.bitPattern)
  }

  @Test("unusual but valid JSON is read by the general decoder, null is not measured")
  func general() {
    let line = #" {"values" : {"\u0061" : 1, "é": 2}, "event":"metrics","seconds":0,"step":3 } "#
    let text = line + "\r\n" + metrics(4, #""a":null,"b":1"#)
    let log = log(text)
    #expect(log.problemCount == 0)
    #expect(log.table.steps == [3, 4])
    #expect(log.table.points(of: "a").map(\.value) == [1])
    #expect(log.table.points(of: "é").map(\.value) == [2])
  }

  @Test("equal bytes give equal logs however they are cut")
  func pieces() throws {
    let text = Array(
      ((try attempt(0)) + metrics(0, #""a":1,"b":2"#) + "bad\n" + metrics(3, #""a":0.1"#)
        + (try attempt(1)) + metrics(2, #""c":7"#) + "{\"cut").utf8)
    let whole = log(String(decoding: text, as: UTF8.self))
    for size in [1, 2, 7, 64] {
      var log = RunLog()
      for start in stride(from: 0, to: text.count, by: size) {
        log.append(text[start..<min(start + size, text.count)])
      }
      #expect(log.table == whole.table)
      #expect(log.problems == whole.problems)
      #expect(log.consumedBytes == whole.consumedBytes)
    }
  }

  @Test("a line beyond the limit is skipped without being kept")
  func longLine() {
    var log = log(metrics(0, #""a":1"#))
    let piece = [UInt8](repeating: 0x20, count: 300_000)
    for _ in 0..<10 { log.append(piece) }
    log.append(("\n" + metrics(1, #""a":2"#)).utf8)
    #expect(log.problems.map(\.line) == [2])
    #expect(log.table["a"] == [1, 2])
  }

  @Test("more series than a log may have are refused line by line")
  func tooMany() {
    var text = ""
    for part in 0..<50 {
      text += metrics(0, (0..<100).map { #""m\#(part * 100 + $0)":1"# }.joined(separator: ","))
    }
    let log = log(text)
    #expect(log.table.columns.count == 4096)
    #expect(log.problemCount > 0)
  }

  @Test("the end, messages and checkpoints of the last attempt are known")
  func marks() throws {
    let events: [TrainEvent] = [
      RunMaker.attempt(1), .checkpoint(step: 4, seconds: 1, file: "c4"),
      .end(step: 5, seconds: 2, status: .stopped, reason: "asked"),
      RunMaker.attempt(2, resume: 4), .message(step: 4, seconds: 1, text: "hello"),
      .end(step: 6, seconds: 2, status: .failed, reason: "no memory"),
    ]
    let log = log(try events.map(JSONLine.text).joined())
    #expect(log.attempts.map(\.number) == [1, 2])
    #expect(log.end?.reason == "no memory")
    #expect(log.messages.map(\.text) == ["hello"])
    #expect(log.checkpointStep == 4)
  }

  @Test("CSV has the agreed columns, empty where not measured, shortest numbers")
  func csv() {
    let text =
      metrics(0, #""val_score":0.1,"zeta":1e21,"entropy":1.5,"b,c":2"#)
      + metrics(4, #""train_reward":100,"pass_at_k":0.30000000000000004"#)
    #expect(
      log(text).table.csv == """
        step,entropy,val_score,train_reward,pass_at_k,"b,c",zeta
        0,1.5,0.1,,,2,1e+21
        4,,,100,0.30000000000000004,,

        """)
  }

  @Test("a file that is not there is an empty log; a folder is an error")
  func files() throws {
    try withTemporaryFolder { folder in
      let none = try RunLog.read("\(folder)/none")
      #expect(none.table.steps.isEmpty)
      #expect(throws: StoreError.self) { try RunLog.read(folder) }
    }
  }
}
