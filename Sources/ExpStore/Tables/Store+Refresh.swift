internal import ExpCore
internal import GRDB
internal import Glibc
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
    let fits = FitRecord.folder(below: paths)
    // A file that is made, renamed or removed changes its folder, and fits, of which there may be very many, change so.
    try refreshRecords(
      in: fits, FitRecord.self, stamp: FileStamp(of: fits).text, emptying: "DELETE FROM fit",
      isForced: isChanged, &problems
    ) { fit, db in try FitTable.replace(fit, db) }
    // People may write into these.
    let annotations = RunAnnotations.folder(below: paths)
    try refreshRecords(
      in: annotations, RunAnnotations.self, stamp: FileStamp(folder: annotations).text,
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
    var stamps = try knownStamps()
    var changed: [RunFolder] = []
    for parent in ["\(paths.root)/bases", paths.root] {
      let directory = Glibc.open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard directory >= 0 else { continue }
      defer { _ = Glibc.close(directory) }
      for name in RecordFile.names(in: parent) where RunID(text: name) != nil {
        let folder = RunFolder(path: "\(parent)/\(name)")
        if let before = stamps.removeValue(forKey: name), before.state?.isFinished == true,
          RunFacts.isUnchanged(
            folder, named: name, in: directory, since: before.files,
            hasSucceeded: before.state == .succeeded)
        {
          continue
        }
        changed.append(folder)
      }
    }
    problems += try ingest(runs: changed)
    for id in stamps.keys { try write { db in try RunTable.forget(id, db) } }
    return !changed.isEmpty || !stamps.isEmpty
  }

  /// What the files of each run that has a folder were when it was taken in.
  private func knownStamps() throws(StoreError) -> [String: (files: String, state: RunState?)] {
    try read { db in
      var stamps: [String: (files: String, state: RunState?)] = [:]
      let rows = try Row.fetchCursor(
        db, sql: "SELECT id, files, status FROM run WHERE has_folder = 1")
      // By place: to find a column by its name takes longer than to read it.
      while let row = try rows.next() {
        stamps[row[0]] = (row[1], RunState(rawValue: row[2]))
      }
      return stamps
    }
  }

  /// Replaces the rows that stand for the files of a folder named after runs, where `stamp` is a new one.
  private func refreshRecords<Record: Decodable>(
    in folder: String, _ type: Record.Type, stamp: String, emptying: String, isForced: Bool,
    _ problems: inout [Problem], _ insert: (Record, Database) throws -> Void
  ) throws(StoreError) {
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
