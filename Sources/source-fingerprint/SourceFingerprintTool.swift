import ExpCore
import FoundationEssentials

/// Writes a Swift file that holds the hash of the trainer's sources; run by the build, never by people.
@main
struct SourceFingerprintTool {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count > 3 else {
      throw CocoaError(.fileReadUnknown)
    }
    let hash = try SourceTree.fingerprint(
      ofPackageAt: arguments[1], folders: Array(arguments.dropFirst(3)))
    let text = """
      /// Facts about the build, written by the build itself.
      package enum BuildFacts {
        /// SHA-256 over the sources this was built from.
        package static let sourceFingerprint = "\(hash)"
      }

      """
    try Data(text.utf8).write(to: URL(filePath: arguments[2]), options: .atomic)
  }
}
