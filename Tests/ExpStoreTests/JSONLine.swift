import ExpCore
import TrainerProtocol

/// Events as a trainer writes them.
enum JSONLine {
  static func text(_ event: TrainEvent) throws -> String {
    try JSONValue(encoding: event).canonicalJSON + "\n"
  }
}
