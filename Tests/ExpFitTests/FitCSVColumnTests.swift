import ExpCore
import ExpFit
import Testing

@Suite("Further columns of a CSV file, and files that are none")
struct FitCSVColumnTests {
  private let header = "run,model_params,step,entropy,score"

  private func messages(_ text: String) -> [String] {
    FitCSV.parse(text, file: "log.csv").diagnostics.map(\.message)
  }

  @Test("columns without a name, with one that stands before, and beyond the limit say why")
  func unused() {
    let names = (1...65).map { "c\($0)" } + ["", "c1"]
    let values = names.map { _ in "1" }.joined(separator: ",")
    let text =
      "run,model_params,step,entropy,score,\(names.joined(separator: ","))\nx,1k,0,1,0.1,\(values)\n"
    let contents = FitCSV.parse(text, file: "log.csv")
    #expect(
      contents.diagnostics.map(\.message) == [
        "3 columns are not used, for each has no name, a name that stands before, or 64 others "
          + "before it: 'c65', 'column 71', 'c1'"
      ])
    #expect(contents.curves.first?.labels.count == 64)
  }

  @Test("optional columns fill the curve, other constant columns become labels")
  func optional() throws {
    let text = """
      algo,run,model_params,step,entropy,score,seed,base_seed,held_out,compute,prompts,definition,lr,loss
      grpo,x,1k,0,1,0.1,1,0,false,0,1024,greedy,1e-4,3.1
      grpo,x,1k,4,0.9,0.2,1,0,false,2e15,1024,greedy,1e-4,2.9
      "rl""oo",y,1k,0,1,0.1,2.0,,TRUE,,,,,3
      """
    let contents = FitCSV.parse(text, file: "log.csv")
    #expect(
      contents.diagnostics.map(\.message) == [
        "1 column is not used, for values that change within a run are no labels: 'loss'"
      ])
    let (x, y) = try (#require(contents.curves.first), #require(contents.curves.last))
    #expect(x.seed == 1 && x.baseSeed == 0 && !x.isHeldOut && x.promptCount == 1024)
    #expect(x.definition == "greedy" && x.labels == ["algo": "grpo", "lr": "1e-4"])
    #expect(x.points.map(\.compute) == [0, 2e15])
    #expect(y.seed == 2 && y.baseSeed == nil && y.isHeldOut && y.promptCount == nil)
    #expect(y.definition == nil && y.labels == ["algo": "rl\"oo"])
    #expect(y.points.map(\.compute) == [nil])
  }

  static let badCells: [(row: String, message: String)] = [
    ("x,1k,0,1,0.1,one,,", "'one' does not do in column 'seed'"),
    ("x,1k,0,1,0.1,1e30,,", "'1e30' does not do in column 'seed'"),
    ("x,1k,0,1,0.1,,yes,", "'yes' does not do in column 'held_out'"),
    ("x,1k,0,1,0.1,,,-1", "'-1' is no compute"),
    ("x,1k,0,1,0.1,,,nan", "'nan' is no compute"),
    ("x,1k,0,1,0.1,1,,\nx,1k,4,1,0.1,2,,", "run 'x' has seed '2' here and '1' in line 2"),
  ]

  @Test("wrong values in optional columns are errors with their place", arguments: badCells)
  func wrongCells(row: String, message: String) {
    let contents = FitCSV.parse("\(header),seed,held_out,compute\n\(row)\n", file: "log.csv")
    #expect(contents.diagnostics.map(\.message) == [message])
    #expect(contents.hasErrors && contents.curves.isEmpty)
  }

  static let foreignNumbers: [(text: String, help: String)] = [
    ("45.2%", "write 0.452 for 45.2%"), ("\"0,45\"", "write a point before decimals: 0.45"),
    ("\"1,234.5\"", "write numbers without marks between thousands: 1234.5"),
    ("1 234", "write numbers without marks between thousands: 1234"),
    ("word", "leave the field empty where nothing was measured"),
  ]

  @Test(
    "numbers as other programs write them come with the way to write them",
    arguments: foreignNumbers)
  func foreignNumber(text: String, help: String) {
    let contents = FitCSV.parse("\(header)\nx,1k,0,\(text),0.1\n", file: "log.csv")
    #expect(contents.diagnostics.map(\.help) == [help])
  }

  @Test("an unquoted decimal comma makes a row too long, and the reason is suggested")
  func decimalComma() {
    let contents = FitCSV.parse("\(header)\nx,1k,0,0,5,0,1\n", file: "log.csv")
    #expect(contents.diagnostics.map(\.message) == ["this row has 7 fields, the header has 5"])
    #expect(contents.diagnostics.first?.help?.hasPrefix("write decimals with a point") == true)
  }

  static let foreignFiles: [(bytes: [UInt8], message: String)] = [
    ([0x1f, 0x8b, 8, 0], "the file is compressed with gzip, not CSV"),
    ([0x28, 0xb5, 0x2f, 0xfd, 0], "the file is compressed with zstd, not CSV"),
    ([0x50, 0x4b, 3, 4, 0], "the file is a zip archive, as .xlsx and .npz files are, not CSV"),
    (Array("PAR1".utf8) + [0xff], "the file is Parquet, not CSV"),
    (Array("SQLite format 3".utf8) + [0], "the file is an SQLite database, not CSV"),
    (Array("{\"run\": 1}".utf8), "the file is JSON, not CSV"),
    ([0x72, 0, 0x75, 0], "there is a zero byte here, which no text has"),
    ([0xff, 0xfe, 0x72, 0], "the file is UTF-16"),
  ]

  @Test("files of other kinds are named as what they are", arguments: foreignFiles)
  func foreignFile(bytes: [UInt8], message: String) {
    #expect(FitCSV.parse(bytes, file: "f").diagnostics.map(\.message) == [message])
  }

  @Test("scores above 1 and compute that falls are fitted and warned about")
  func suspicious() {
    let words = messages(
      "\(header),compute\nx,1k,0,1,10,0\nx,1k,4,0.9,45.5,9\nx,1k,8,0.8,50,8\n")
    #expect(
      words == [
        "scores go up to 50, so they are no shares of 1: lines 2, 3, 4",
        "compute falls with the step, and it is to be the sum up to it; the step stands in for it "
          + "in run 'x'",
      ])
  }

  @Test("steps out of order come in order; negative, fractional and huge ones are errors")
  func steps() {
    #expect(messages("\(header)\nx,1k,8,1,0.1\nx,1k,0,1,0.1\n").isEmpty)
    for step in ["-1", "1e30", "0.5", "", "1e400", "9007199254740993"] {
      #expect(messages("\(header)\nx,1k,\(step),1,0.1\n") == ["'\(step)' is not a step"])
    }
  }

  @Test("a wide log keeps 64 labels and names the rest")
  func wide() throws {
    let extra = (0..<80).map { "c\($0)" }
    let text =
      "\(header),\(extra.joined(separator: ","))\nx,1k,0,1,0.1"
      + String(repeating: ",v", count: 80) + "\n"
    let contents = FitCSV.parse(text, file: "f")
    #expect(contents.curves.first?.labels.count == 64)
    #expect(contents.diagnostics.first?.message.hasPrefix("16 columns are not used") == true)
  }

  @Test("mutations of a full file never trap, and what is read can be reported")
  func fuzz() {
    var noise = Noise(seed: 7)
    let rows = (0..<4).map { "x,1M,\(4 * $0),0.\(9 - $0),0.\(1 + $0),1,0,true,\($0)e9,64,d,a\n" }
    let seed = Array(
      ("\(header),seed,base_seed,held_out,compute,prompts,definition,lr\n" + rows.joined()).utf8)
    let alphabet = Array("\",\r\n\t;x0.5eE+-nanMk%é".utf8) + [0, 0xff, 0xc3, 0xf4]
    for _ in 0..<1500 {
      var bytes = seed
      for _ in 0..<Int(1 + noise.uniform() * 12) {
        let place = Int(noise.uniform() * Double(bytes.count))
        let byte = alphabet[Int(noise.uniform() * Double(alphabet.count))]
        switch Int(noise.uniform() * 3) {
        case 0: bytes[place] = byte
        case 1: bytes.insert(byte, at: place)
        default: bytes.remove(at: place)
        }
      }
      let contents = FitCSV.parse(bytes, file: "f")
      #expect(contents.hasErrors == contents.curves.isEmpty)
      _ = FitReport(SweepFit(contents.curves)).json
    }
  }
}
