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

  /// Folders of runs that are under way: metrics beyond step 0 are written, the result is not.
  static func midRun(below folder: String) -> [String] {
    let files = FileManager.default
    let root = "\(folder)/runs"
    let names = (try? files.contentsOfDirectory(atPath: root)) ?? []
    return names.filter { name in
      guard name.utf8.count == 16, !files.fileExists(atPath: "\(root)/\(name)/result.json"),
        let events = files.contents(atPath: "\(root)/\(name)/events.jsonl")
      else { return false }
      return events.contains(Data("\"step\":1,".utf8))
        || events.contains(Data("\"step\":1}".utf8))
    }
  }
}

extension Data {
  fileprivate func contains(_ other: Data) -> Bool { range(of: other) != nil }
}
