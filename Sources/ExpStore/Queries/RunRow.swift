public import ExpCore
internal import GRDB

/// One RL run as the store knows it.
public struct RunRow: Sendable, Hashable {
  /// The run.
  public var id: RunID
  /// The sweeps whose plans hold it, oldest first.
  public var sweeps: [String]
  /// Its label in the oldest of them.
  public var label: String
  /// What has become of it.
  public var status: RunState
  /// Why, where somebody said so.
  public var reason: String?
  /// Hash of its resolved configuration.
  public var configHash: String
  /// The commit of its spec, 40 hexadecimal digits; nil before it starts and where there is no repository.
  public var commit: String?
  /// Whether that commit is a snapshot of a dirty tree.
  public var snapshot: Bool
  /// Its resolved configuration as canonical JSON.
  public var paramsText: String
  /// Non-embedding parameters.
  public var modelParams: Int?
  /// The named size of its model.
  public var modelSize: String?
  /// The algorithm.
  public var algorithm: String?
  /// The method of entropy control.
  public var entropyControl: String?
  /// The RL seed.
  public var seed: Int?
  /// The base policy it starts from.
  public var base: String?
  /// The last step with a value; nil before the first.
  public var step: Int?
  /// Steps of the whole run.
  public var totalSteps: Int?
  /// The last validation score.
  public var lastValScore: Double?
  /// The best validation score.
  public var bestValScore: Double?
  /// The last entropy, nats.
  public var lastEntropy: Double?
  /// The fitted ceiling −a + b, where a fit was recorded.
  public var ceiling: Double?
  /// The fitted a.
  public var a: Double?
  /// The fitted b.
  public var b: Double?
  /// The fit's coefficient of determination.
  public var r2: Double?
  /// Tags, sorted.
  public var tags: [String]
  /// Hash over all recorded values, times apart, of a finished run.
  public var seriesSHA256: String?
  /// When it was planned, UTC.
  public var createdAt: String?
  /// When its last attempt began.
  public var startedAt: String?
  /// When its end was seen.
  public var finishedAt: String?
  /// Seconds of all attempts that counted.
  public var wallSeconds: Double?

  /// Its resolved configuration, parsed anew at each use.
  public var params: JSONValue {
    // try?: the store wrote this text from a value.
    (try? JSONValue(parsing: Array(paramsText.utf8))) ?? .null
  }
}

extension RunRow {
  static let select = """
    SELECT run.*, run_config.config, fit.ceiling AS fit_ceiling, fit.a AS fit_a, fit.b AS fit_b, fit.r2 AS fit_r2
    FROM run JOIN run_config ON run_config.run = run.number
      LEFT JOIN fit ON fit.run = run.number
    """

  init(_ row: Row) throws {
    let text: String = row["id"]
    let state: String = row["status"]
    guard let id = RunID(text: text), let status = RunState(rawValue: state) else {
      throw StoreError(
        .damaged, "run '\(text)' in state '\(state)' cannot be; \(StoreError.rebuildHelp)")
    }
    self.id = id
    self.status = status
    sweeps = RunRow.strings(row["sweeps"])
    label = row["label"] ?? ""
    reason = row["reason"]
    configHash = row["config_hash"]
    commit = row["commit_id"]
    snapshot = row["snapshot"]
    paramsText = row["config"]
    modelParams = row["model_params"]
    modelSize = row["model_size"]
    algorithm = row["algorithm"]
    entropyControl = row["entropy_control"]
    seed = row["seed"]
    base = row["base"]
    step = row["step"]
    totalSteps = row["total_steps"]
    lastValScore = row["last_val_score"]
    bestValScore = row["best_val_score"]
    lastEntropy = row["last_entropy"]
    ceiling = row["fit_ceiling"]
    a = row["fit_a"]
    b = row["fit_b"]
    r2 = row["fit_r2"]
    tags = RunRow.strings(row["tags"])
    seriesSHA256 = row["series_sha256"]
    createdAt = row["created_at"]
    startedAt = row["started_at"]
    finishedAt = row["finished_at"]
    wallSeconds = row["wall_seconds"]
  }

  /// Reads a JSON array of strings; the usual ones without a decoder.
  private static func strings(_ text: String) -> [String] {
    if text == "[]" { return [] }
    if !text.contains("\\"), !text.contains(",") { return [String(text.dropFirst(2).dropLast(2))] }
    // try?: the store wrote this text from a list.
    let value = try? JSONValue(parsing: Array(text.utf8))
    return value?.array?.compactMap(\.string) ?? []
  }
}
