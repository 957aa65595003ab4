internal import ExpReport
internal import Glibc

/// What may be written to a stream: colours and moving lines only where a person watches.
struct Terminal {
  /// Whether standard output is a terminal.
  let outputIsTerminal: Bool
  /// Whether standard error is a terminal.
  let errorIsTerminal: Bool
  /// Columns of the terminal; 100 where there is none.
  let width: Int
  /// Whether colours are welcome at all (`NO_COLOR`, `CI` and `TERM=dumb` say no).
  let coloursAllowed: Bool

  /// Looks at this process's streams and environment.
  static let current = Terminal()

  private init() {
    outputIsTerminal = isatty(STDOUT_FILENO) == 1
    errorIsTerminal = isatty(STDERR_FILENO) == 1
    var size = winsize()
    let asked =
      ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0
      || ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0
    width = asked && size.ws_col >= 40 ? Int(size.ws_col) : 100
    func set(_ name: String) -> Bool {
      guard let value = getenv(name) else { return false }
      return value.pointee != 0
    }
    let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
    coloursAllowed = !set("NO_COLOR") && !set("CI") && !dumb
  }

  /// How data on standard output may look.
  var outputStyle: Style {
    Style(
      colour: outputIsTerminal && coloursAllowed, width: outputIsTerminal ? width : nil)
  }

  /// Whether a line may be redrawn on standard error.
  var showsProgress: Bool { errorIsTerminal && coloursAllowed }

  /// Writes data to standard output.
  static func output(_ text: String) { write(text, newline: true, to: STDOUT_FILENO) }

  /// Writes a message for people to standard error.
  static func message(_ text: String, newline: Bool = true) {
    write(text, newline: newline, to: STDERR_FILENO)
  }

  private static func write(_ text: String, newline: Bool, to descriptor: Int32) {
    let complete = !newline || text.isEmpty || text.hasSuffix("\n")
    var bytes = Array((complete ? text : text + "\n").utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        // A reader of data that went away (`exp runs | head`) is no failure of ours; lost messages stop no work.
        if errno == EPIPE, descriptor == STDOUT_FILENO { exit(0) }
        return
      }
      bytes = bytes.dropFirst(count)
    }
  }
}
