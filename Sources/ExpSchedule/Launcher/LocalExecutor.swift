internal import ExpCore
internal import Glibc
internal import TrainerProtocol

/// Runs trainers as children on this machine, each with a share of it that no other sweep of the store uses.
final class LocalExecutor: Executor {
  private let launcher: LocalLauncher
  /// Nil where a cluster has given this process a place of its own.
  private let leases: MachineLeases?
  private let pins: Bool
  private let hasGPUs: Bool

  /// What has room starts at once.
  var queues: Bool { false }
  /// A signal tells of a child's end.
  var pollInterval: Duration? { nil }

  init(launcher: LocalLauncher, paths: RunPaths, settings: SweepSettings) throws(ScheduleError) {
    self.launcher = launcher
    var inventory = settings.inventory
    let cores = settings.scheduling.cores
    pins = settings.pinsCores && cores <= inventory.cores.count
    // Where more cores are counted on than there are, they are numbers that nobody is bound to.
    if cores > inventory.cores.count { inventory.cores = Array(0..<cores) }
    hasGPUs = settings.place == nil && !inventory.gpus.isEmpty
    inventory.memoryBytes = settings.scheduling.memoryBudget
    leases =
      settings.place != nil
      ? nil
      : try MachineLeases(
        paths: paths, host: hostName(), inventory: inventory, priority: settings.priority)
  }

  func reserve(_ job: SweepJob) throws(LaunchFailure) -> Reservation {
    var lease: Lease?
    do throws(ScheduleError) {
      guard let leases else {
        return Reservation(Lease(file: try LeaseFile("/dev/null"), cores: [], gpus: []))
      }
      lease = try leases.take(cores: job.cores, memoryBytes: job.memoryBytes, gpus: job.gpus)
    } catch {
      throw .refused(reason: error.description, canRetry: LocalLauncher.canRetry(error))
    }
    guard let lease = consume lease else { throw .noRoom(leases?.obstacle ?? "") }
    return Reservation(lease)
  }

  func start(
    _ job: SweepJob, _ request: RunRequest, in folder: RunFolder, lock: consuming RunLock,
    at place: Reservation
  ) throws(LaunchFailure) -> any Attempt {
    guard let lease = place.take() else {
      throw .refused(reason: "it was given no share of this machine", canRetry: true)
    }
    return try launcher.start(
      request, in: folder, lock: lock, lease: lease, pins: pins, hidesGPUs: hasGPUs)
  }

  /// Trainers leave with the process that started them.
  func adopt(_ job: SweepJob, in folder: RunFolder) -> (any Attempt)? { nil }

  func turn(_ message: (String) -> Void) {}

  func stopWaiting() { leases?.stopWaiting() }
}
