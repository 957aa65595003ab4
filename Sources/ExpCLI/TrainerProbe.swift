internal import ExpCore
internal import ExpSchedule
internal import ExpSpec
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
  init(command: [String]?, compute: RunRequest.Compute) throws {
    self = try TrainerInquiry(command: command, compute: compute).answer()
  }

  fileprivate init(command: [String], answer: String) throws {
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

  fileprivate static func besideThisProgram() throws -> String {
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

extension TrainerProbe {
  /// The kernel sets for what a spec wants to compute on.
  static func compute(for resources: ExperimentSpec.Resources) -> RunRequest.Compute {
    var compute = compute(threads: resources.cores)
    if resources.device == .cuda {
      compute.useGPU(
        precision: resources.precision, isBatchInvariant: resources.isBatchInvariant)
    }
    return compute
  }

  /// What the trainer beside this program says of the GPU it would use.
  ///
  /// - Throws: `Failure` with one sentence where it can use none.
  static func gpu() throws -> String {
    let facts = try TrainerInquiry(
      command: nil, options: ["--gpu"], compute: compute(threads: 1)
    ).facts()
    if let gpu = facts[path: "gpu"]?.string { return gpu }
    throw Failure(
      facts[path: "gpu_missing"]?.string ?? "exp-trainer does not say what GPU it would use",
      code: ExitStatus.usage)
  }
}

/// A trainer that was asked what it is and may take its time to answer.
struct TrainerInquiry {
  private let command: [String]
  private let process = Process()
  private let output = Pipe()

  /// Starts `describe` of the trainer that a spec names, or of the one beside this program.
  ///
  /// - Throws: `Failure` where it cannot be started.
  init(
    command named: [String]?, options: [String] = [], compute: RunRequest.Compute
  ) throws {
    command = try named ?? [TrainerProbe.besideThisProgram()]
    let environment = TrainerProbe.trainerEnvironment(compute)
    let program = try TrainerProgram.find(command, environment: environment)
    process.executableURL = URL(filePath: program)
    process.arguments = Array(command.dropFirst()) + ["describe"] + options
    process.environment = environment
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      throw Failure("cannot start '\(command[0])': \(error.localizedDescription)")
    }
  }

  /// Waits for the answer.
  ///
  /// - Throws: `Failure` where it is not what the protocol says.
  func answer() throws -> TrainerProbe {
    try TrainerProbe(command: command, answer: text())
  }

  /// Waits for the answer as it is.
  ///
  /// - Throws: `Failure` where it is no JSON.
  func facts() throws -> JSONValue {
    let text = try text()
    do {
      return try JSONValue(parsing: text.utf8)
    } catch {
      throw Failure("the trainer's description of itself is no JSON: \(error)")
    }
  }

  private func text() throws -> String {
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(
        "'\((command + ["describe"]).joined(separator: " "))' left with \(process.terminationStatus)"
      )
    }
    return String(decoding: data, as: UTF8.self)
  }
}
