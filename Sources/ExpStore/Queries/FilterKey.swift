/// What a name in a filter or a sort order means.
enum FilterKey: Equatable {
  /// A number in a column.
  case number(column: String)
  /// A text in a column that is compared as text.
  case text(column: String)
  /// Sweeps, tags or the size; a condition holds where it holds for one of the run's.
  case names(Names)
  /// A setting of the configuration.
  case param(path: String)

  /// Names that several runs share.
  enum Names {
    case sweeps
    case tags
    case sizes

    /// A query for each distinct name, with the key by which `members` finds it.
    var distinct: String {
      switch self {
      case .sweeps: "SELECT number AS key, name FROM sweep"
      case .tags: "SELECT DISTINCT tag AS key, tag AS name FROM tag"
      case .sizes:
        "SELECT DISTINCT model_size AS key, model_size AS name FROM run WHERE model_size NOT NULL"
      }
    }

    /// A query for the runs that have one of the keys in the JSON array at `keys`.
    func members(keys: String) -> String {
      switch self {
      case .sweeps:
        "SELECT run FROM sweep_run WHERE sweep IN (SELECT value FROM json_each(\(keys)))"
      case .tags: "SELECT run FROM tag WHERE tag IN (SELECT value FROM json_each(\(keys)))"
      case .sizes:
        "SELECT number FROM run WHERE model_size IN (SELECT value FROM json_each(\(keys)))"
      }
    }

    var column: String {
      switch self {
      case .sweeps: "run.sweeps"
      case .tags: "run.tags"
      case .sizes: "run.model_size"
      }
    }
  }

  /// The names that are not settings, and those that are but have a column of their own.
  static let columns: [String: FilterKey] = [
    "id": .text(column: "run.id"),
    "status": .text(column: "run.status"),
    "label": .text(column: "run.label"),
    "commit": .text(column: "run.commit_id"),
    "config_hash": .text(column: "run.config_hash"),
    "base.id": .text(column: "run.base"),
    "sweep": .names(.sweeps),
    "tag": .names(.tags),
    "tags": .names(.tags),
    "snapshot": .number(column: "run.snapshot"),
    "created": .text(column: "run.created_at"),
    "created_at": .text(column: "run.created_at"),
    "started_at": .text(column: "run.started_at"),
    "finished_at": .text(column: "run.finished_at"),
    "model.size": .names(.sizes),
    "model.params": .number(column: "run.model_params"),
    "seed": .number(column: "run.seed"),
    "step": .number(column: "run.step"),
    "steps": .number(column: "run.step"),
    "total_steps": .number(column: "run.total_steps"),
    "val_score": .number(column: "run.last_val_score"),
    "last_val_score": .number(column: "run.last_val_score"),
    "best_val_score": .number(column: "run.best_val_score"),
    "entropy": .number(column: "run.last_entropy"),
    "last_entropy": .number(column: "run.last_entropy"),
    "wall_seconds": .number(column: "run.wall_seconds"),
    "ceiling": .number(column: "fit.ceiling"),
    "a": .number(column: "fit.a"),
    "b": .number(column: "fit.b"),
    "r2": .number(column: "fit.r2"),
  ]

  init(_ name: String) {
    self = FilterKey.columns[name] ?? .param(path: name)
  }

  /// The SQL that gives the value to sort by: settings as numbers where they are, else as text.
  func sortTerm(bind: (String) -> String) -> String {
    switch self {
    case .number(let column), .text(let column): return column
    case .names(let names): return names.column
    case .param(let path):
      return """
        (SELECT coalesce(number_value, text) FROM run_param
          JOIN param_value ON param_value.number = run_param.value
          WHERE run_param.run = run.number AND param_value.path = \(bind(path)))
        """
    }
  }
}
