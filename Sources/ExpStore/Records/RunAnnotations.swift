public import ExpCore
public import TrainerProtocol

/// What people said about a run, kept in `annotations/RUN.json` because a finished run's folder never changes.
public struct RunAnnotations: Sendable, Hashable, Codable {
  /// A remark.
  public struct Note: Sendable, Hashable, Codable {
    /// Wall-clock time in UTC, `YYYY-MM-DDThh:mm:ssZ`.
    public var at: String
    /// The words.
    public var text: String

    /// Makes a note.
    public init(at: String, text: String) {
      self.at = at
      self.text = text
    }
  }

  /// The version of this shape: 1.
  public var schema: Int
  /// The run.
  public var run: RunID
  /// Words to find it by.
  public var tags: [String]
  /// Remarks, oldest first.
  public var notes: [Note]

  /// Makes annotations.
  public init(run: RunID, tags: [String] = [], notes: [Note] = []) {
    schema = 1
    self.run = run
    self.tags = tags
    self.notes = notes
  }

  /// The folder of all annotations.
  public static func folder(below paths: RunPaths) -> String { "\(paths.root)/annotations" }

  /// Writes the annotations whole or not at all.
  ///
  /// - Throws: `StoreError` where the file cannot be written.
  public func write(below paths: RunPaths) throws(StoreError) {
    let folder = RunAnnotations.folder(below: paths)
    try RecordFile.makeFolder(folder)
    try RecordFile.write(RecordText.pretty(self), to: "\(folder)/\(run).json")
  }

  /// Reads a run's annotations; none where there is no file.
  ///
  /// - Throws: `StoreError` where the file is not what it should be.
  public static func read(
    _ run: RunID, below paths: RunPaths
  ) throws(StoreError) -> RunAnnotations {
    let path = "\(folder(below: paths))/\(run).json"
    guard RecordFile.exists(path) else { return RunAnnotations(run: run) }
    return try RecordFile.read(RunAnnotations.self, from: path)
  }
}
