internal import ExpCore
internal import ExpSchedule
internal import Foundation
internal import TrainerProtocol

/// A trainer program and what it says of itself.
struct TrainerProbe {
  /// The command that starts it, before its options.
  let command: [String]
  /// Hash of the sources it was built from.
  let sourceFingerprint: ContentHash
  /// Hash of its binary; nil where it does not tell.
  let binarySHA256: ContentHash?
  /// Its BLAS library, as the library describes itself.
  let blas: String

  /// Asks the trainer that a spec names, or the one beside this program, what it is.
  ///
  /// - Throws: `Failure` where it cannot be started or does not answer as the protocol says.
  init(command named: [String]?, compute: RunRequest.Compute) throws {
    let command = try named ?? [TrainerProbe.besideThisProgram()]
    let answer = try TrainerProbe.capture(
      command + ["describe"], environment: TrainerProbe.trainerEnvironment(compute))
    // try?: an answer that is no JSON is the same failure as one without the key.
    guard let facts = try? JSONValue(parsing: answer.utf8),
      let fingerprint = facts[path: "source_fingerprint"]?.string.flatMap(ContentHash.init(hex:))
    else {
      throw Failure(
        "'\(command.joined(separator: " ")) describe' did not answer with its source_fingerprint; "
          + "is it a trainer of this protocol?")
    }
    self.command = command
    sourceFingerprint = fingerprint
    binarySHA256 = facts[path: "binary_sha256"]?.string.flatMap(ContentHash.init(hex:))
    blas = facts[path: "blas"]?.string ?? "unknown"
  }

  private static func besideThisProgram() throws -> String {
    let files = FileManager.default
    guard let own = try? files.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
      throw Failure("cannot tell where this program lies (/proc/self/exe cannot be read)")
    }
    let trainer = (own as NSString).deletingLastPathComponent + "/exp-trainer"
    guard files.isExecutableFile(atPath: trainer) else {
      throw Failure("there is no exp-trainer beside \(own); build it with 'make build'")
    }
    return trainer
  }

  /// Runs a command to its end and returns what it wrote to standard output.
  static func capture(_ command: [String], environment: [String: String]) throws -> String {
    let process = Process()
    let program = try TrainerProgram.find(command, environment: environment)
    process.executableURL = URL(filePath: program)
    process.arguments = Array(command.dropFirst())
    process.environment = environment
    let output = Pipe()
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      throw Failure("cannot start '\(command[0])': \(error.localizedDescription)")
    }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(
        "'\(command.joined(separator: " "))' left with \(process.terminationStatus)")
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// This process's environment without OpenBLAS's own variables: block sizes and threads that somebody set for other
  /// programs would change the bits of a run.
  static var neutralEnvironment: [String: String] {
    ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("OPENBLAS_") }
  }

  /// The environment that every trainer gets: neutral, with the kernel set settled.
  static func trainerEnvironment(_ compute: RunRequest.Compute) -> [String: String] {
    var environment = neutralEnvironment
    environment["OPENBLAS_CORETYPE"] = compute.blasCoreType.isEmpty ? nil : compute.blasCoreType
    environment["OPENBLAS_NUM_THREADS"] = String(compute.threads)
    return environment
  }

  /// The kernel sets for this machine's processor.
  static func compute(threads: Int) -> RunRequest.Compute {
    // try?: without feature flags the plain kernels are taken.
    let cpuinfo = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return RunRequest.Compute(
      processorFlags: RunRequest.Compute.processorFlags(cpuinfo: cpuinfo), threads: threads)
  }
}
