internal import FoundationEssentials

/// The identity of a set of source files: what a trainer was built from.
public enum SourceTree {
  /// The folders below `Sources/` whose content a trainer's numbers depend on.
  public static let trainerFolders = [
    "ExpCore", "TrainerKernels", "TrainerTensor", "TrainerProtocol", "Trainer",
  ]

  /// Hashes `Package.swift` and every file of the folders below `Sources/`: relative path and content, in order of the path.
  ///
  /// `scripts/source-fingerprint` computes the same when the trainer is built.
  ///
  /// - Throws: the file system's error where a file cannot be read.
  public static func fingerprint(
    ofPackageAt root: String, folders: [String] = trainerFolders
  ) throws -> ContentHash {
    let files = FileManager.default
    var paths = ["Package.swift"]
    for folder in folders {
      let below = try files.subpathsOfDirectory(atPath: "\(root)/Sources/\(folder)")
      paths += below.map { "Sources/\(folder)/\($0)" }
    }
    var lines: [String] = []
    for path in paths.sorted() {
      var isDirectory = false
      guard files.fileExists(atPath: "\(root)/\(path)", isDirectory: &isDirectory), !isDirectory,
        !path.split(separator: "/").contains(where: { $0.hasPrefix(".") })
      else { continue }
      let content = try Data(contentsOf: URL(filePath: "\(root)/\(path)"))
      lines.append("\(path) \(ContentHash(of: content))\n")
    }
    return ContentHash(of: lines.joined())
  }
}
