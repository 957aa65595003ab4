import ExpCore
import Foundation
import TestSupport
import Testing

/// The built `exp`, run as a user runs it.
struct ExpProgram {
  /// The folder of the built programs: that of this test's own executable.
  static let folder: String = {
    let own = CommandLine.arguments.first ?? ""
    let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? own
    // Swift Testing may be run by a helper of the tool chain, which gets the bundle's path as an argument.
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? path
    return (bundle as NSString).deletingLastPathComponent
  }()

  /// The program.
  static var path: String { "\(folder)/exp" }

  /// Runs `exp` to its end in a folder.
  static func run(
    _ arguments: [String], in folder: String, environment: [String: String] = [:]
  ) throws -> ToolResult {
    try runTool(path, arguments, in: folder, environment: environment)
  }

  /// Starts `exp` and returns at once; its messages go to a file.
  static func start(
    _ arguments: [String], in folder: String, log: String, environment: [String: String] = [:]
  ) throws -> Process {
    let process = Process()
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    process.currentDirectoryURL = URL(filePath: folder)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try Data().write(to: URL(filePath: log))
    process.standardError = try FileHandle(forWritingTo: URL(filePath: log))
    try process.run()
    return process
  }
}

/// What a finished sweep recorded, without times: config hash to series.
func recordedValues(in folder: String) throws -> [String: String] {
  let runs = try ExpProgram.run(["runs", "--json"], in: folder)
  try #require(runs.status == 0, "\(runs.errors)")
  let rows = try #require(try JSONValue(parsing: runs.output.utf8).array)
  var values: [String: String] = [:]
  for row in rows {
    let id = try #require(row[path: "id"]?.string)
    let hash = try #require(row[path: "config_hash"]?.string)
    #expect(row[path: "status"]?.string == "succeeded")
    #expect(values[hash] == nil, "point \(hash) was run twice")
    let csv = try ExpProgram.run(["metrics", id, "--csv"], in: folder)
    values[hash] = withoutTimes(csv.output)
  }
  return values
}

/// Drops the columns that measure time.
func withoutTimes(_ csv: String) -> String {
  let lines = csv.split(separator: "\n").map {
    $0.split(separator: ",", omittingEmptySubsequences: false)
  }
  guard let header = lines.first else { return "" }
  let kept = header.indices.filter {
    !header[$0].hasSuffix("_seconds") && !header[$0].hasSuffix("_per_second")
  }
  return lines.map { line in kept.map { String(line[$0]) }.joined(separator: ",") }
    .joined(separator: "\n")
}

/// A spec of six points that take about a second each.
func tinySpec(steps: Int) -> String {
  """
  experiment: tiny
  task: {name: countdown, numbers: [3, 4]}
  base: {steps: 30, batch_size: 32}
  train: {algorithm: grpo, steps: \(steps), prompts_per_step: 16, learning_rate: 1e-3}
  evaluate: {every: 4, prompts: 32, samples: 2, keep: 2}
  grid: {model.size: [14k, 24k], seed: {from: 0, count: 3}}
  """
}

/// Writes a file.
func write(_ text: String, to path: String) throws {
  try Data(text.utf8).write(to: URL(filePath: path))
}
