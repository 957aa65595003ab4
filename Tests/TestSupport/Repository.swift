/// Where the package lies, found from this file's own place.
public enum Repository {
  /// The folder of `Package.swift`.
  public static let root: String = {
    // <root>/Tests/TestSupport/Repository.swift
    let parts = #filePath.split(separator: "/").dropLast(3)
    return "/" + parts.joined(separator: "/")
  }()

  /// The path of a file of `schemas/`.
  public static func schema(_ name: String) -> String { "\(root)/schemas/\(name).schema.json" }
}
