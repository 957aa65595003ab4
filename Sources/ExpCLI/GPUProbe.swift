internal import ExpSchedule
internal import Foundation
internal import Glibc

/// The GPUs of this machine, as the driver's own tool lists them: nothing of CUDA is needed to build or run this.
enum GPUProbe {
  /// A driver that hangs is given up after so many seconds.
  private static let patience = 20.0
  private static let listed = all()

  /// Returns the GPUs that this process may use: all, or those that `CUDA_VISIBLE_DEVICES` leaves.
  static func visible() -> [GPU] {
    let environment = ProcessInfo.processInfo.environment
    return GPU.visible(of: listed, variable: environment["CUDA_VISIBLE_DEVICES"])
  }

  /// Returns all GPUs, parts of one where it is cut (MIG); none where there is no driver.
  static func all() -> [GPU] { listing().map(GPU.list(nvidiaSMI:)) ?? [] }

  /// What `nvidia-smi -L` prints; nil where there is no such program or it fails.
  private static func listing() -> String? {
    let environment = ProcessInfo.processInfo.environment
    let process = Process()
    let output = Pipe()
    // try?: no tool, no driver.
    guard let program = try? TrainerProgram.find(["nvidia-smi"], environment: environment) else {
      return nil
    }
    process.executableURL = URL(filePath: program)
    process.arguments = ["-L"]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }  // try?: as above
    let end = Date.now + patience
    while process.isRunning, Date.now < end { usleep(10_000) }
    guard !process.isRunning else {
      kill(process.processIdentifier, SIGKILL)
      Terminal.message(
        "warning: 'nvidia-smi -L' gave no answer in \(Int(patience)) seconds; no GPU is used")
      return nil
    }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
  }
}
