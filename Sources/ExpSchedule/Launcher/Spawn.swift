internal import CLinuxProcess
internal import Glibc

/// A pipe, neither end of which any child inherits by accident.
struct Pipe: ~Copyable {
  let readEnd: Descriptor
  let writeEnd: Descriptor

  init() throws(ScheduleError) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else {
      throw .system(call: "pipe2", path: "a pipe", errno: errno)
    }
    readEnd = Descriptor(owning: ends[0])
    writeEnd = Descriptor(owning: ends[1])
  }
}

/// A program to be started as a child.
struct ChildProgram: Sendable {
  /// The program's file.
  var path: String
  /// Its arguments, without its name.
  var arguments: [String]
  /// Lines `NAME=value`.
  var environment: [String]
  /// The cores it is bound to; empty for all.
  var cores: [Int]

  /// Starts it in a session of its own, with these five descriptors and no others, all signals at their defaults.
  func spawn(
    standardInput: borrowing Descriptor, standardOutput: borrowing Descriptor,
    standardError: borrowing Descriptor, further descriptor3: borrowing Descriptor,
    _ descriptor4: borrowing Descriptor
  ) throws(ScheduleError) -> pid_t {
    var copies: [Int32] = []
    defer { for copy in copies { close(copy) } }
    copies.append(try standardInput.duplicate())
    copies.append(try standardOutput.duplicate())
    copies.append(try standardError.duplicate())
    copies.append(try descriptor3.duplicate())
    copies.append(try descriptor4.duplicate())
    var actions = posix_spawn_file_actions_t()
    try check(posix_spawn_file_actions_init(&actions))
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (target, copy) in copies.enumerated() {
      try check(posix_spawn_file_actions_adddup2(&actions, copy, Int32(target)))
    }
    try check(posix_spawn_file_actions_addclosefrom_np(&actions, Int32(copies.count)))
    return try spawn(&actions)
  }

  /// Starts it in a session of its own with no input, and its output at the end of a log.
  func spawn(log: borrowing Descriptor) throws(ScheduleError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    try check(posix_spawn_file_actions_init(&actions))
    defer { posix_spawn_file_actions_destroy(&actions) }
    let output = try log.duplicate()
    defer { close(output) }
    try check(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0))
    for target in [Int32(1), 2] {
      try check(posix_spawn_file_actions_adddup2(&actions, output, target))
    }
    try check(posix_spawn_file_actions_addclosefrom_np(&actions, 3))
    return try spawn(&actions)
  }

  private func spawn(_ actions: inout posix_spawn_file_actions_t) throws(ScheduleError) -> pid_t {
    var attributes = posix_spawnattr_t()
    try check(posix_spawnattr_init(&attributes))
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    try check(posix_spawnattr_setsigmask(&attributes, &none))
    try check(posix_spawnattr_setsigdefault(&attributes, &all))
    let flags = Int(EXP_SPAWN_SETSID) | Int(POSIX_SPAWN_SETSIGMASK)
    try check(
      posix_spawnattr_setflags(&attributes, Int16(flags | Int(POSIX_SPAWN_SETSIGDEF))))
    var pid: pid_t = 0
    let code = bound {
      withCStrings([path] + arguments) { arguments in
        withCStrings(environment) { environment in
          posix_spawn(&pid, path, &actions, &attributes, arguments, environment)
        }
      }
    }
    try check(code)
    return pid
  }

  /// Runs the body bound to the child's cores: the child inherits them before its libraries start threads.
  private func bound(_ body: () -> Int32) -> Int32 {
    guard !cores.isEmpty, let own = CoreSet.current() else { return body() }
    CoreSet(cores: cores).apply()
    defer { own.apply() }
    return body()
  }

  private func check(_ code: Int32) throws(ScheduleError) {
    guard code == 0 else { throw .system(call: "posix_spawn", path: path, errno: code) }
  }
}

/// A program that goes on when the terminal and the process that started it are gone.
public struct BackgroundProgram: Sendable {
  private let child: ChildProgram
  private let log: String

  /// Takes a program with its arguments; it gets this process's environment.
  public init(path: String, arguments: [String], log: String) {
    var environment: [String] = []
    var next = environ
    while let text = next.pointee {
      environment.append(String(cString: text))
      next += 1
    }
    child = ChildProgram(path: path, arguments: arguments, environment: environment, cores: [])
    self.log = log
  }

  /// Starts it in a session of its own; returns its process id, which the caller may wait for.
  public func start() throws(ScheduleError) -> Int32 {
    try child.spawn(log: Descriptor(opening: log, O_WRONLY | O_CREAT | O_APPEND))
  }
}

/// Calls the body with a null-terminated array of C strings.
private func withCStrings<Result>(
  _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
  let copies = texts.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  return body(copies + [nil])
}
