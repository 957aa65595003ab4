internal import Glibc

/// Why a sweep cannot run, or a part of it cannot be done.
public enum ScheduleError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Another process runs this sweep; nil where it has not written who it is.
  case sweepHeld(name: String, holder: SweepLock.Holder?)
  /// The name cannot name a folder below `runs/sweeps/`.
  case badSweepName(String)
  /// The folder of the runs must be given as an absolute path: trainers are told absolute paths.
  case relativeRoot(String)
  /// No program was found under this name.
  case trainerNotFound(String)
  /// `request.json` is there and asks for something else.
  case requestDiffers(path: String, key: String)
  /// A run that was begun on a processor, or with some kernels of a GPU, is to go on with others.
  case otherDevice(earlier: String, now: String)
  /// A file that must be readable is not.
  case unreadable(path: String, reason: String)
  /// The base policy's final record is missing or unusable.
  case baseUnusable(path: String)
  /// There is no such command of Slurm.
  case slurmMissing(program: String)
  /// A command of Slurm failed.
  case slurm(command: String, reason: String)
  /// A text that has no place in a file of that kind.
  case unwritable(text: String, where: String)
  /// The system refused.
  case system(call: String, path: String, errno: Int32)

  /// The facts in one sentence.
  public var description: String {
    switch self {
    case .sweepHeld(let name, let holder?):
      "sweep '\(name)' is already run by process \(holder.pid) on \(holder.host) "
        + "since \(holder.startedAt)"
    case .sweepHeld(let name, nil): "sweep '\(name)' is already run by another process"
    case .badSweepName(let name): "'\(name)' cannot name a sweep"
    case .relativeRoot(let root): "the folder of runs must be an absolute path, not '\(root)'"
    case .trainerNotFound(let command): "there is no trainer '\(command)' that can be executed"
    case .otherDevice(let earlier, let now):
      "it was begun with the kernels '\(earlier)', and this sweep has '\(now)'; go on with "
        + "'\(ScheduleError.options(for: earlier))', or begin it anew with '--rerun all'"
    case .requestDiffers(let path, let key):
      "'\(path)' is there already and differs in '\(key)'; a request is never changed"
    case .unreadable(let path, let reason): "'\(path)' cannot be read: \(reason)"
    case .baseUnusable(let path): "the base policy's record '\(path)' is missing or not usable"
    case .slurmMissing(let program):
      "there is no '\(program)' on PATH; is this a machine that submits to Slurm?"
    case .slurm(let command, let reason): "\(command): \(reason)"
    case .unwritable(let text, let place):
      "'\(text)' cannot stand in \(place), which has no room for line breaks, control characters or, in paths, "
        + "backslashes"
    case .system(let call, let path, let code):
      "\(call) of '\(path)' failed: \(systemMessage(code))" + ScheduleError.mend(code)
    }
  }

  private static func mend(_ code: Int32) -> String {
    switch code {
    case ENOSPC, EDQUOT: "; make room there and start the sweep again: it goes on"
    case EROFS, EACCES, EPERM: "; make it writable, or name another folder of runs with --runs"
    default: ""
    }
  }

  /// What asks a sweep for a kernel set.
  private static func options(for kernelSet: String) -> String {
    guard kernelSet.hasPrefix("cuda-") else { return "--device cpu" }
    let precision = kernelSet.contains("fp32") ? "fp32" : "bf16"
    let invariant = kernelSet.hasSuffix("-invariant")
    return "--device cuda resources.precision=\(precision) resources.batch_invariant=\(invariant)"
  }
}
