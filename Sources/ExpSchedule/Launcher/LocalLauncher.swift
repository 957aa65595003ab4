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

/// Why a trainer could not be started.
struct LaunchFailure: Error {
  var reason: String
  /// Whether the system may be able to do it later.
  var canRetry: Bool
}

/// Starts trainers as children on this machine.
///
/// A trainer gets: a session of its own; no signal blocked or ignored; the read end of a pipe as standard input,
/// whose end means that its parent is gone; nothing as standard output; its log as standard error; the run's lock
/// as descriptor 3; and no other descriptor.
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

  /// Starts the trainer of a request; the lock passes to it.
  func start(
    _ request: RunRequest, in folder: RunFolder, lock: consuming RunLock, cores: [Int]
  ) throws(LaunchFailure) -> TrainerProcess {
    do throws(ScheduleError) {
      let pipe = try Pipe()
      let output = try Descriptor(opening: "/dev/null", O_WRONLY)
      let log = try Descriptor(opening: folder.log, O_WRONLY | O_CREAT | O_APPEND)
      let child = ChildProgram(
        path: program, arguments: arguments + ["--request", folder.request],
        environment: variables(request.compute), cores: cores)
      let startedAt = utcNow()
      let pid = try child.spawn(
        standardInput: pipe.readEnd, standardOutput: output, standardError: log,
        descriptor3: lock.descriptor)
      return TrainerProcess(pid: pid, startedAt: startedAt, cores: cores, stdin: pipe.writeEnd)
    } catch {
      throw LaunchFailure(reason: error.description, canRetry: Self.canRetry(error))
    }
  }

  /// The given environment, with the arithmetic that must be settled before the BLAS library loads.
  private func variables(_ compute: RunRequest.Compute) -> [String] {
    var variables = environment
    variables["OPENBLAS_CORETYPE"] = compute.blasCoreType.isEmpty ? nil : compute.blasCoreType
    variables["OPENBLAS_NUM_THREADS"] = String(compute.threads)
    return variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  }

  private static func canRetry(_ error: ScheduleError) -> Bool {
    guard case .system(_, _, let code) = error else { return false }
    return [EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC, EINTR, ETXTBSY].contains(code)
  }
}
