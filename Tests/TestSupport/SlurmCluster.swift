internal import Foundation
internal import Glibc

/// A Slurm cluster of this machine's own: `munged`, `slurmctld` and a `slurmd` per node, all on loopback ports and in
/// one folder, stopped by process id.
public final class SlurmCluster {
  /// Why there is no cluster.
  public struct Failure: Error, CustomStringConvertible {
    /// What is missing or went wrong.
    public var description: String
  }

  /// The Debian packages that it needs.
  public static let packages = "slurm-wlm munge"

  private let folder: String
  private var daemons: [String: pid_t] = [:]

  /// What programs must have in their environment to talk to it.
  public var environment: [String: String] { ["SLURM_CONF": "\(folder)/slurm.conf"] }

  /// Starts a cluster and waits until all nodes are idle.
  ///
  /// - Parameters:
  ///   - folder: where its files go; its path must be short enough for a socket.
  ///   - nodes: how many nodes, named `n1`, `n2` and so on, each with two cores.
  ///   - settings: further lines of `slurm.conf`.
  /// - Throws: `Failure` where a program is missing or a daemon does not come up.
  public init(in folder: String, nodes: Int, settings: [String] = []) throws {
    self.folder = folder
    for program in ["munged", "slurmctld", "slurmd", "sbatch"] {
      guard SlurmCluster.path(of: program) != nil else {
        throw Failure(
          description:
            "there is no '\(program)'; install it with 'apt-get install \(SlurmCluster.packages)'")
      }
    }
    try FileManager.default.createDirectory(
      atPath: "\(folder)/munge", withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    let ports = try SlurmCluster.freePorts(nodes + 1)
    try SlurmCluster.configuration(folder, ports, settings)
      .write(toFile: "\(folder)/slurm.conf", atomically: true, encoding: .utf8)
    try startMunge()
    try startController()
    for number in 1...nodes { try startNode("n\(number)") }
    try wait("all nodes are idle") { self.says(["sinfo", "-h", "-o", "%T %D"]) == "idle \(nodes)" }
  }

  deinit { stop() }

  private static func configuration(
    _ folder: String, _ ports: [Int], _ settings: [String]
  ) -> String {
    let user = NSUserName()
    let nodes = ports.dropFirst().enumerated().map { index, port in
      "NodeName=n\(index + 1) NodeHostname=localhost NodeAddr=127.0.0.1 Port=\(port) CPUs=2 RealMemory=4000"
    }
    let lines = [
      "ClusterName=test", "SlurmctldHost=localhost(127.0.0.1)", "SlurmctldPort=\(ports[0])",
      "SlurmUser=\(user)", "SlurmdUser=\(user)",
      "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny",
      // A requeued job waits for as long as credentials are valid.
      "AuthType=auth/munge", "AuthInfo=socket=\(folder)/munge/socket,cred_expire=10",
      "CredType=cred/munge", "StateSaveLocation=\(folder)/state",
      "SlurmdSpoolDir=\(folder)/spool-%n", "SlurmctldPidFile=\(folder)/slurmctld.pid",
      "SlurmdPidFile=\(folder)/%n.pid", "SlurmctldLogFile=\(folder)/slurmctld.log",
      "SlurmdLogFile=\(folder)/%n.log", "ProctrackType=proctrack/linuxproc",
      "TaskPlugin=task/none", "SwitchType=switch/none", "MpiDefault=none",
      "JobAcctGatherType=jobacct_gather/none", "AccountingStorageType=accounting_storage/none",
      "SelectType=select/cons_tres", "SelectTypeParameters=CR_Core", "SchedulerType=sched/backfill",
      "SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0",
      "ReturnToService=2", "SlurmctldTimeout=5", "SlurmdTimeout=5", "MessageTimeout=5",
      "InactiveLimit=0", "KillWait=5", "MinJobAge=20",
    ]
    return
      (lines + settings + nodes + [
        "PartitionName=work Nodes=ALL Default=YES MaxTime=INFINITE State=UP"
      ])
      .joined(separator: "\n") + "\n"
  }

  private func startMunge() throws {
    let key = "\(folder)/munge/key"
    let bytes = (0..<1024).map { _ in UInt8.random(in: .min ... .max) }
    try Data(bytes).write(to: URL(filePath: key))
    try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: key)
    let files = ["pid", "log", "seed"].map { "--\($0)-file=\(folder)/munge/\($0)" }
    try start(
      "munged",
      ["munged", "--foreground", "--force", "--key-file=\(key)", "--socket=\(folder)/munge/socket"]
        + files)
    try wait("munged listens") {
      FileManager.default.fileExists(atPath: "\(self.folder)/munge/socket")
    }
  }

  /// Starts the controller, which goes on from what it last saved.
  public func startController() throws {
    try FileManager.default.createDirectory(
      atPath: "\(folder)/state", withIntermediateDirectories: true)
    try start("slurmctld", ["slurmctld", "-D"])
    try wait("slurmctld answers") { self.run(["scontrol", "ping"]).status == 0 }
  }

  /// Stops the controller as a restart of its machine would.
  public func stopController() { end("slurmctld", SIGTERM) }

  /// Starts the daemon of a node.
  public func startNode(_ name: String) throws { try start(name, ["slurmd", "-D", "-N", name]) }

  /// Ends a node as a power cut would: its daemon and all that it runs, at once.
  public func cutPower(of name: String) {
    end(name, SIGKILL)
    for pid in processes(on: name) { kill(pid, SIGKILL) }
  }

  /// The processes that run for jobs on a node, with the daemons that watch over them.
  private func processes(on name: String) -> [Int32] {
    let files = FileManager.default
    let numbers = ((try? files.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap(Int32.init)
    var found: [Int32] = []
    for pid in numbers where pid != getpid() {
      guard let bytes = files.contents(atPath: "/proc/\(pid)/environ") else { continue }
      let variables = Set(bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
      guard variables.contains("SLURMD_NODENAME=\(name)"),
        variables.contains("SLURM_CONF=\(folder)/slurm.conf")
      else { continue }
      // The parent of the job's first process is its slurmstepd.
      let stat = files.contents(atPath: "/proc/\(pid)/stat").map {
        String(decoding: $0, as: UTF8.self)
      }
      let fields = stat?.split(separator: ")").last?.split(separator: " ") ?? []
      if fields.count > 1, let parent = Int32(fields[1]),
        let title = files.contents(atPath: "/proc/\(parent)/cmdline"),
        String(decoding: title, as: UTF8.self).hasPrefix("slurmstepd")
      {
        found.append(parent)
      }
      found.append(pid)
    }
    return found
  }

  /// Runs one of Slurm's commands against this cluster.
  @discardableResult
  public func run(_ words: [String]) -> ToolResult {
    do {
      return try runTool(words[0], Array(words.dropFirst()), environment: environment)
    } catch {
      return ToolResult(status: -1, output: "", errors: "\(error)")
    }
  }

  /// The tasks that are queued or run, as `squeue` writes them: `12_3 RUNNING n1`.
  public var queue: [String] {
    run(["squeue", "--array", "--noheader", "--format=%i %T %N"]).output
      .split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// Stops everything.
  public func stop() {
    guard !daemons.isEmpty else { return }
    run(["scancel", "--full", "--signal=KILL", "--user=\(NSUserName())"])
    for name in daemons.keys where name != "munged" && name != "slurmctld" { cutPower(of: name) }
    end("slurmctld", SIGKILL)
    end("munged", SIGTERM)
  }

  // MARK: Daemons

  /// Starts a daemon.
  ///
  /// Not by `Process`, which takes a program for ended that closes what it inherited, and then waits for
  /// it in place of all others.
  private func start(_ name: String, _ words: [String]) throws {
    let program = SlurmCluster.path(of: words[0]) ?? words[0]
    let variables = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for target in [Int32(1), 2] {
      posix_spawn_file_actions_addopen(
        &actions, target, "\(folder)/\(name).out", O_WRONLY | O_CREAT | O_APPEND, 0o644)
    }
    // Threads of a dispatch pool block signals, and a daemon that inherits that hears no TERM.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let arguments = words.map { strdup($0) } + [nil]
    let lines = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + lines { free(text) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, program, &actions, &attributes, arguments, lines)
    guard code == 0 else {
      throw Failure(description: "'\(program)' does not start: error \(code)")
    }
    daemons[name] = pid
  }

  private func end(_ name: String, _ signal: Int32) {
    guard let pid = daemons.removeValue(forKey: name) else { return }
    kill(pid, signal)
    for _ in 0..<1000 {
      let ended = waitpid(pid, nil, WNOHANG)
      if ended == pid || (ended < 0 && errno != EINTR) { return }
      usleep(10_000)
    }
    kill(pid, SIGKILL)
    while waitpid(pid, nil, 0) < 0, errno == EINTR {}
  }

  private func says(_ words: [String]) -> String {
    run(words).output.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func wait(_ what: String, _ condition: () -> Bool) throws {
    let end = Date.now + 30
    while !condition() {
      guard Date.now < end else {
        let logs = daemons.keys.sorted().map { name in
          let text = (try? String(contentsOfFile: "\(folder)/\(name).out", encoding: .utf8)) ?? ""
          return "\(name): \(text.suffix(500))"
        }
        throw Failure(description: "not in 30 seconds: \(what)\n\(logs.joined(separator: "\n"))")
      }
      usleep(50_000)
    }
  }

  /// Daemons lie where only root's `PATH` may lead.
  private static func path(of program: String) -> String? {
    let folders = ProcessInfo.processInfo.environment["PATH", default: ""].split(separator: ":")
    return (folders.map(String.init) + ["/usr/sbin", "/sbin"]).map { "\($0)/\(program)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Ports of the loopback that nobody uses at this moment.
  private static func freePorts(_ count: Int) throws -> [Int] {
    var sockets: [Int32] = []
    defer { for socket in sockets { close(socket) } }
    return try (0..<count).map { _ in
      let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      sockets.append(number)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let code = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(number, $0, size) == 0 ? getsockname(number, $0, &size) : -1
        }
      }
      guard code == 0 else { throw Failure(description: "no free port on the loopback") }
      return Int(UInt16(bigEndian: address.sin_port))
    }
  }
}
