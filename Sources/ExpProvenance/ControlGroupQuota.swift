/// What a control group lets this process use; nil where it sets no bound.
package struct ControlGroupQuota: Sendable, Hashable {
  /// Processors, a started one counted whole.
  package var cores: Int?
  /// Memory in bytes.
  package var memoryBytes: Int?

  /// Reads the quota of this process's group and of every group around it.
  package static func current() -> ControlGroupQuota {
    reading(SystemFile.text)
  }

  /// Reads the quota through a function that gives a file's text, empty where there is no such file.
  package static func reading(_ text: (String) -> String) -> ControlGroupQuota {
    var quota = ControlGroupQuota()
    for line in text("/proc/self/cgroup").split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",")
      for folder in foldersUpwards(String(parts[2])) {
        if parts[1].isEmpty {
          let group = "/sys/fs/cgroup\(folder)"
          quota.lower(cores: cores(text("\(group)/cpu.max")))
          quota.lower(memoryBytes: Int(MachineText.firstLine(text("\(group)/memory.max"))))
        }
        if controllers.contains("cpu") {
          let group = "/sys/fs/cgroup/cpu\(folder)"
          let share = MachineText.firstLine(text("\(group)/cpu.cfs_quota_us"))
          let period = MachineText.firstLine(text("\(group)/cpu.cfs_period_us"))
          quota.lower(cores: cores("\(share) \(period)"))
        }
        if controllers.contains("memory") {
          let limit = text("/sys/fs/cgroup/memory\(folder)/memory.limit_in_bytes")
          quota.lower(memoryBytes: Int(MachineText.firstLine(limit)))
        }
      }
    }
    return quota
  }

  private mutating func lower(cores: Int?) {
    guard let cores else { return }
    self.cores = min(cores, self.cores ?? .max)
  }

  private mutating func lower(memoryBytes: Int?) {
    guard let memoryBytes, memoryBytes > 0 else { return }
    self.memoryBytes = min(memoryBytes, self.memoryBytes ?? .max)
  }

  /// A quota and a period in microseconds; `max` or a negative quota is no bound.
  private static func cores(_ text: String) -> Int? {
    let parts = MachineText.firstLine(text).split(separator: " ")
    guard parts.count == 2, let quota = Int(parts[0]), let period = Int(parts[1]), quota > 0,
      period > 0
    else { return nil }
    return max(1, quota / period + (quota % period == 0 ? 0 : 1))
  }

  /// `/a/b`, `/a` and the empty text: inside a container the last is the only one that exists.
  private static func foldersUpwards(_ path: String) -> [String] {
    var folders: [String] = []
    var rest = Substring(path)
    while let slash = rest.lastIndex(of: "/"), folders.count < 64 {
      if rest.utf8.count > 1 { folders.append(String(rest)) }
      rest = rest[..<slash]
    }
    return folders + [""]
  }
}
