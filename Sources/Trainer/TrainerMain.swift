internal import ExpCore
internal import Glibc
internal import TrainerProtocol
internal import TrainerTensor

/// The trainer as a program: arguments in, exit code out.
public enum TrainerMain {
  private static let usage = """
    usage: exp-trainer --request FILE   do what a request asks for, in the folder that holds it
           exp-trainer describe         print what this trainer was built from, as JSON
           exp-trainer describe --gpu   the same with the GPU it would use, or what is missing for one
           exp-trainer bench            measure rollout and update on one core, beside the rate of BLAS
           exp-trainer bench --gpu [--kernels SET] [--sizes LIST] [--json FILE]
                                        the same on a GPU, beside the rates of its products and its memory
           exp-trainer golden PATH...   compare algorithms with other projects' results in files or folders

    """

  /// Runs the command that the arguments (without the program's name) ask for and returns the exit code.
  ///
  /// It may replace the process by a fresh one of the same program, where BLAS needs other variables than it was
  /// loaded with. TERM, INT, HUP, or the end of a pipe on standard input make it save and leave with code 75.
  public static func run(arguments: [String]) -> Int32 {
    do {
      switch arguments {
      case ["describe"], ["describe", "--gpu"]:
        try describe(withGPU: arguments.count > 1)
        return TrainerExit.succeeded.rawValue
      case ["bench"]:
        try bench()
        return TrainerExit.succeeded.rawValue
      case _ where arguments.starts(with: ["bench", "--gpu"]):
        try benchGPU(Array(arguments.dropFirst(2)))
        return TrainerExit.succeeded.rawValue
      case _ where arguments.count > 1 && arguments[0] == "golden" && arguments[1].first != "-":
        let passed = GoldenCommand.run(paths: Array(arguments.dropFirst())) {
          write($0 + "\n", to: STDOUT_FILENO)
        }
        return (passed ? TrainerExit.succeeded : .failed).rawValue
      case ["--help"], ["-h"], ["golden", "--help"], ["golden", "-h"]:
        write(usage, to: STDOUT_FILENO)
        return TrainerExit.succeeded.rawValue
      case _ where arguments.count == 2 && arguments[0] == "--request":
        return try train(requestAt: arguments[1]).rawValue
      default:
        write("exp-trainer: error: cannot read the arguments\n\(usage)", to: STDERR_FILENO)
        return TrainerExit.badRequest.rawValue
      }
    } catch {
      write("exp-trainer: error: \(error)\n", to: STDERR_FILENO)
      return exit(for: error).rawValue
    }
  }

  private static func exit(for error: any Error) -> TrainerExit {
    switch error {
    case let error as TrainerError: error.exit
    case is ModelError: .badRequest
    // Memory that is missing now may be there at the next attempt.
    case is TensorError: .failed
    default: .internalError
    }
  }

  private static func train(requestAt path: String) throws -> TrainerExit {
    TensorRuntime.onFailure { error in
      write(
        "exp-trainer: error: \(error)\n  help: \(help(for: error))\n",
        to: STDERR_FILENO)
      // Everything up to the last checkpoint is on disk; what other attempts may find is more memory.
      Glibc.exit(TrainerExit.failed.rawValue)
    }
    StopSignal.catchSignals()
    StopSignal.watchParent()
    let folder = RunFolder(path: folder(of: path))
    let request = try readRequest(path)
    var identity = try identity()
    guard request.sourceFingerprint == identity.sourceFingerprint else {
      throw TrainerError(
        .badRequest,
        "'\(path)' is for a trainer built from \(request.sourceFingerprint); this one was built from "
          + "\(identity.sourceFingerprint)",
        mend: "plan the sweep again with this trainer, or build the sources that the request names")
    }
    try ProcessFacts.settleEnvironment(request.compute)
    try configure(request.compute)
    if let gpu = CUDALibrary.facts(of: TensorRuntime.device) {
      try checkSources(gpu)
      identity.gpu = gpu.description
    }
    let lock = try FileHandleOwner(opening: folder.lock, flags: O_RDWR | O_CREAT)
    // Whoever started us through a pipe has handed the lock over already; it is held, and by us.
    guard StopSignal.isStartedThroughPipe || lock.tryLock() else {
      throw TrainerError(
        .stopped, "another trainer of this run is at work: it holds '\(folder.lock)'",
        mend: "wait for it, or end it with TERM")
    }
    return try TrainingRun(
      request, in: folder, identity: identity, stopReason: { StopSignal.words }
    ).run()
  }

  private static func help(for error: TensorError) -> String {
    if case .deviceFailed = error {
      return "where memory is short, give each run a larger part of the GPU: 'resources.gpus'"
    }
    return "lower 'train.micro_batch_size' or the model's size, or give the run more memory"
  }

  /// A run is pinned to sources, and the kernels for GPUs are compiled apart from the rest.
  private static func checkSources(_ gpu: GPUFacts) throws {
    guard !gpu.sources.isEmpty, gpu.sources != BuildFacts.kernelFingerprint else { return }
    throw TrainerError(
      .badRequest, "the CUDA kernels were compiled from other sources than this trainer",
      mend: "run 'make kernels-cuda' again")
  }

  private static func readRequest(_ path: String) throws -> RunRequest {
    let bytes: [UInt8]
    do {
      bytes = try FileHandleOwner(opening: path, flags: O_RDONLY).readAll()
    } catch let error as TrainerError {
      throw TrainerError(.badRequest, "the request: \(error.message)")
    }
    return try RequestCheck.read(bytes, path: path)
  }

  private static func configure(_ compute: RunRequest.Compute) throws {
    do {
      try TensorRuntime.configure(kernelSet: compute.kernelSet, threads: compute.threads)
    } catch {
      switch error {
      // A GPU that is hidden, full or fallen over now may be there at the next attempt.
      case .noGPU, .deviceFailed, .outOfMemory: throw TrainerError(.failed, "\(error)")
      default: throw TrainerError(.badRequest, "'compute' of the request: \(error)")
      }
    }
  }

  private static func describe(withGPU: Bool) throws {
    let compute = RunRequest.Compute(processorFlags: ProcessFacts.processorFlags, threads: 1)
    try ProcessFacts.settleEnvironment(compute)
    let identity = try identity()
    var facts: JSONValue = [
      "protocol": 1, "source_fingerprint": .string(identity.sourceFingerprint.hex),
      "binary_sha256": identity.binarySHA256.map { .string($0.hex) } ?? .null,
      "blas": .string(identity.blas), "compute": try JSONValue(encoding: compute),
    ]
    if withGPU {
      do {
        let gpu = try CUDALibrary.facts()
        try checkSources(gpu)
        facts[path: "gpu"] = .string(gpu.description)
      } catch {
        facts[path: "gpu_missing"] = .string("\(error)")
      }
    }
    write(facts.prettyJSON + "\n", to: STDOUT_FILENO)
  }

  private static func bench() throws {
    let compute = RunRequest.Compute(processorFlags: ProcessFacts.processorFlags, threads: 1)
    try ProcessFacts.settleEnvironment(compute)
    try configure(compute)
    for line in try TrainerBenchmark.run() { write(line + "\n", to: STDOUT_FILENO) }
  }

  private static func benchGPU(_ arguments: [String]) throws {
    let options = try GPUBenchmark.Options(arguments)
    let compute = RunRequest.Compute(processorFlags: ProcessFacts.processorFlags, threads: 1)
    try ProcessFacts.settleEnvironment(compute)
    TensorRuntime.onFailure { error in
      write("exp-trainer: error: \(error)\n", to: STDERR_FILENO)
      Glibc.exit(TrainerExit.failed.rawValue)
    }
    let report = try GPUBenchmark.run(options) { write($0 + "\n", to: STDOUT_FILENO) }
    if let path = options.jsonPath {
      let file = try FileHandleOwner(opening: path, flags: O_WRONLY | O_CREAT | O_TRUNC)
      try Array((report.prettyJSON + "\n").utf8).withUnsafeBytes { try file.write($0) }
    }
  }

  private static func identity() throws -> TrainingRun.Identity {
    guard let fingerprint = ContentHash(hex: BuildFacts.sourceFingerprint) else {
      throw TrainerError(.internalError, "the build left no hash of its sources")
    }
    return TrainingRun.Identity(
      sourceFingerprint: fingerprint, binarySHA256: ProcessFacts.binaryHash,
      blas: TensorRuntime.blasDescription)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func write(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      // Nobody is left to tell that the terminal is gone.
      guard count > 0 else { return }
      done += count
    }
  }
}
