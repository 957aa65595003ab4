internal import ExpCore
internal import FoundationEssentials
internal import Glibc
public import TrainerProtocol

/// What `events.jsonl` says, read piece by piece.
///
/// Only lines that end in a line break count, so a cut-off last line waits for the rest of it. Each `attempt` event
/// drops the values of later steps that earlier attempts wrote. A line that is no event is reported, never fatal.
/// Equal bytes give equal logs, however they are cut into pieces.
public struct RunLog: Sendable {
  /// A line that could not be used.
  public struct Problem: Sendable, Hashable {
    /// The line, from 1 in what this log was given.
    public var line: Int
    /// What is wrong with it.
    public var message: String
  }

  /// How the last attempt ended by its own decision.
  public struct End: Sendable, Hashable {
    /// The step it had reached.
    public var step: Int
    /// How it ended.
    public var status: TrainEvent.EndStatus
    /// Why, where it said so.
    public var reason: String?
  }

  /// Something the trainer wanted a person to read.
  public struct Message: Sendable, Hashable {
    /// The step it was said at.
    public var step: Int
    /// The words.
    public var text: String
  }

  /// Bytes of a line that are read; a longer one is a problem.
  public static let lineLimit = 1 << 20
  static let keptProblems = 50
  static let keptMessages = 1000
  static let keptAttempts = 10_000

  /// The attempts in order of their events; of very many the newest.
  public private(set) var attempts: [TrainEvent.Attempt] = []
  /// How the last attempt ended; nil while it has not said so.
  public private(set) var end: End?
  /// The newest messages.
  public private(set) var messages: [Message] = []
  /// The step of the newest checkpoint that an attempt reported.
  public private(set) var checkpointStep: Int?
  /// The first lines that could not be used.
  public private(set) var problems: [Problem] = []
  /// How many lines could not be used.
  public private(set) var problemCount = 0
  /// Bytes of whole lines that were read.
  public private(set) var consumedBytes = 0
  /// Bytes that were given, whole lines or not.
  private(set) var readBytes = 0
  /// Lines that were read.
  public private(set) var lineCount = 0
  /// The smallest step that an attempt resumed from: what was recorded before this log was begun is void after it.
  private(set) var firstValidAfter: Int?
  private(set) var columns = MetricColumns()
  private var tail: [UInt8] = []
  /// Bytes of a line that is too long and is being skipped.
  private var skipped = 0
  private var scratch: [(name: String, value: Double)] = []

  /// Whether values are wanted; without them only the other events are read, which is much faster.
  private let keepsValues: Bool

  /// Makes an empty log.
  public init() { keepsValues = true }

  /// Makes an empty log that skips `metrics` events when `keepingValues` is false.
  init(keepingValues: Bool) { keepsValues = keepingValues }

  /// The series recorded so far.
  public var table: MetricTable { columns.table }

  /// Reads the next bytes of the file; they may begin and end anywhere.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    bytes.withMemoryRebound(to: UInt8.self) { take($0) }
  }

  /// Reads the next bytes of the file.
  public mutating func append(_ text: some Sequence<UInt8>) {
    Array(text).withUnsafeBytes { append($0) }
  }

  /// Reads a whole file; an empty log where there is none.
  ///
  /// - Throws: `StoreError` where the file cannot be read.
  public static func read(_ path: String) throws(StoreError) -> RunLog {
    try read(path, keepingValues: true)
  }

  /// What the last attempt in a file says of itself; nil where there is none, or the file cannot be read.
  public static func lastAttempt(in path: String) -> TrainEvent.Attempt? {
    LogMarks.read(path).attempt
  }

  static func read(_ path: String, keepingValues: Bool) throws(StoreError) -> RunLog {
    var log = RunLog(keepingValues: keepingValues)
    let reader: LogFile
    do {
      reader = try LogFile(path)
    } catch {
      if error.code == .notFound { return log }
      throw error
    }
    while try reader.readChunk(into: &log) {}
    return log
  }

  private mutating func take(_ bytes: UnsafeBufferPointer<UInt8>) {
    readBytes += bytes.count
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let newline = RunLog.offset(of: 0x0a, in: rest) else {
        keep(rest)
        return
      }
      let piece = rest[rest.startIndex..<newline]
      rest = rest[(newline + 1)...]
      lineCount += 1
      if skipped > 0 || tail.count + piece.count > RunLog.lineLimit {
        consumedBytes += skipped + tail.count + piece.count + 1
        report("the line is longer than \(RunLog.lineLimit) bytes")
        skipped = 0
        tail.removeAll()
      } else if tail.isEmpty {
        consumedBytes += piece.count + 1
        line(UnsafeBufferPointer(rebasing: piece))
      } else {
        tail.append(contentsOf: piece)
        consumedBytes += tail.count + 1
        let whole = tail
        tail.removeAll(keepingCapacity: true)
        whole.withUnsafeBufferPointer { line($0) }
      }
    }
  }

  /// The place of a byte's first occurrence.
  private static func offset(of byte: UInt8, in bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
    guard let start = bytes.baseAddress, let found = memchr(start, Int32(byte), bytes.count) else {
      return nil
    }
    return bytes.startIndex + (UnsafeRawPointer(found) - UnsafeRawPointer(start))
  }

  /// Keeps the beginning of a line, unless it is too long already.
  private mutating func keep(_ piece: Slice<UnsafeBufferPointer<UInt8>>) {
    if skipped == 0 && tail.count + piece.count <= RunLog.lineLimit {
      tail.append(contentsOf: piece)
    } else {
      skipped += tail.count + piece.count
      tail.removeAll()
    }
  }

  private mutating func line(_ bytes: UnsafeBufferPointer<UInt8>) {
    if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 }) { return }
    if !keepsValues && RunLog.isLikelyMetrics(bytes) { return }
    var metrics = MetricsLine(bytes, reusing: scratch)
    scratch = []
    let isPlain = metrics.parse()
    scratch = metrics.values
    if isPlain {
      record(step: metrics.step, scratch)
      return
    }
    do {
      apply(try JSONDecoder().decode(TrainEvent.self, from: Data(bytes)))
    } catch {
      report("not an event: \(JSONParsingError(describing: error))")
      if let event = RunLog.eventAfterCut(bytes) { apply(event) }
    }
  }

  /// Whether a line holds `"metrics"` and so is not what marks an attempt's begin or end, unless it was cut off.
  private static func isLikelyMetrics(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let words: [StaticString] = ["\"metrics\"", "\"attempt\"", "\"end\""]
    var found = [false, false, false]
    var rest = bytes[...]
    while let quote = offset(of: 0x22, in: rest) {
      rest = rest[quote...]
      guard let start = rest.baseAddress else { break }
      for (index, word) in words.enumerated()
      where rest.count >= word.utf8CodeUnitCount
        && memcmp(start, word.utf8Start, word.utf8CodeUnitCount) == 0
      {
        found[index] = true
      }
      rest = rest.dropFirst()
    }
    return found == [true, false, false]
  }

  /// Finds a whole event behind a cut-off one in the same line, as a writer leaves it that did not see the cut.
  private static func eventAfterCut(_ bytes: UnsafeBufferPointer<UInt8>) -> TrainEvent? {
    var tries = 0
    for start in bytes.indices.dropFirst().dropLast()
    where bytes[start] == 0x7b && bytes[start + 1] == 0x22 {
      tries += 1
      guard tries <= 8 else { return nil }
      let rest = Data(bytes[start...])
      // try?: a part that is no event either is what is expected here.
      if let event = try? JSONDecoder().decode(TrainEvent.self, from: rest) { return event }
    }
    return nil
  }

  private mutating func apply(_ event: TrainEvent) {
    switch event {
    case .attempt(let facts): begin(facts)
    case .metrics(let step, _, let values):
      record(step: step, values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    case .checkpoint(let step, _, _): checkpointStep = step
    case .message(let step, _, let text):
      messages.append(Message(step: step, text: text))
      if messages.count > RunLog.keptMessages { messages.removeFirst(RunLog.keptMessages / 2) }
    case .end(let step, _, let status, let reason):
      end = End(step: step, status: status, reason: reason)
    }
  }

  private mutating func begin(_ facts: TrainEvent.Attempt) {
    attempts.append(facts)
    if attempts.count > RunLog.keptAttempts { attempts.removeFirst(RunLog.keptAttempts / 2) }
    end = nil
    columns.drop(after: facts.resumeStep)
    firstValidAfter = min(firstValidAfter ?? facts.resumeStep, facts.resumeStep)
    if let step = checkpointStep, step > facts.resumeStep { checkpointStep = nil }
  }

  private mutating func record(step: Int, _ values: [(name: String, value: Double)]) {
    guard let row = columns.row(step) else {
      report("step \(step) cannot be recorded: it is out of range, or there are too many values")
      return
    }
    for (name, value) in values where value.isFinite {
      guard let column = columns.column(name) else {
        report("a metric cannot be recorded: its name is empty or long, or there are too many")
        return
      }
      columns.set(value, row: row, column: column)
    }
  }

  private mutating func report(_ message: String) {
    problemCount += 1
    if problems.count < RunLog.keptProblems {
      problems.append(Problem(line: lineCount, message: message))
    }
  }
}

extension Slice where Base == UnsafeBufferPointer<UInt8> {
  /// Where the slice's first byte lies; nil where it is empty.
  fileprivate var baseAddress: UnsafePointer<UInt8>? {
    isEmpty ? nil : base.baseAddress.map { $0 + startIndex }
  }
}
