import Foundation

/// The trainers that work below a folder, seen through `/proc`.
enum Trainers {
  /// Process ids of living trainers whose request lies below a folder.
  static func alive(below folder: String) -> [Int32] {
    let files = FileManager.default
    let names = (try? files.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap(Int32.init).filter { pid in
      guard let command = files.contents(atPath: "/proc/\(pid)/cmdline"),
        let stat = files.contents(atPath: "/proc/\(pid)/stat")
      else { return false }
      let words = String(decoding: command, as: UTF8.self).split(separator: "\0")
      let isZombie = String(decoding: stat, as: UTF8.self).contains(") Z ")
      return !isZombie && words.first?.hasSuffix("exp-trainer") == true
        && words.contains { $0.contains(folder) }
    }
  }

  /// Living trainers of RL runs whose own attempt has recorded a step after the one it began with.
  static func midRun(below folder: String) -> [Int32] {
    alive(below: folder).filter { pid in
      guard let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
        let request = command.split(separator: 0).map({ String(decoding: $0, as: UTF8.self) })
          .first(where: { $0.hasSuffix("/request.json") }), !request.contains("/bases/"),
        let events = FileManager.default.contents(
          atPath: request.replacing("request.json", with: "events.jsonl"))
      else { return false }
      let lines = events.split(separator: 0x0a).map { String(decoding: $0, as: UTF8.self) }
      guard let start = lines.lastIndex(where: { $0.contains("\"event\":\"attempt\"") }) else {
        return false
      }
      let steps = lines[(start + 1)...].filter {
        $0.contains("\"event\":\"metrics\"") && !$0.contains("\"step\":0,")
      }
      return lines[start].contains("\"pid\":\(pid),") && !steps.isEmpty
    }
  }
}
