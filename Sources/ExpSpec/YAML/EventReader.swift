internal import CLibYAML
internal import ExpCore

/// One event of libyaml, copied out of its memory.
struct YAMLEvent {
  enum Kind {
    case streamStart, streamEnd, documentStart, documentEnd
    case alias(String)
    case scalar(String, isPlain: Bool)
    case sequenceStart, sequenceEnd, mappingStart, mappingEnd
  }

  var kind: Kind
  var anchor: String?
  var tag: String?
  var line: Int
  var column: Int
}

/// Why libyaml stopped, in its words.
struct YAMLSyntaxError: Error {
  var problem: String
  var line: Int
  var column: Int
  var context: String?
  var contextLine: Int
  var contextColumn: Int
}

/// Owns a libyaml parser over bytes in memory and hands out its events.
///
/// The bytes must outlive it, so it exists only inside `withEvents`.
struct YAMLEventReader: ~Copyable {
  private let parser: UnsafeMutablePointer<yaml_parser_t>

  /// Reads the events of a text in UTF-8.
  static func withEvents<Result>(
    of text: String, _ body: (borrowing YAMLEventReader) throws -> Result
  ) throws -> Result {
    var text = text
    return try text.withUTF8 { bytes in
      let reader = try YAMLEventReader(bytes)
      return try body(reader)
    }
  }

  private init(_ bytes: UnsafeBufferPointer<UInt8>) throws(YAMLSyntaxError) {
    parser = .allocate(capacity: 1)
    guard yaml_parser_initialize(parser) == 1 else {
      parser.deallocate()
      throw YAMLSyntaxError(
        problem: "memory is exhausted", line: 1, column: 1, context: nil, contextLine: 1,
        contextColumn: 1)
    }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  /// Returns the next event.
  func next() throws(YAMLSyntaxError) -> YAMLEvent {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
    defer { yaml_event_delete(&event) }
    var copy = YAMLEvent(
      kind: .streamEnd, line: Int(event.start_mark.line) + 1,
      column: Int(event.start_mark.column) + 1)
    switch event.type {
    case YAML_STREAM_START_EVENT: copy.kind = .streamStart
    case YAML_DOCUMENT_START_EVENT: copy.kind = .documentStart
    case YAML_DOCUMENT_END_EVENT: copy.kind = .documentEnd
    case YAML_ALIAS_EVENT: copy.kind = .alias(text(event.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      copy.kind = .scalar(
        String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
      copy.anchor = text(scalar.anchor)
      copy.tag = text(scalar.tag)
    case YAML_SEQUENCE_START_EVENT:
      copy.kind = .sequenceStart
      copy.anchor = text(event.data.sequence_start.anchor)
      copy.tag = text(event.data.sequence_start.tag)
    case YAML_SEQUENCE_END_EVENT: copy.kind = .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      copy.kind = .mappingStart
      copy.anchor = text(event.data.mapping_start.anchor)
      copy.tag = text(event.data.mapping_start.tag)
    case YAML_MAPPING_END_EVENT: copy.kind = .mappingEnd
    default: copy.kind = .streamEnd
    }
    return copy
  }

  private func text(_ bytes: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    bytes.map { String(cString: $0) }
  }

  private func syntaxError() -> YAMLSyntaxError {
    let state = parser.pointee
    return YAMLSyntaxError(
      problem: state.problem.map { String(cString: $0) } ?? "memory is exhausted",
      line: Int(state.problem_mark.line) + 1, column: Int(state.problem_mark.column) + 1,
      context: state.context.map { String(cString: $0) },
      contextLine: Int(state.context_mark.line) + 1,
      contextColumn: Int(state.context_mark.column) + 1)
  }
}
