internal import FoundationEssentials

/// A fresh folder, removed when the closure ends.
public func withTemporaryFolder<Result>(
  _ name: String = "exp-test", _ body: (String) throws -> Result
) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.path + "/\(name)-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }  // try?: a leftover is harmless
  return try body(folder)
}
