internal import ExpCore
public import TrainerProtocol

extension SlurmExecutor {
  /// The jobs that a start would submit, by what the files say of each.
  ///
  /// Left out is what came to an end, and what starts from a base policy that came to a bad one.
  /// - Throws: `ScheduleError` where files of a run cannot be read.
  public static func openJobs(
    _ jobs: [SweepJob], paths: RunPaths, rerun: SweepSettings.Rerun, keepsPruned: Bool
  ) throws(ScheduleError) -> [SweepJob] {
    var open: [SweepJob] = []
    var badBases: Set<RunID> = []
    for job in jobs {
      let found = try RunOnDisk.read(
        id: job.id, folder: job.folder(in: paths), retries: job.retries)
      switch found.finding(kind: job.kind, rerun: rerun, keepsPruned: keepsPruned) {
      case .open: open.append(job)
      case .finished(.succeeded, _): break
      case .finished: if job.kind == .base { badBases.insert(job.id) }
      }
    }
    return open.filter { job in job.base.map { !badBases.contains($0) } ?? true }
  }

  /// The scripts that jobs would be submitted with; nothing is written or submitted.
  ///
  /// `stage` stands in the scripts' names where each array that is submitted has letters and digits of its own.
  /// - Throws: `ScheduleError` for a setting that no line of a script can hold.
  public static func plannedScripts(
    _ jobs: [SweepJob], stage: String, sweep: Sweep, options: SlurmOptions, site: SlurmSite
  ) throws(ScheduleError) -> [String] {
    let folder = SlurmFolder(sweep: sweep.name, paths: sweep.paths)
    let size = min(site.maxArraySize, options.maxArraySize ?? Int.max)
    var scripts: [String] = []
    for (index, batch) in SlurmBatches.split(jobs, size: size, resources: SlurmResources.init)
      .enumerated()
    {
      var array = SlurmArray(sweep, nonce: "\(stage)\(index + 1)", jobs: batch)
      array.throttle = options.jobLimit.map { min($0, batch.count) }
      scripts.append(
        try SlurmScript(
          array: array, options: options, resources: SlurmResources(batch[0]), badNodes: [],
          program: sweep.program, folder: folder
        ).text())
    }
    return scripts
  }
}
