internal import ExpCore
internal import FoundationEssentials
internal import Glibc

/// Compares the functions that training uses with other projects' own, case by case.
package enum GoldenCommand {
  /// Runs every case of the given files, and of the `.json` files of the given folders, in order of their names.
  ///
  /// Writes a line per case (result, file, function, name, largest absolute and relative error) and ends with
  /// `N passed, N failed`. What cannot be read or run counts as failed. Returns whether there were cases and all passed.
  package static func run(paths: [String], write: (String) -> Void) -> Bool {
    var (passed, failed) = (0, 0)
    func count(_ line: Line) {
      write(line.text)
      passed += line.isPassed ? 1 : 0
      failed += line.isPassed ? 0 : 1
    }
    for path in paths {
      do {
        for file in try files(at: path) { runFile(file, count) }
      } catch {
        count(Line(isPassed: false, text: "FAIL \(path): \(error)"))
      }
    }
    write("\(passed) passed, \(failed) failed")
    return passed > 0 && failed == 0
  }

  private struct Line {
    var isPassed: Bool
    var text: String
  }

  private static func files(at path: String) throws -> [String] {
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw GoldenError("there is no such file or folder")
    }
    guard isFolder else { return [path] }
    let names = try FileManager.default.contentsOfDirectory(atPath: path)
      .filter { $0.hasSuffix(".json") }.sorted()
    guard !names.isEmpty else { throw GoldenError("the folder has no .json file") }
    return names.map { "\(path)/\($0)" }
  }

  private static func runFile(_ path: String, _ count: (Line) -> Void) {
    do {
      let document = try GoldenObject(JSONValue(parsing: read(path)), "the document")
      guard try document.value("schema") == 1 else { throw GoldenError("the schema is not 1") }
      let groups = try document.array("groups")
      guard !groups.isEmpty else { throw GoldenError("the document has no groups") }
      for group in groups {
        do {
          try runGroup(GoldenObject(group, "group"), path, count)
        } catch {
          count(Line(isPassed: false, text: "FAIL \(path): \(error)"))
        }
      }
    } catch {
      count(Line(isPassed: false, text: "FAIL \(path): \(error)"))
    }
  }

  private static func read(_ path: String) throws -> [UInt8] {
    var facts = stat()
    guard stat(path, &facts) == 0 else { throw TrainerError.system("read", path) }
    guard facts.st_mode & S_IFMT == S_IFREG else { throw GoldenError("this is not a regular file") }
    guard facts.st_size <= 1 << 28 else { throw GoldenError("the file is larger than 256 MiB") }
    return try FileHandleOwner(opening: path, flags: O_RDONLY).readAll()
  }

  private static func runGroup(
    _ group: GoldenObject, _ path: String, _ count: (Line) -> Void
  ) throws {
    let function = try group.string("function")
    let cases = try group.array("cases")
    guard !cases.isEmpty else { throw GoldenError("'\(function)' has no cases") }
    for (index, value) in cases.enumerated() {
      let name = value[path: "name"]?.string ?? "case \(index)"
      count(line(value, function, "\(path): \(function): \(name)"))
    }
  }

  private static func line(_ value: JSONValue, _ function: String, _ title: String) -> Line {
    do {
      let golden = try GoldenCase(value, function: function)
      let outcome = try GoldenOutcome(
        GoldenFunctions.run(golden), expected: golden.expected, tolerance: golden.tolerance)
      let errors =
        "absolute \(rounded(outcome.largestAbsolute)), relative \(rounded(outcome.largestRelative))"
      guard let problem = outcome.problems.first else {
        return Line(isPassed: true, text: "pass \(title): \(errors)")
      }
      return Line(isPassed: false, text: "FAIL \(title): \(errors): \(problem)")
    } catch {
      return Line(isPassed: false, text: "FAIL \(title): \(error)")
    }
  }

  /// Two significant digits, such as 1.3e-09.
  private static func rounded(_ value: Double) -> String {
    guard value.isFinite, value > 0 else { return "\(value)" }
    var exponent = log10(value).rounded(.down)
    var digits = (value / pow(10, exponent) * 10).rounded() / 10
    if digits >= 10 { (digits, exponent) = (1, exponent + 1) }
    return "\(digits)e\(Int(exponent))"
  }
}
