public import ExpCore
internal import Glibc

extension Provenance {
  /// Reads what this machine is: host, processor, kernel, and the processors and memory this process may use.
  ///
  /// Processors are those of the affinity mask, memory is that of the machine; a control group's quota lowers both.
  public static func machine() -> MachineFacts {
    let name = systemName()
    let quota = ControlGroupQuota.current()
    let memory = MachineText.memoryBytes(meminfo: SystemFile.text("/proc/meminfo"))
    return MachineFacts(
      host: name.host,
      processor: MachineText.processor(cpuinfo: SystemFile.text("/proc/cpuinfo"))
        ?? name.architecture,
      cores: min(usableProcessors(), quota.cores ?? .max),
      memoryBytes: min(memory, quota.memoryBytes ?? .max),
      system: name.system,
      bootID: MachineText.firstLine(SystemFile.text("/proc/sys/kernel/random/boot_id")))
  }

  private static func systemName() -> (host: String, system: String, architecture: String) {
    var name = utsname()
    guard uname(&name) == 0 else { return ("unknown", "unknown", "unknown") }
    let architecture = fieldText(name.machine)
    return (
      fieldText(name.nodename),
      "\(fieldText(name.sysname)) \(fieldText(name.release)) \(architecture)", architecture
    )
  }

  /// The text of one of `uname`'s fixed fields, which end at a NUL.
  private static func fieldText<Field>(_ field: Field) -> String {
    withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private static func usableProcessors() -> Int {
    // The C function for the affinity mask is a GNU extension that Swift's Glibc does not show.
    MachineText.allowedProcessors(status: SystemFile.text("/proc/self/status"))
      ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }
}

/// Readers of the texts under `/proc`.
package enum MachineText {
  /// The processor's name, where the text has one (`/proc/cpuinfo` of some architectures has none).
  package static func processor(cpuinfo: String) -> String? {
    for line in cpuinfo.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, ["model name", "Model", "cpu"].contains(trimmed(parts[0])) else {
        continue
      }
      return trimmed(parts[1])
    }
    return nil
  }

  /// How many processors the affinity mask of `/proc/self/status` has; nil where it has none.
  package static func allowedProcessors(status: String) -> Int? {
    for line in status.split(separator: "\n") where line.hasPrefix("Cpus_allowed:") {
      let bits = line.dropFirst("Cpus_allowed:".count).reduce(0) { count, digit in
        count + (digit.hexDigitValue?.nonzeroBitCount ?? 0)
      }
      return bits > 0 ? bits : nil
    }
    return nil
  }

  /// All memory, bytes; 0 where the text does not say.
  package static func memoryBytes(meminfo: String) -> Int {
    for line in meminfo.split(separator: "\n") where line.hasPrefix("MemTotal:") {
      let parts = line.split(separator: " ")
      guard parts.count == 3, let kibibytes = Int(parts[1]) else { return 0 }
      let (bytes, overflows) = kibibytes.multipliedReportingOverflow(by: 1024)
      return overflows ? 0 : bytes
    }
    return 0
  }

  /// The text up to the first line break.
  package static func firstLine(_ text: String) -> String {
    String(text.prefix { $0 != "\n" })
  }

  private static func trimmed(_ text: Substring) -> String {
    var rest = text.drop { $0 == " " || $0 == "\t" }
    while rest.last == " " || rest.last == "\t" { rest = rest.dropLast() }
    return String(rest)
  }
}

/// Small files that the kernel makes up when they are read.
enum SystemFile {
  /// The text of a file; empty where it cannot be read.
  static func text(_ path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    // Such files state no size; the bound keeps a strange mount from filling memory.
    while bytes.count < 1 << 24 {
      let count = read(file, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
