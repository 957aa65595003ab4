/// The kernels and the GPU that an attempt computed with; unknown of what was read before, until `exp db rebuild`.
enum Migration0002 {
  static let kernels = """
    ALTER TABLE attempt_start ADD COLUMN kernel_set TEXT;
    ALTER TABLE attempt_start ADD COLUMN gpu TEXT;
    ALTER TABLE attempt ADD COLUMN kernel_set TEXT;
    ALTER TABLE attempt ADD COLUMN gpu TEXT;
    DROP VIEW attempts;
    CREATE VIEW attempts AS
      SELECT run.id AS run, attempt.number, attempt.outcome, attempt.started_at,
        attempt.ended_at, attempt.pid, attempt.host, attempt.resume_step, attempt.exit_code,
        attempt.signal, attempt.peak_memory_bytes, attempt.cpu_seconds, attempt.reason,
        attempt.kernel_set, attempt.gpu
      FROM attempt JOIN run ON run.number = attempt.run;
    """
}
