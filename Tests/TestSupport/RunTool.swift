internal import Foundation

/// What a program left behind.
public struct ToolResult: Sendable {
  /// Its exit status; a signal counts as 128 + its number.
  public let status: Int
  /// What it wrote to standard output.
  public let output: String
  /// What it wrote to standard error.
  public let errors: String
}

/// Runs a program that `PATH` finds, and waits for its end.
///
/// Variables of `environment` are set over the inherited ones. Standard input is empty.
public func runTool(
  _ name: String, _ arguments: [String], in folder: String? = nil,
  environment: [String: String] = [:]
) throws -> ToolResult {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = [name] + arguments
  if let folder { process.currentDirectoryURL = URL(filePath: folder) }
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
  process.standardInput = FileHandle.nullDevice
  // Errors go to a file: two pipes read one after the other could block the program.
  let errors = FileManager.default.temporaryDirectory.path + "/exp-tool-\(UUID().uuidString)"
  try Data().write(to: URL(filePath: errors))
  defer { try? FileManager.default.removeItem(atPath: errors) }  // try?: a leftover is harmless
  let errorFile = try FileHandle(forWritingTo: URL(filePath: errors))
  let output = Pipe()
  process.standardOutput = output
  process.standardError = errorFile
  try process.run()
  let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  try errorFile.close()
  let status = Int(process.terminationStatus)
  return ToolResult(
    status: process.terminationReason == .exit ? status : 128 + status,
    output: String(decoding: bytes, as: UTF8.self),
    errors: String(decoding: try Data(contentsOf: URL(filePath: errors)), as: UTF8.self))
}

/// Whether a program is on `PATH`; in CI it is taken to be, so that its absence fails instead of skipping.
public func toolIsExpected(_ name: String) -> Bool {
  if ProcessInfo.processInfo.environment["CI"] != nil { return true }
  let result = try? runTool(name, ["--version"])  // try?: a program that cannot start is not there
  return result?.status == 0
}
