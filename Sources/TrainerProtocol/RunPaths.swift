public import ExpCore

/// Where things lie below `runs/`; the only place that knows the names.
public struct RunPaths: Sendable, Hashable {
  /// The folder that holds everything: usually `runs`.
  public var root: String

  /// Takes the root folder.
  public init(root: String) { self.root = root }

  /// The store, a cache of everything else.
  public var database: String { "\(root)/exp.sqlite" }
  /// The folder of a run.
  public func run(_ id: RunID) -> RunFolder { RunFolder(path: "\(root)/\(id)") }
  /// The folder of a base policy.
  public func base(_ id: RunID) -> RunFolder { RunFolder(path: "\(root)/bases/\(id)") }
  /// The folder of a sweep: its plan, its lock and its registered predictions.
  public func sweep(_ name: String) -> String { "\(root)/sweeps/\(name)" }
}

/// The files of one run or base policy.
public struct RunFolder: Sendable, Hashable {
  /// The folder.
  public var path: String

  /// Takes a folder.
  public init(path: String) { self.path = path }

  /// What the trainer is asked to do.
  public var request: String { "\(path)/request.json" }
  /// What it did, a line an event.
  public var events: String { "\(path)/events.jsonl" }
  /// What it wrote to standard error.
  public var log: String { "\(path)/stderr.log" }
  /// The final record.
  public var result: String { "\(path)/result.json" }
  /// Prompts and answers of evaluations.
  public var samples: String { "\(path)/samples.jsonl" }
  /// Where it came from: commit, machine, command line.
  public var provenance: String { "\(path)/provenance.json" }
  /// One line an attempt, as the scheduler saw it end: exit status, signal, memory, CPU time.
  public var attempts: String { "\(path)/attempts.jsonl" }
  /// Checkpoints.
  public var checkpoints: String { "\(path)/checkpoints" }
  /// Locked for as long as a trainer of this run lives; the lock passes from the scheduler to the trainer.
  public var lock: String { "\(path)/trainer.lock" }
}
