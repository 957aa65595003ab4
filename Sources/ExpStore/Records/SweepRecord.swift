public import ExpCore
public import TrainerProtocol

/// The plan of a sweep as it was when the sweep started: `plan.json` in the sweep's folder.
public struct SweepRecord: Sendable, Hashable, Codable {
  /// One point of the plan.
  public struct Point: Sendable, Hashable, Codable {
    /// The id its run has or will have.
    public var run: RunID
    /// The id of the base policy it starts from.
    public var base: RunID
    /// Hash of the canonical JSON of `config`.
    public var configHash: ContentHash
    /// What tells it from the other points of the sweep, for people.
    public var label: String
    /// Its place in the sweep, from 0; `SWEEP/3` means index 3.
    public var index: Int
    /// Whether it is kept out of fits across sizes.
    public var heldOut: Bool
    /// The named size of its model, where it has one.
    public var modelSize: String?
    /// The resolved configuration.
    public var config: JSONValue

    enum CodingKeys: String, CodingKey {
      case run, base, label, index, config
      case configHash = "config_hash"
      case heldOut = "held_out"
      case modelSize = "model_size"
    }

    /// Makes a point.
    public init(
      run: RunID, base: RunID, configHash: ContentHash, label: String, index: Int, heldOut: Bool,
      modelSize: String?, config: JSONValue
    ) {
      self.run = run
      self.base = base
      self.configHash = configHash
      self.label = label
      self.index = index
      self.heldOut = heldOut
      self.modelSize = modelSize
      self.config = config
    }
  }

  /// The version of this shape: 1.
  public var schema: Int
  /// The sweep's name, which is also its folder's.
  public var name: String
  /// The spec's path as it was given.
  public var specPath: String
  /// Wall-clock time in UTC, `YYYY-MM-DDThh:mm:ssZ`.
  public var createdAt: String
  /// The command as it was typed.
  public var commandLine: [String]
  /// The points in the order of the plan.
  public var points: [Point]

  enum CodingKeys: String, CodingKey {
    case schema, name, points
    case specPath = "spec_path"
    case createdAt = "created_at"
    case commandLine = "command_line"
  }

  /// Makes a plan.
  public init(
    name: String, specPath: String, createdAt: String, commandLine: [String], points: [Point]
  ) {
    schema = 1
    self.name = name
    self.specPath = specPath
    self.createdAt = createdAt
    self.commandLine = commandLine
    self.points = points
  }
}

extension SweepRecord {
  /// Where the plan of a sweep lies.
  public static func path(of name: String, below paths: RunPaths) -> String {
    "\(paths.sweep(name))/plan.json"
  }

  /// Whether a name can be a sweep's: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, so that no name leaves the folder.
  public static func isName(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, bytes.count <= 64 else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
    return isAlphanumeric(first)
      && bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2e || $0 == 0x5f || $0 == 0x2d }
  }

  /// Writes `plan.json` whole or not at all, making the sweep's folder where it is missing.
  ///
  /// - Throws: `StoreError` where the name cannot be a folder's or the file cannot be written.
  public func write(below paths: RunPaths) throws(StoreError) {
    guard SweepRecord.isName(name) else {
      throw StoreError(.file, "'\(name)' cannot be the name of a sweep")
    }
    try RecordFile.makeFolder(paths.sweep(name))
    let (head, tail) = canonicalFrame
    let texts = points.lazy.enumerated().map { place, point in
      (place > 0 ? "," : head) + point.json.canonicalJSON
    }
    let end = CollectionOfOne((points.isEmpty ? head : "") + tail + "\n")
    try RecordFile.write(
      pieces: [AnySequence(texts), AnySequence(end)].lazy.joined(),
      to: SweepRecord.path(of: name, below: paths))
  }

  /// Reads the plan of a sweep.
  ///
  /// - Throws: `StoreError`, with code `notFound` where there is no such sweep.
  public static func read(_ name: String, below paths: RunPaths) throws(StoreError) -> SweepRecord {
    guard isName(name) else { throw StoreError(.notFound, "'\(name)' is not the name of a sweep") }
    let path = path(of: name, below: paths)
    let record = try RecordFile.read(
      SweepRecord.self, from: path, limit: 1 << 30, sections: SharedSections())
    guard record.name == name else {
      throw StoreError(.file, "'\(path)' is the plan of '\(record.name)', not of '\(name)'")
    }
    return record
  }

  /// The canonical JSON around the points, which are written one by one: a large plan never exists as one text.
  private var canonicalFrame: (head: String, tail: String) {
    let rest: JSONValue = [
      "created_at": .string(createdAt), "command_line": .array(commandLine.map(JSONValue.string)),
      "name": .string(name),
    ]
    let tail: JSONValue = ["schema": .number(Double(schema)), "spec_path": .string(specPath)]
    // The points come between the names in front and those behind, as the order of the keys has it.
    return (
      rest.canonicalJSON.dropLast() + ",\"points\":[", "]," + tail.canonicalJSON.dropFirst()
    )
  }
}

extension SweepRecord.Point {
  /// Reads a point; sections of its configuration that an earlier point has are kept once.
  public init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    run = try members.decode(RunID.self, forKey: .run)
    base = try members.decode(RunID.self, forKey: .base)
    configHash = try members.decode(ContentHash.self, forKey: .configHash)
    label = try members.decode(String.self, forKey: .label)
    index = try members.decode(Int.self, forKey: .index)
    heldOut = try members.decode(Bool.self, forKey: .heldOut)
    modelSize = try members.decodeIfPresent(String.self, forKey: .modelSize)
    let own = try members.decode(JSONValue.self, forKey: .config)
    config = SharedSections.of(decoder)?.share(own) ?? own
  }

  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [
      "run": .string(run.text), "base": .string(base.text), "config_hash": .string(configHash.hex),
      "label": .string(label), "index": .number(Double(index)), "held_out": .bool(heldOut),
      "config": config,
    ]
    members["model_size"] = modelSize.map(JSONValue.string)
    return .object(members)
  }
}
