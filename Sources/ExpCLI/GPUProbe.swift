internal import ExpSchedule
internal import Foundation

/// The GPUs of this machine, as the driver's own tool lists them: nothing of CUDA is needed to build or run this.
enum GPUProbe {
  /// Returns the GPUs that this process may use: all, or those that `CUDA_VISIBLE_DEVICES` leaves.
  static func visible() -> [GPU] {
    let environment = ProcessInfo.processInfo.environment
    return GPU.visible(of: all(), variable: environment["CUDA_VISIBLE_DEVICES"])
  }

  /// Returns all GPUs, parts of one where it is cut (MIG); none where there is no driver.
  static func all() -> [GPU] {
    // try?: no tool, no driver; one that fails finds none.
    guard
      let text = try? TrainerProbe.capture(
        ["nvidia-smi", "-L"], environment: ProcessInfo.processInfo.environment)
    else { return [] }
    return GPU.list(nvidiaSMI: text)
  }
}
