/// The first tables and views.
///
/// Views carry the plain names and stay as they are; tables may change.
enum Migration0001 {
  static let tables = """
    CREATE TABLE store_fact (
      name TEXT NOT NULL PRIMARY KEY,
      value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- One row a run or base policy: planned, or with a folder.
    CREATE TABLE run (
      number INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL CHECK (kind IN ('rl', 'base')),
      status TEXT NOT NULL,
      reason TEXT,
      has_folder INTEGER NOT NULL DEFAULT 0,
      config_hash TEXT NOT NULL,
      base TEXT,
      experiment TEXT,
      own_label TEXT,
      label TEXT,
      sweeps TEXT NOT NULL DEFAULT '[]',
      model_size TEXT,
      model_params INTEGER,
      algorithm TEXT,
      entropy_control TEXT,
      seed INTEGER,
      commit_id TEXT,
      snapshot INTEGER NOT NULL DEFAULT 0,
      total_steps INTEGER,
      step INTEGER,
      last_val_score REAL,
      best_val_score REAL,
      last_entropy REAL,
      tags TEXT NOT NULL DEFAULT '[]',
      series_sha256 TEXT,
      created_at TEXT,
      started_at TEXT,
      finished_at TEXT,
      wall_seconds REAL,
      log_bytes INTEGER NOT NULL DEFAULT 0,
      log_head TEXT NOT NULL DEFAULT '',
      log_problems INTEGER NOT NULL DEFAULT 0,
      files TEXT NOT NULL DEFAULT ''
    ) STRICT;
    -- Apart from the rows that filters read through, which stay short so.
    CREATE TABLE run_config (
      run INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,
      config TEXT NOT NULL
    ) STRICT;
    CREATE INDEX run_config_hash ON run (config_hash);
    CREATE INDEX run_created ON run (created_at);
    CREATE INDEX run_status ON run (status);
    CREATE INDEX run_model_params ON run (model_params);
    CREATE INDEX run_model_size ON run (model_size);
    CREATE INDEX run_seed ON run (seed);
    CREATE INDEX run_last_val_score ON run (last_val_score);
    CREATE INDEX run_best_val_score ON run (best_val_score);
    CREATE INDEX run_last_entropy ON run (last_entropy);

    -- Values that configurations share, each once; a run refers to them.
    CREATE TABLE param_value (
      number INTEGER PRIMARY KEY,
      path TEXT NOT NULL,
      kind TEXT NOT NULL CHECK (kind IN ('number', 'text', 'bool', 'null', 'json')),
      text TEXT NOT NULL,
      number_value REAL,
      UNIQUE (path, kind, text)
    ) STRICT;
    CREATE TABLE run_param (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      value INTEGER NOT NULL REFERENCES param_value,
      PRIMARY KEY (run, value)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX run_param_value ON run_param (value, run);

    CREATE TABLE metric_name (
      number INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE
    ) STRICT;
    -- Clustered by run and metric, so that a series is one range; no foreign keys, which would cost a look-up a value.
    CREATE TABLE metric_value (
      run INTEGER NOT NULL,
      metric INTEGER NOT NULL,
      step INTEGER NOT NULL,
      value REAL NOT NULL,
      PRIMARY KEY (run, metric, step)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER run_deleted AFTER DELETE ON run BEGIN
      DELETE FROM metric_value WHERE run = old.number;
    END;

    -- Attempts as their own events tell them, kept so that a log need not be read twice.
    CREATE TABLE attempt_start (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      position INTEGER NOT NULL,
      number INTEGER NOT NULL,
      pid INTEGER NOT NULL,
      host TEXT NOT NULL,
      started_at TEXT NOT NULL,
      resume_step INTEGER NOT NULL,
      PRIMARY KEY (run, position)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE attempt (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      number INTEGER NOT NULL,
      outcome TEXT,
      started_at TEXT,
      ended_at TEXT,
      pid INTEGER,
      host TEXT,
      resume_step INTEGER,
      exit_code INTEGER,
      signal INTEGER,
      peak_memory_bytes INTEGER,
      cpu_seconds REAL,
      reason TEXT,
      PRIMARY KEY (run, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE sweep (
      number INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      spec_path TEXT NOT NULL,
      created_at TEXT NOT NULL,
      command_line TEXT NOT NULL
    ) STRICT;
    CREATE TABLE sweep_run (
      sweep INTEGER NOT NULL REFERENCES sweep ON DELETE CASCADE,
      position INTEGER NOT NULL,
      run INTEGER NOT NULL REFERENCES run,
      label TEXT NOT NULL,
      held_out INTEGER NOT NULL,
      model_size TEXT,
      PRIMARY KEY (sweep, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sweep_run_run ON sweep_run (run, sweep);

    CREATE TABLE fit (
      run INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,
      a REAL, b REAL, ceiling REAL, r2 REAL, rmse REAL,
      points INTEGER NOT NULL,
      a_se REAL, b_se REAL, ceiling_low REAL, ceiling_high REAL,
      warnings TEXT NOT NULL
    ) STRICT;
    CREATE INDEX fit_ceiling ON fit (ceiling);
    CREATE TABLE prediction (
      number INTEGER PRIMARY KEY,
      sweep TEXT NOT NULL,
      size TEXT NOT NULL,
      model_params REAL NOT NULL,
      registered_at TEXT NOT NULL,
      a REAL, b REAL, ceiling REAL, ceiling_low REAL, ceiling_high REAL,
      level REAL NOT NULL,
      record TEXT NOT NULL UNIQUE
    ) STRICT;
    CREATE TABLE tag (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      tag TEXT NOT NULL,
      PRIMARY KEY (run, tag)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tag_tag ON tag (tag);
    CREATE TABLE note (
      run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
      position INTEGER NOT NULL,
      at TEXT NOT NULL,
      text TEXT NOT NULL,
      PRIMARY KEY (run, position)
    ) STRICT, WITHOUT ROWID;
    """

  static let views = """
    CREATE VIEW runs AS
      SELECT run.id, (SELECT group_concat(value, ' ') FROM json_each(run.sweeps)) AS sweeps,
        run.label, run.status, run.config_hash, run.commit_id AS "commit", run.snapshot,
        run.model_params, run.model_size, run.algorithm, run.entropy_control, run.seed,
        run.step AS steps, run.total_steps, run.last_val_score, run.best_val_score,
        run.last_entropy, fit.ceiling, fit.a, fit.b, fit.r2,
        (SELECT group_concat(value, ' ') FROM json_each(run.tags)) AS tags,
        run.base, run.created_at, run.started_at, run.finished_at, run.wall_seconds, run.reason
      FROM run LEFT JOIN fit ON fit.run = run.number WHERE run.kind = 'rl';
    CREATE VIEW bases AS
      SELECT id, status, config_hash, commit_id AS "commit", snapshot, model_params,
        step AS steps, total_steps, created_at, started_at, finished_at, wall_seconds, reason
      FROM run WHERE kind = 'base';
    CREATE VIEW params AS
      SELECT run.id AS run, param_value.path, param_value.text, param_value.number_value AS number
      FROM run JOIN run_param ON run_param.run = run.number
        JOIN param_value ON param_value.number = run_param.value;
    CREATE VIEW metrics AS
      SELECT run.id AS run, metric_value.step, metric_name.name, metric_value.value
      FROM run JOIN metric_value ON metric_value.run = run.number
        JOIN metric_name ON metric_name.number = metric_value.metric;
    CREATE VIEW fits AS
      SELECT run.id AS run, fit.a, fit.b, fit.ceiling, fit.r2, fit.rmse, fit.points, fit.a_se,
        fit.b_se, fit.ceiling_low, fit.ceiling_high, fit.warnings
      FROM fit JOIN run ON run.number = fit.run;
    CREATE VIEW attempts AS
      SELECT run.id AS run, attempt.number, attempt.outcome, attempt.started_at,
        attempt.ended_at, attempt.pid, attempt.host, attempt.resume_step, attempt.exit_code,
        attempt.signal, attempt.peak_memory_bytes, attempt.cpu_seconds, attempt.reason
      FROM attempt JOIN run ON run.number = attempt.run;
    CREATE VIEW sweeps AS
      SELECT name, spec_path, created_at, command_line,
        (SELECT count(*) FROM sweep_run WHERE sweep_run.sweep = sweep.number) AS points
      FROM sweep;
    CREATE VIEW sweep_runs AS
      SELECT sweep.name AS sweep, sweep_run.position AS "index", run.id AS run, sweep_run.label,
        sweep_run.held_out
      FROM sweep_run JOIN sweep ON sweep.number = sweep_run.sweep
        JOIN run ON run.number = sweep_run.run;
    CREATE VIEW predictions AS
      SELECT sweep, size, model_params, registered_at, a, b, ceiling, ceiling_low, ceiling_high,
        level, record
      FROM prediction;
    CREATE VIEW tags AS
      SELECT run.id AS run, tag.tag FROM tag JOIN run ON run.number = tag.run;
    CREATE VIEW notes AS
      SELECT run.id AS run, note.at, note.text FROM note JOIN run ON run.number = note.run;
    """
}
