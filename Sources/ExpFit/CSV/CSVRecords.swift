/// A field of a record: where its text lies, without its quotes.
struct CSVField {
  /// The first byte of the text.
  var start: Int
  /// One past the last.
  var end: Int
  /// Whether quotes inside are doubled.
  var hasDoubledQuotes = false
  /// The line it starts on, from 1.
  var line: Int
  /// The first byte of that line.
  var lineStart: Int
  /// Where the field itself starts, its quote included.
  var outerStart: Int
}

/// What is wrong with the quotes of a record.
enum CSVFault {
  /// A quoted field that never ends.
  case unclosedQuote(CSVField)
  /// Text between a closing quote and the next comma.
  case textAfterQuote(at: Int, line: Int, lineStart: Int)
}

/// Records of RFC 4180 one after another, in one pass over the bytes.
///
/// Lines end in LF, CRLF or CR. A quote counts only at the start of a field; elsewhere it is a
/// letter. Lines that are wholly empty are skipped.
struct CSVRecords {
  private let bytes: [UInt8]
  private var position: Int
  private var line = 1
  private var lineStart: Int
  /// Fields kept of a record; a file of nothing but commas must not fill the memory.
  static let fieldLimit = 4096

  /// The fields of the last record read, the first 4096 of them.
  private(set) var fields: [CSVField] = []
  /// How many fields the last record read has.
  private(set) var fieldCount = 0
  /// What is wrong with the last record read.
  private(set) var fault: CSVFault?

  /// Reads from an offset on, which is the start of line 1.
  init(_ bytes: [UInt8], from start: Int) {
    self.bytes = bytes
    position = start
    lineStart = start
  }

  /// Reads the next record into `fields`; false at the end.
  mutating func next() -> Bool {
    skipEmptyLines()
    guard position < bytes.count else { return false }
    fields.removeAll(keepingCapacity: true)
    fieldCount = 0
    fault = nil
    while true {
      readField()
      guard position < bytes.count else { return true }
      if bytes[position] == CSVRecords.comma {
        position += 1
        continue
      }
      endLine()
      return true
    }
  }

  private static let comma: UInt8 = 0x2c
  private static let quote: UInt8 = 0x22
  private static let lineFeed: UInt8 = 0x0a
  private static let carriageReturn: UInt8 = 0x0d

  private var isAtLineEnd: Bool {
    bytes[position] == CSVRecords.lineFeed || bytes[position] == CSVRecords.carriageReturn
  }

  private mutating func skipEmptyLines() {
    while position < bytes.count, isAtLineEnd { endLine() }
  }

  /// Passes one line end of any kind.
  private mutating func endLine() {
    let isReturn = bytes[position] == CSVRecords.carriageReturn
    position += 1
    if isReturn, position < bytes.count, bytes[position] == CSVRecords.lineFeed { position += 1 }
    line += 1
    lineStart = position
  }

  /// Reads up to the comma or line end, which stays.
  private mutating func readField() {
    var field = CSVField(
      start: position, end: position, line: line, lineStart: lineStart, outerStart: position)
    if position < bytes.count, bytes[position] == CSVRecords.quote {
      readQuoted(&field)
    } else {
      passPlainText()
      field.end = position
    }
    fieldCount += 1
    if fields.count < CSVRecords.fieldLimit { fields.append(field) }
  }

  private mutating func passPlainText() {
    while position < bytes.count, bytes[position] != CSVRecords.comma, !isAtLineEnd {
      position += 1
    }
  }

  private mutating func readQuoted(_ field: inout CSVField) {
    position += 1
    field.start = position
    while position < bytes.count {
      if isAtLineEnd {
        endLine()
      } else if bytes[position] != CSVRecords.quote {
        position += 1
      } else if position + 1 < bytes.count, bytes[position + 1] == CSVRecords.quote {
        field.hasDoubledQuotes = true
        position += 2
      } else {
        field.end = position
        position += 1
        checkAfterQuote()
        return
      }
    }
    field.end = position
    fault = .unclosedQuote(field)
  }

  private mutating func checkAfterQuote() {
    guard position < bytes.count, bytes[position] != CSVRecords.comma, !isAtLineEnd else { return }
    fault = .textAfterQuote(at: position, line: line, lineStart: lineStart)
    passPlainText()
  }
}
