internal import ExpCore
internal import FoundationEssentials
package import TrainerProtocol

/// `result.json`, written whole at the very end.
package enum ResultFile {
  /// Writes the record durably.
  package static func write(_ result: RunResult, to path: String) throws {
    try DurableFile.write(try JSONValue(encoding: result).prettyJSON + "\n", to: path)
  }

  /// Reads a record; nil where there is none or it is damaged, which both mean that it is to be made again.
  package static func read(_ path: String) -> RunResult? {
    // try?: see above
    guard let bytes = try? Data(contentsOf: URL(filePath: path)) else { return nil }
    return try? JSONValue(parsing: bytes).decoded(as: RunResult.self)  // try?: see above
  }
}
