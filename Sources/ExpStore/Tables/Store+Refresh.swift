internal import ExpCore
internal import GRDB
public import TrainerProtocol

extension Store {
  /// Takes in everything below `runs/` that changed: folders, plans, fits, predictions, annotations.
  ///
  /// What has no file any more goes. What did not change costs a few `stat` calls.
  /// - Returns: files that could not be taken in; the rest was.
  /// - Throws: `StoreError` where the store itself fails.
  @discardableResult
  public func refresh(from paths: RunPaths) throws(StoreError) -> [Problem] {
    var problems: [Problem] = []
    try refreshSweeps(paths, &problems)
    // Rows named after runs are written anew with the runs, for a run that is new or gone has none.
    let isChanged = try refreshFolders(paths, &problems)
    try refreshRecords(
      in: FitRecord.folder(below: paths), FitRecord.self, emptying: "DELETE FROM fit",
      isForced: isChanged, &problems
    ) { fit, db in try FitTable.replace(fit, db) }
    try refreshRecords(
      in: RunAnnotations.folder(below: paths), RunAnnotations.self,
      emptying: AnnotationTable.empty, isForced: isChanged, &problems
    ) { annotations, db in try AnnotationTable.replace(annotations, db) }
    return problems
  }

  /// Empties the store and fills it from the files alone.
  ///
  /// - Returns: files that could not be taken in.
  /// - Throws: `StoreError` where the store itself fails.
  @discardableResult
  public func rebuild(from paths: RunPaths) throws(StoreError) -> [Problem] {
    try write { db in
      for table in Store.tables { try db.execute(sql: "DELETE FROM \(table)") }
    }
    let problems = try refresh(from: paths)
    try setFact("filled", "1")
    return problems
  }

  /// Referring tables before those they refer to; values before runs, whose trigger would visit each run's.
  private static let tables = [
    "store_fact", "metric_value", "metric_name", "tag", "note", "fit", "prediction", "attempt",
    "attempt_start", "sweep_run", "sweep", "run_param", "param_value", "run_config", "run",
  ]

  private func refreshSweeps(_ paths: RunPaths, _ problems: inout [Problem]) throws(StoreError) {
    var found: Set<String> = []
    for name in RecordFile.names(in: "\(paths.root)/sweeps") where SweepRecord.isName(name) {
      let plan = SweepRecord.path(of: name, below: paths)
      guard RecordFile.exists(plan) else { continue }
      found.insert(name)
      let stamp =
        FileStamp(of: plan).text
        + FileStamp(folder: PredictionRecord.folder(of: name, below: paths)).text
      if try fact("sweep \(name)") == stamp { continue }
      do throws(StoreError) {
        try record(sweep: try SweepRecord.read(name, below: paths))
        for prediction in try PredictionRecord.readAll(of: name, below: paths) {
          try record(prediction: prediction)
        }
        try setFact("sweep \(name)", stamp)
      } catch {
        guard error.code == .file || error.code == .notFound else { throw error }
        problems.append(Problem(path: paths.sweep(name), message: error.message))
      }
    }
    let known = try read { db in try String.fetchAll(db, sql: "SELECT name FROM sweep") }
    for name in known where !found.contains(name) {
      try write { db in
        try SweepTable.delete(name, db)
        try db.execute(sql: "DELETE FROM store_fact WHERE name = ?", arguments: ["sweep \(name)"])
      }
    }
  }

  /// Takes in the folders that changed; returns whether any did.
  private func refreshFolders(
    _ paths: RunPaths, _ problems: inout [Problem]
  ) throws(StoreError) -> Bool {
    let known = try read { db in
      try Row.fetchAll(db, sql: "SELECT id, files, status FROM run WHERE has_folder = 1").map {
        (id: $0["id"] as String, files: $0["files"] as String, status: $0["status"] as String)
      }
    }
    var stamps = Dictionary(
      known.map { ($0.id, (files: $0.files, status: $0.status)) },
      uniquingKeysWith: { first, _ in first })
    var changed: [RunFolder] = []
    for (id, folder) in Store.folders(below: paths) {
      let before = stamps.removeValue(forKey: id.text)
      if let before, let state = RunState(rawValue: before.status), state.isFinished,
        RunFacts.isUnchanged(folder, since: before.files, hasSucceeded: state == .succeeded)
      {
        continue
      }
      changed.append(folder)
    }
    problems += try ingest(runs: changed)
    for id in stamps.keys { try write { db in try RunTable.forget(id, db) } }
    return !changed.isEmpty || !stamps.isEmpty
  }

  private static func folders(below paths: RunPaths) -> [(RunID, RunFolder)] {
    func ids(_ folder: String) -> [RunID] {
      RecordFile.names(in: folder).compactMap { RunID(text: $0) }
    }
    return ids("\(paths.root)/bases").map { ($0, paths.base($0)) }
      + ids(paths.root).map { ($0, paths.run($0)) }
  }

  /// Replaces the rows that stand for the files of a folder named after runs.
  private func refreshRecords<Record: Decodable>(
    in folder: String, _ type: Record.Type, emptying: String, isForced: Bool,
    _ problems: inout [Problem], _ insert: (Record, Database) throws -> Void
  ) throws(StoreError) {
    let stamp = FileStamp(folder: folder).text
    let name = "folder \(folder.split(separator: "/").last ?? "")"
    if !isForced, try fact(name) == stamp { return }
    let problemsBefore = problems.count
    var records: [Record] = []
    for name in RecordFile.names(in: folder) where name.hasSuffix(".json") {
      do throws(StoreError) {
        records.append(try RecordFile.read(type, from: "\(folder)/\(name)"))
      } catch {
        problems.append(Problem(path: "\(folder)/\(name)", message: error.message))
      }
    }
    try write { db in
      try db.execute(sql: emptying)
      for record in records { try insert(record, db) }
    }
    // What could not be read is read, and reported, again the next time.
    if problems.count == problemsBefore { try setFact(name, stamp) }
  }
}
