import ExpCore
import ExpFit
import Testing

@Suite("Curves from a CSV file")
struct FitCSVTests {
  private let header = "run,model_params,step,entropy,score\n"

  private func messages(_ text: String) -> [String] {
    FitCSV.parse(text, file: "log.csv").diagnostics.map(\.rendered)
  }

  @Test("columns in any order, further columns, sizes in every spelling")
  func columns() throws {
    let text = """
      score,note,step,run,entropy,model_params
      0.1,"a, b",0,x,0.7,1000000.0
      0.2,,4.0,x,0.5,1M
      0.3,,8,"y ""2"" z",+5e-1,10M
      """
    let contents = FitCSV.parse(text, file: "log.csv")
    #expect(
      contents.diagnostics.map(\.rendered) == [
        "log.csv:1:1: warning: 1 column is not used, for values that change within a run are no "
          + "labels: 'note'"
      ])
    #expect(
      contents.curves == [
        Curve(
          id: "x", modelParams: 1e6,
          points: [
            CurvePoint(step: 0, entropy: 0.7, score: 0.1),
            CurvePoint(step: 4, entropy: 0.5, score: 0.2),
          ]),
        Curve(
          id: "y \"2\" z", modelParams: 1e7,
          points: [CurvePoint(step: 8, entropy: 0.5, score: 0.3)]),
      ])
  }

  @Test(
    "byte order mark, CRLF, CR, empty lines, missing last line end",
    arguments: ["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"])
  func lineEnds(end: String) throws {
    let rows = ["\u{feff}run,model_params,step,entropy,score", "x,1k,0,1,0.1", "x,1k,1,0.9,0.2"]
    let contents = FitCSV.parse(rows.joined(separator: end), file: "log.csv")
    #expect(contents.diagnostics.isEmpty)
    #expect(contents.curves.first?.points.count == 2)
    #expect(contents.curves.first?.id == "x")
  }

  @Test("interleaved runs and unsorted steps come out in order of the step")
  func interleaved() throws {
    let contents = FitCSV.parse(
      header + "x,1k,4,1,0.1\ny,2k,0,1,0.3\nx,1k,0,0.9,0.2\n", file: "log.csv")
    #expect(contents.curves.map(\.id) == ["x", "y"])
    #expect(contents.curves.first?.points.map(\.step) == [0, 4])
  }

  /// Text below the header, or a whole file that starts with a capital or is empty, and what is
  /// said about it.
  static let bad: [(text: String, message: String)] = [
    (
      "x,1k,0,much,0.1",
      """
      log.csv:2:8: error: 'much' is not a number
          2 | x,1k,0,much,0.1
            |        ^
        help: leave the field empty where nothing was measured
      """
    ),
    (
      "x,1k,0,0.5,0x1p3",
      """
      log.csv:2:12: error: '0x1p3' is not a number
          2 | x,1k,0,0.5,0x1p3
            |            ^
        help: leave the field empty where nothing was measured
      """
    ),
    (
      "x,1k,0,0.5",
      """
      log.csv:2:1: error: this row has 4 fields, the header has 5
          2 | x,1k,0,0.5
            | ^
      """
    ),
    (
      "x,big,0,0.5,0.1",
      """
      log.csv:2:3: error: 'big' is not a size
          2 | x,big,0,0.5,0.1
            |   ^
        expected a number such as 1000000 or 10M
      """
    ),
    (
      "x,0,0,0.5,0.1",
      """
      log.csv:2:3: error: a size is above 0, not 0
          2 | x,0,0,0.5,0.1
            |   ^
      """
    ),
    (
      "x,-5M,0,0.5,0.1",
      """
      log.csv:2:3: error: a size is above 0, not -5M
          2 | x,-5M,0,0.5,0.1
            |   ^
      """
    ),
    (
      "x,1k,1.5,0.5,0.1",
      """
      log.csv:2:6: error: '1.5' is not a step
          2 | x,1k,1.5,0.5,0.1
            |      ^
        expected a whole number from 0 on
      """
    ),
    (
      ",1k,1,0.5,0.1",
      """
      log.csv:2:1: error: the run has no name
          2 | ,1k,1,0.5,0.1
            | ^
      """
    ),
    (
      "x,1k,0,0.5,0.1\nx,2k,4,0.5,0.1",
      """
      log.csv:3:3: error: run 'x' has 2000 parameters here and 1000 at 2:3
          3 | x,2k,4,0.5,0.1
            |   ^
      """
    ),
    (
      "é,1k,0,0.5,0.1\né,1k,0,0.4,0.1",
      """
      log.csv:3:6: error: step 0 of run 'é' stands here again; first at 2:6
          3 | é,1k,0,0.4,0.1
            |      ^
      """
    ),
    (
      "x,1k,0,\"0.5,0.1\nx,1k,4,0.4,0.1",
      """
      log.csv:2:8: error: the quote that opens here is never closed
          2 | x,1k,0,"0.5,0.1
            |        ^
      """
    ),
    (
      "\"x\"y,1k,0,0.5,0.1",
      """
      log.csv:2:4: error: there is text after the closing quote
          2 | "x"y,1k,0,0.5,0.1
            |    ^
        help: write a quote inside quotes twice
      """
    ),
    (
      "",
      """
      log.csv:1:1: error: there is no row below the header
        expected one row per evaluation
      """
    ),
  ]

  @Test("every kind of wrong row, word for word", arguments: bad)
  func badRows(text: String, message: String) {
    #expect(messages(header + text) == [message])
    #expect(FitCSV.parse(header + text, file: "log.csv").curves.isEmpty)
  }

  static let badHeaders: [(text: String, message: String)] = [
    (
      "",
      """
      log.csv:1:1: error: the file is empty
        expected a header with the columns run, model_params, step, entropy, score
      """
    ),
    (
      "run,model_params,step,Entropy,score\n",
      """
      log.csv:1:1: error: the header has no column 'entropy'
          1 | run,model_params,step,Entropy,score
            | ^
        expected the columns run, model_params, step, entropy, score
        help: write 'entropy' for 'Entropy'
      """
    ),
    (
      "run,model_params,step,actor/entropy,score\n",
      """
      log.csv:1:1: error: the header has no column 'entropy'
          1 | run,model_params,step,actor/entropy,score
            | ^
        expected the columns run, model_params, step, entropy, score
        help: write 'entropy' for 'actor/entropy'
      """
    ),
    (
      "run,model_params,step,entropy,val/reward\n",
      """
      log.csv:1:1: error: the header has no column 'score'
          1 | run,model_params,step,entropy,val/reward
            | ^
        expected the columns run, model_params, step, entropy, score
        help: write 'score' for 'val/reward'
      """
    ),
    (
      "run,run,model_params,step,entropy,score\n",
      """
      log.csv:1:5: error: column 'run' stands here again; first at 1:1
          1 | run,run,model_params,step,entropy,score
            |     ^
      """
    ),
  ]

  @Test("every kind of wrong header, word for word", arguments: badHeaders)
  func badHeader(text: String, message: String) {
    #expect(messages(text) == [message])
  }

  @Test("a header of commas alone is refused without keeping its columns")
  func commas() {
    let text = String(repeating: ",", count: 100_000)
    #expect(
      FitCSV.parse(text, file: "f").diagnostics.map(\.message)
        == ["the header has 100001 columns, more than 4096"])
  }

  @Test("another separator is recognised")
  func separator() {
    #expect(
      messages("run;model_params;step;entropy;score\nx;1;0;1,5;1\n") == [
        """
        log.csv:1:1: error: the fields are separated by ';', not by commas
            1 | run;model_params;step;entropy;score
              | ^
          expected the columns run, model_params, step, entropy, score
          help: write commas between fields and points before decimals
        """
      ])
    #expect(messages("run\tmodel_params\tstep\n")[0].contains("separated by tabs"))
  }

  @Test("rows that are not finite are left out of the fits with a warning that names their lines")
  func notFinite() throws {
    let text =
      header + "x,1k,0,nan,0.1\nx,1k,4,0.5,\nx,1k,8,0.4,-Inf\nx,1k,12,1e999,0.1\nx,1k,16,0.4,0.1\n"
    let contents = FitCSV.parse(text, file: "log.csv")
    #expect(!contents.hasErrors)
    #expect(
      contents.diagnostics.map(\.rendered) == [
        """
        log.csv:2:8: warning: 4 rows are left out of the fits, for entropy or score is not finite: \
        lines 2, 3, 4, 5
            2 | x,1k,0,nan,0.1
              |        ^
        """
      ])
    #expect(contents.curves.first?.usablePoints.map(\.step) == [16])
  }

  @Test("bytes that are no UTF-8 are named with their place")
  func encoding() {
    let bytes = Array((header + "x,1k,").utf8) + [0xff] + Array("0,1,1\n".utf8)
    let contents = FitCSV.parse(bytes, file: "log.csv")
    #expect(
      contents.diagnostics.map(\.rendered) == [
        """
        log.csv:2:6: error: the text is not valid UTF-8 here
          help: save the file as UTF-8
        """
      ])
    let wide = FitCSV.parse([0xff, 0xfe, 0x72, 0], file: "log.csv")
    #expect(wide.diagnostics.first?.message == "the file is UTF-16")
    for ending: [UInt8] in [
      [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80], [0xc0, 0x80],
    ] {
      #expect(FitCSV.parse(ending, file: "log.csv").diagnostics.count == 1)
    }
  }

  @Test("the first 50 errors are shown and the rest counted")
  func manyErrors() {
    let text = header + (0..<200).map { "x,1k,\($0),word,0.1\n" }.joined()
    let contents = FitCSV.parse(text, file: "log.csv")
    #expect(contents.diagnostics.count == 51)
    #expect(contents.diagnostics.last?.message == "150 more problems are not shown")
  }

  @Test("random bytes and mutilated files never crash")
  func fuzz() {
    var noise = Noise(seed: 99)
    let seed = Array((header + "x,1k,0,0.5,0.1\r\n\"y\",2M,4,,nan\n").utf8)
    let alphabet = Array("\",\r\n\t;x0.5eE+-nanMk\u{feff}é".utf8) + [0, 0xff, 0xc3, 0xf4]
    for round in 0..<2000 {
      var bytes = round % 2 == 0 ? seed : []
      for _ in 0..<Int(noise.uniform() * 60) {
        let byte = alphabet[Int(noise.uniform() * Double(alphabet.count))]
        let place = Int(noise.uniform() * Double(bytes.count + 1))
        if noise.uniform() < 0.5, place < bytes.count {
          bytes[place] = byte
        } else {
          bytes.insert(byte, at: place)
        }
      }
      let contents = FitCSV.parse(bytes, file: "f")
      #expect(contents.hasErrors == contents.curves.isEmpty)
      _ = SweepFit(contents.curves)
    }
  }
}
