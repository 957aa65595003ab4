public import ExpCore

/// Curves from a CSV file that came from anywhere.
///
/// The header names the columns `run,model_params,step,entropy,score` in any order. Optional columns
/// say more of a row (`compute`) or of its run (`seed`, `base_seed`, `held_out`, `prompts`,
/// `definition`); every other column that keeps one value within each run is a label of the run, and
/// the rest is named in a warning. Text is UTF-8 with or without a byte order mark, quoted as in RFC
/// 4180; lines end in LF, CRLF or CR. `model_params` is a number above 0, `1000000.0` and `10M` among
/// them. Entropy or score that is empty, `nan`, `inf` or beyond the range of numbers makes a point
/// that fits leave out; such rows are named in a warning. Anything else that is not a number is an
/// error. `docs/law/data.md` has an example.
public enum FitCSV {
  /// What a file holds.
  public struct Contents: Sendable {
    /// The runs in order of their first row; empty where there is an error.
    public let curves: [Curve]
    /// Every problem, in order of the place; at most 50 errors and a count of the rest.
    public let diagnostics: [Diagnostic]

    /// Whether any problem is an error.
    public var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
  }

  /// Reads a file's bytes in time linear in their number; `file` is the path as the user gave it.
  public static func parse(_ bytes: [UInt8], file: String) -> Contents {
    var reader = FitCSVReader(bytes, file: file)
    reader.read()
    return reader.contents()
  }

  /// Reads a text; `file` is the path as the user gave it.
  public static func parse(_ text: String, file: String) -> Contents {
    parse(Array(text.utf8), file: file)
  }
}
