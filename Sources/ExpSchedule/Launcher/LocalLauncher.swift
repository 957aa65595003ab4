internal import Glibc
internal import TrainerProtocol

/// Where the program of a trainer's command lies.
public enum TrainerProgram {
  /// Returns the path of a command's program, looked for along `PATH` where it is a bare name.
  ///
  /// - Throws: `ScheduleError.trainerNotFound` where there is no such program.
  public static func find(
    _ command: [String], environment: [String: String]
  ) throws(ScheduleError) -> String {
    guard let name = command.first, !name.isEmpty else { throw .trainerNotFound("") }
    let candidates =
      name.contains("/")
      ? [name]
      : environment["PATH", default: ""].split(separator: ":").map { "\($0)/\(name)" }
    guard let program = candidates.first(where: { access($0, X_OK) == 0 }) else {
      throw .trainerNotFound(name)
    }
    return program
  }
}

/// Starts trainers as children on this machine.
///
/// A trainer gets: a session of its own; no signal blocked or ignored; the read end of a pipe as standard input,
/// whose end means that its parent is gone; nothing as standard output; its log as standard error; the run's lock
/// as descriptor 3; its share of the machine as descriptor 4; and no other descriptor.
struct LocalLauncher: Sendable {
  /// The program as an absolute path, and its leading arguments.
  let program: String
  let arguments: [String]
  let environment: [String: String]

  /// Finds the program of a command, along `PATH` of the given environment where it is a bare name.
  init(command: [String], environment: [String: String]) throws(ScheduleError) {
    program = try TrainerProgram.find(command, environment: environment)
    arguments = Array(command.dropFirst())
    self.environment = environment
  }

  /// Starts the trainer of a request; the run's lock and the share of the machine pass to it.
  ///
  /// The lock's file then says which process that is.
  func start(
    _ request: RunRequest, in folder: RunFolder, lock: consuming RunLock, lease: consuming Lease,
    pins: Bool, hidesGPUs: Bool
  ) throws(LaunchFailure) -> TrainerProcess {
    do throws(ScheduleError) {
      let pipe = try Pipe()
      let output = try Descriptor(opening: "/dev/null", O_WRONLY)
      let log = try Descriptor(opening: folder.log, O_WRONLY | O_CREAT | O_APPEND)
      let child = ChildProgram(
        path: program, arguments: arguments + ["--request", folder.request],
        environment: variables(request.compute, gpus: hidesGPUs ? lease.gpus : nil),
        cores: pins ? lease.cores : [])
      let startedAt = utcNow()
      let pid = try child.spawn(
        standardInput: pipe.readEnd, standardOutput: output, standardError: log,
        further: lock.descriptor, lease.file.descriptor)
      lock.write(holder: pid)
      return TrainerProcess(pid: pid, startedAt: startedAt, stdin: pipe.writeEnd)
    } catch {
      throw LaunchFailure.refused(reason: error.description, canRetry: Self.canRetry(error))
    }
  }

  /// The given environment, with the arithmetic that must be settled before the BLAS library loads.
  private func variables(_ compute: RunRequest.Compute, gpus: [String]?) -> [String] {
    var variables = environment
    variables["OPENBLAS_CORETYPE"] = compute.blasCoreType.isEmpty ? nil : compute.blasCoreType
    variables["OPENBLAS_NUM_THREADS"] = String(compute.threads)
    // A trainer sees the GPUs it was given and no others; where none were found, nothing is hidden.
    if let gpus { variables["CUDA_VISIBLE_DEVICES"] = gpus.joined(separator: ",") }
    return variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  }

  /// Whether what the system refused may be had later.
  static func canRetry(_ error: ScheduleError) -> Bool {
    guard case .system(_, _, let code) = error else { return false }
    return [EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC, EINTR, ETXTBSY, ENOLCK, EIO].contains(code)
  }
}
