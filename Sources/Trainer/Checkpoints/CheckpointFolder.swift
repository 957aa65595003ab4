internal import FoundationEssentials
internal import Glibc

/// The checkpoints of a run: one per saved step, of which the newest whole one counts, and the final policy.
package struct CheckpointFolder: Sendable {
  private let path: String

  /// Takes the folder, making it if need be.
  package init(path: String) throws {
    self.path = path
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
      throw TrainerError.system("make", path)
    }
  }

  /// The name of the final policy.
  package static let finalName = "final.ckpt"

  /// The final policy's file.
  package var final: String { "\(path)/\(CheckpointFolder.finalName)" }

  /// Returns the file name of a step's checkpoint.
  package static func name(step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".ckpt"
  }

  /// Returns the file of a step's checkpoint.
  package func file(step: Int) -> String { "\(path)/\(CheckpointFolder.name(step: step))" }

  /// Returns the steps that have a checkpoint, whole or not, newest first.
  package func steps() -> [Int] {
    // try?: a folder that cannot be listed has nothing to go on from
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), name.hasSuffix(".ckpt"),
        let step = Int(name.dropFirst(5).dropLast(5)), step >= 0,
        CheckpointFolder.name(step: step) == name
      else { return nil }
      return step
    }.sorted(by: >)
  }

  /// Removes the checkpoints of all steps but one, once that one is durable.
  package func removeSteps(except kept: Int?) {
    for step in steps() where step != kept { unlink(file(step: step)) }
  }
}
