public import ExpCore

/// A checked experiment: a document, the axes it is varied over, and what does not belong to a point.
///
/// Everything in it has the right type and range. What depends on several keys at once is found by `resolution(of:)`,
/// one point at a time.
public struct ExperimentSpec: Sendable {
  /// A dotted path with its value.
  public typealias Setting = (path: String, value: JSONValue)

  /// A dotted path with the values it takes.
  public struct Axis: Sendable {
    /// The path, such as `train.algorithm`.
    public let path: String
    /// The values as they were written, at least one, all different; `{from, count}` is written out.
    public let values: [JSONValue]
    /// Where the axis stands; nil for one that an override made.
    public let location: SourceLocation?
    /// Where the axis stands, be it in an override.
    let place: SourceLocation
    /// Where each value stands; empty where they were counted.
    let valuePlaces: [SourceLocation]

    /// Where a value stands.
    func place(of value: JSONValue) -> SourceLocation {
      guard let index = values.firstIndex(of: value), valuePlaces.indices.contains(index) else {
        return place
      }
      return valuePlaces[index]
    }
  }

  /// Settings that hold where a condition does.
  public struct Rule: Sendable {
    /// The condition, on the point as it is without any rule.
    public let condition: Expression
    /// What is set.
    public let settings: [Setting]
    /// Where the rule stands; nil for one that an override made.
    public let location: SourceLocation?
    /// Where each setting's value stands.
    let settingPlaces: [String: SourceLocation]
  }

  /// What one run needs.
  public struct Resources: Sendable, Hashable {
    /// What exp-trainer computes on.
    public enum Device: String, Sendable, Hashable {
      case cpu, cuda
    }

    /// Processor cores.
    public let cores: Int
    /// Memory; nil where it is to be estimated.
    public let memoryBytes: Int?
    /// What exp-trainer computes on.
    public let device: Device
    /// GPUs: a whole number, or a part of one; nil where the model's size decides.
    public let gpus: Double?
    /// On a GPU what products multiply: `bf16` or `fp32`.
    public let precision: String
    /// On a GPU whether a row's bits shall depend on that row alone.
    public let isBatchInvariant: Bool

    /// GPUs of a run whose model has so many parameters beside embeddings; small ones share a GPU.
    public func gpus(parameters: Int) -> Double {
      if let gpus { return gpus }
      guard device == .cuda else { return 0 }
      return parameters <= 2_000_000 ? 0.125 : parameters <= 20_000_000 ? 0.25 : 1
    }
  }

  /// How runs are saved.
  public struct Checkpoints: Sendable, Hashable {
    /// Which checkpoints stay.
    public enum Keep: String, Sendable, Hashable {
      case last
    }

    /// Which checkpoints stay.
    public let keep: Keep
    /// The most seconds between two.
    public let seconds: Double
  }

  /// When a run is given up.
  public struct Limits: Sendable, Hashable {
    /// The most time that a run may take.
    public let timeoutSeconds: Double
    /// Further attempts after a crash.
    public let retries: Int
    /// The longest that a trainer may write no event.
    public let silenceSeconds: Double
  }

  /// When runs are stopped because their predicted ceiling is out of reach of the best.
  public struct Prune: Sendable, Hashable {
    /// Coverage of the bounds.
    public let level: Double
    /// How far apart the bounds must lie, in units of the score.
    public let margin: Double
    /// Share of a run's steps before which it is not judged.
    public let after: Double
    /// Evaluations before which a run is not judged.
    public let points: Int
    /// Further dotted paths in which compared arms agree.
    public let within: [String]
  }

  /// Where runs are computed.
  public enum Executor: String, Sendable, Hashable {
    case local
    case slurm
  }

  /// What is asked of Slurm; the names are those of the options of `sbatch`.
  public struct Slurm: Sendable, Hashable {
    /// The partition.
    public let partition: String?
    /// The account that is charged.
    public let account: String?
    /// The quality of service.
    public let qos: String?
    /// Features that nodes must have.
    public let constraint: String?
    /// A reservation to run in.
    public let reservation: String?
    /// Nodes to use.
    public let nodelist: String?
    /// Nodes to leave out.
    public let exclude: String?
    /// The longest that one task may take; nil for the partition's default.
    public let timeSeconds: Double?
    /// Further options.
    public let extra: [String]
    /// Lines of shell that a node runs first.
    public let setup: [String]
    /// The most tasks of one array; nil for as many as the site allows.
    public let maxArraySize: Int?
  }

  /// The experiment's name.
  public internal(set) var name: String
  /// What it is for.
  public internal(set) var description: String?
  /// `task`, `model`, `base`, `train`, `evaluate` and `seed` as written, with everything that is extended merged in.
  public internal(set) var document: JSONValue
  /// Axes whose values are all combined, in the order of the file.
  public internal(set) var grid: [Axis]
  /// Groups of axes of equal length that move together.
  public internal(set) var zips: [[Axis]]
  /// Further points: the document with these settings.
  public internal(set) var include: [[Setting]]
  /// Points of the product that are left out.
  public internal(set) var exclude: [Expression]
  /// Points that run last and stay out of fits across sizes.
  public internal(set) var holdOut: [Expression]
  /// Points that start before others, the foremost condition first.
  public internal(set) var first: [Expression]
  /// Settings that hold for some points, in the order in which they are applied.
  public internal(set) var when: [Rule]
  /// What a run needs.
  public internal(set) var resources: Resources
  /// How runs are saved.
  public internal(set) var checkpoints: Checkpoints
  /// When a run is given up.
  public internal(set) var limits: Limits
  /// When runs are pruned; nil for never.
  public internal(set) var prune: Prune?
  /// The trainer's program and arguments; nil for `exp-trainer`.
  public internal(set) var trainerCommand: [String]?
  /// Where runs are computed, unless the command says otherwise.
  public internal(set) var executor: Executor
  /// What is asked of Slurm.
  public internal(set) var slurm: Slurm
  /// The text of the spec and of everything it extends, by the path as it was given.
  public internal(set) var files: [String: String]

  /// Where the values of the document stand.
  var places: [String: SourceLocation]
  var includePlaces: [[String: SourceLocation]]
  var excludePlaces: [SourceLocation]
  var holdOutPlaces: [SourceLocation]
  var firstPlaces: [SourceLocation]
  var prunePlace: SourceLocation?
  /// Carries the excerpts and `extends` notes of the files.
  var origin: Problems
  /// Where the spec itself begins.
  var start: SourceLocation

  /// Where a value of the document stands, or the nearest map around it; nil where neither is in a file.
  public func location(of path: String) -> SourceLocation? {
    place(of: path).flatMap(origin.fileLocation)
  }

  func place(of path: String) -> SourceLocation? {
    var path = path[...]
    while true {
      if let place = places[String(path)] { return place }
      guard let dot = path.lastIndex(of: ".") else { return nil }
      path = path[..<dot]
    }
  }
}
