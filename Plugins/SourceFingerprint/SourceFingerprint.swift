import Foundation
import PackagePlugin

/// Hashes the sources that a trainer's numbers depend on into a Swift file of the module that asks for it.
@main
struct SourceFingerprint: BuildToolPlugin {
  /// Folders of `Sources/` that the trainer is built from, in the order they are hashed.
  static let folders = [
    "ExpCore", "TrainerKernels", "TrainerTensor", "TrainerProtocol", "Trainer",
  ]

  func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
    let root = context.package.directoryURL
    let output = context.pluginWorkDirectoryURL.appending(path: "SourceFingerprint.swift")
    let script = root.appending(path: "scripts").appending(path: "source-fingerprint")
    var inputs = [root.appending(path: "Package.swift")]
    for folder in Self.folders {
      let url = root.appending(path: "Sources").appending(path: folder)
      let files =
        FileManager.default.enumerator(
          at: url, includingPropertiesForKeys: nil)?.allObjects as? [URL] ?? []
      inputs += files.filter { !$0.hasDirectoryPath }.sorted { $0.path < $1.path }
    }
    return [
      .buildCommand(
        displayName: "Hash the trainer's sources",
        executable: URL(filePath: "/bin/sh"),
        arguments: [script.path, root.path, output.path] + Self.folders,
        inputFiles: inputs + [script],
        outputFiles: [output])
    ]
  }
}
