internal import ExpCore
internal import FoundationEssentials
internal import Glibc
internal import TrainerProtocol

/// What the small files of a run folder say.
struct RunFacts {
  /// What the store keeps of `provenance.json`, which may hold long specs beside it.
  struct Origin: Decodable {
    struct Source: Decodable {
      var commit: String
      var snapshot: Bool
    }

    var experiment: String
    var label: String
    var source: Source?
    var createdAt: String

    enum CodingKeys: String, CodingKey {
      case experiment, label, source
      case createdAt = "created_at"
    }
  }

  var request: RunRequest
  var config: JSONValue
  var provenance: Origin?
  var status: RunStatus
  var problems: [Store.Problem]
  /// Changes whenever one of the files does.
  var stamp: String

  /// Reads the files; the state first, so that a log read afterwards holds at least all that the state rests on.
  init(_ folder: RunFolder) throws(StoreError) {
    stamp = RunFacts.stamp(of: folder)
    status = RunStatus.read(folder)
    request = try RecordFile.read(RunRequest.self, from: folder.request, limit: 1 << 20)
    let name = folder.path.split(separator: "/").last.map(String.init)
    guard request.id.text == name else {
      throw StoreError(.file, "'\(folder.request)' is the request of \(request.id)")
    }
    do {
      config = try JSONValue(encoding: request.config)
    } catch {
      throw StoreError(.file, "'\(folder.request)': \(error)")
    }
    problems = status.problems.map { Store.Problem(path: folder.path, message: $0) }
    guard RecordFile.exists(folder.provenance) else { return }
    do throws(StoreError) {
      provenance = try RecordFile.read(
        Origin.self, from: folder.provenance, limit: 16 << 20)
    } catch {
      problems.append(Store.Problem(path: folder.provenance, message: error.message))
    }
  }

  /// Stands for the files that change while a run goes on, and for whether a trainer lives.
  ///
  /// `request.json` and `provenance.json` are written once.
  static func stamp(of folder: RunFolder) -> String {
    stampOfEnd(of: folder) + " " + FileStamp(of: folder.events).text
      + (RunStatus.isLocked(folder.lock) ? " locked" : "")
  }

  /// Whether the files of a finished run are what they were when it had that stamp.
  ///
  /// A succeeded run is computed again only after its files have moved aside, so its log need not be looked at, nor its
  /// lock tried. `name` is the folder's in the open folder `parent`.
  static func isUnchanged(
    _ folder: RunFolder, named name: String, in parent: Int32, since stamp: String,
    hasSucceeded: Bool
  ) -> Bool {
    guard hasSucceeded else { return stamp == RunFacts.stamp(of: folder) }
    return stamp.hasPrefix(stampOfEnd(of: RunFolder(path: name), in: parent) + " ")
  }

  private static func stampOfEnd(of folder: RunFolder, in parent: Int32 = AT_FDCWD) -> String {
    FileStamp(of: folder.attempts, in: parent).text + " "
      + FileStamp(of: folder.result, in: parent).text
  }

  var kind: String { request.kind == .rl ? "rl" : "base" }

  /// When the last attempt's end was seen; nil while more is to come.
  var finishedAt: String? { status.state.isFinished ? status.attempts.last?.endedAt : nil }
}

/// The columns of `run` that a configuration determines.
struct ConfigColumns {
  var modelParams: Int?
  var algorithm: String?
  var entropyControl: String?
  var seed: Int?
  var totalSteps: Int?

  init(_ config: JSONValue, isBase: Bool) {
    modelParams = config[path: "model.params"]?.integer
    algorithm = config[path: "train.algorithm"]?.string
    let control = config[path: "train.entropy_control"]
    entropyControl = control?.string ?? control?[path: "method"]?.string
    seed = config[path: isBase ? "base.seed" : "seed"]?.integer
    totalSteps = config[path: isBase ? "base.steps" : "train.steps"]?.integer
  }
}
