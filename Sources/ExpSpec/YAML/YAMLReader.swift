internal import ExpCore

/// Builds the node tree of a YAML text: bounded, without tags, with unique keys and exactly one document.
struct YAMLReader {
  /// Lists and maps nest at most so deep.
  static let deepestNesting = 64
  /// A document has at most so many values after its aliases are expanded.
  static let mostNodes = 200_000

  /// Stops the reading after a problem that has been reported.
  private struct Stop: Error {}

  private let source: SourceText
  private var problems: Problems
  private var anchors: [String: Node] = [:]
  /// Anchors whose value is still being read.
  private var open: Set<String> = []
  private var nodes = 0

  private init(_ source: SourceText, _ problems: Problems) {
    self.source = source
    self.problems = problems
  }

  /// Reads a document; nil where it cannot be read at all, with the reason among the problems.
  static func read(_ source: SourceText, _ problems: inout Problems) -> Node? {
    problems.sources[source.path] = source.text
    var reader = YAMLReader(source, problems)
    defer { problems = reader.problems }
    do {
      return try YAMLEventReader.withEvents(of: source.text) { events in
        try reader.document(events)
      }
    } catch let error as YAMLSyntaxError {
      reader.report(error)
    } catch {
      // `Stop`: what stopped the reading has been reported.
    }
    return nil
  }

  private mutating func document(_ events: borrowing YAMLEventReader) throws -> Node? {
    _ = try events.next()
    let start = try events.next()
    guard case .documentStart = start.kind else {
      throw stop("the file is empty", at: SourceLocation(file: source.path, line: 1, column: 1))
    }
    let root = try node(try events.next(), events, depth: 0)
    _ = try events.next()
    let after = try events.next()
    if case .documentStart = after.kind {
      throw stop(
        "a second document begins here", at: place(after),
        help: "a spec is one document: remove the '---' or split the file")
    }
    return root
  }

  private mutating func node(
    _ event: YAMLEvent, _ events: borrowing YAMLEventReader, depth: Int
  ) throws -> Node {
    if let tag = event.tag {
      throw stop(
        "the tag '\(tag.shortened)' is not allowed", at: place(event),
        help: "remove it; quotes make a text of what looks like a number")
    }
    try count(1, at: event)
    if let anchor = event.anchor { open.insert(anchor) }
    var node: Node
    switch event.kind {
    case .alias(let name): return try alias(name, event, depth: depth)
    case .scalar(let text, let isPlain): node = scalar(text, isPlain: isPlain, event)
    case .sequenceStart:
      try checkDepth(depth + 1, at: event)
      node = try sequence(event, events, depth: depth + 1)
    case .mappingStart:
      try checkDepth(depth + 1, at: event)
      node = try mapping(event, events, depth: depth + 1)
    default:
      throw stop("a value is missing", at: place(event))
    }
    if let anchor = event.anchor {
      open.remove(anchor)
      anchors[anchor] = node
    }
    return node
  }

  private mutating func scalar(_ text: String, isPlain: Bool, _ event: YAMLEvent) -> Node {
    guard isPlain else { return Node(content: .scalar(.string(text)), location: place(event)) }
    switch CoreSchema.read(text) {
    case .value(let value): return Node(content: .scalar(value), location: place(event))
    case .refused(let reason, let help):
      problems.error(reason, at: place(event), help: help)
      return Node(content: .refused, location: place(event))
    }
  }

  private mutating func sequence(
    _ start: YAMLEvent, _ events: borrowing YAMLEventReader, depth: Int
  ) throws -> Node {
    var elements: [Node] = []
    var size = 1
    var height = 0
    while true {
      let event = try events.next()
      if case .sequenceEnd = event.kind { break }
      let element = try node(event, events, depth: depth)
      size += element.size
      height = max(height, element.height)
      elements.append(element)
    }
    return Node(
      content: .sequence(elements), location: place(start), size: size, height: height + 1)
  }

  private mutating func mapping(
    _ start: YAMLEvent, _ events: borrowing YAMLEventReader, depth: Int
  ) throws -> Node {
    var entries: [Node.Entry] = []
    var merges: [Node] = []
    var places: [String: SourceLocation] = [:]
    while true {
      let event = try events.next()
      if case .mappingEnd = event.kind { break }
      let (key, isMerge) = try self.key(event)
      let value = try node(try events.next(), events, depth: depth)
      let seen = isMerge ? "<< " : key
      if let first = places[seen] {
        problems.error(
          "the key '\(key.shortened)' is given again here", at: place(event),
          help: "remove one of them",
          notes: [.init(location: first, message: "it is first given here")])
      } else {
        places[seen] = place(event)
        if isMerge {
          merges += try sources(ofMerge: value)
        } else {
          entries.append(.init(key: key, keyLocation: place(event), value: value))
        }
      }
    }
    for source in merges {
      for entry in source.entries ?? [] where places[entry.key] == nil {
        places[entry.key] = entry.keyLocation
        try count(entry.value.size, at: start)
        entries.append(entry)
      }
    }
    let size = entries.reduce(1) { $0 + $1.value.size }
    let height = entries.reduce(0) { max($0, $1.value.height) }
    return Node(
      content: .mapping(entries), location: place(start), size: size, height: height + 1)
  }

  private mutating func key(_ event: YAMLEvent) throws -> (key: String, isMerge: Bool) {
    if let tag = event.tag {
      throw stop("the tag '\(tag.shortened)' is not allowed", at: place(event))
    }
    switch event.kind {
    case .scalar(let text, let isPlain):
      if let anchor = event.anchor {
        anchors[anchor] = Node(content: .scalar(.string(text)), location: place(event))
      }
      return (text, isPlain && text == "<<")
    case .alias(let name):
      if let text = anchors[name]?.scalar?.string { return (text, false) }
    default: break
    }
    throw stop(
      "a key must be a name, not a list or a map", at: place(event),
      help: "a text that begins with '{' or '[' needs quotes")
  }

  private mutating func sources(ofMerge value: Node) throws -> [Node] {
    let sources = value.elements ?? [value]
    guard sources.allSatisfy({ $0.entries != nil }) else {
      throw stop("'<<' must name a map or a list of maps", at: value.location)
    }
    return sources
  }

  private mutating func alias(_ name: String, _ event: YAMLEvent, depth: Int) throws -> Node {
    if open.contains(name) {
      throw stop(
        "the alias '*\(name.shortened)' stands inside the value it names", at: place(event))
    }
    guard let node = anchors[name] else {
      throw stop("there is no anchor '&\(name.shortened)' before this alias", at: place(event))
    }
    try checkDepth(depth + node.height, at: event)
    try count(node.size - 1, at: event)
    return node
  }

  private mutating func checkDepth(_ depth: Int, at event: YAMLEvent) throws {
    guard depth > YAMLReader.deepestNesting else { return }
    throw stop(
      "lists and maps nest more than \(YAMLReader.deepestNesting) deep here", at: place(event))
  }

  private mutating func count(_ more: Int, at event: YAMLEvent) throws {
    nodes += more
    guard nodes > YAMLReader.mostNodes else { return }
    throw stop(
      "the document has more than \(YAMLReader.mostNodes) values once its aliases are expanded",
      at: place(event))
  }

  private func place(_ event: YAMLEvent) -> SourceLocation {
    SourceLocation(file: source.path, line: event.line, column: event.column)
  }

  private mutating func stop(
    _ message: String, at place: SourceLocation, help: String? = nil
  ) -> Stop {
    problems.error(message, at: place, help: help)
    return Stop()
  }

  private mutating func report(_ error: YAMLSyntaxError) {
    let place = SourceLocation(file: source.path, line: error.line, column: error.column)
    let found = SourceText.line(place.line, of: source.text)?.unicodeScalars
      .dropFirst(place.column - 1).first
    var help: String?
    if found == "\t" {
      help = "indent with spaces, not tabs"
    } else if let found, "@`%*&!|>".unicodeScalars.contains(found) {
      help = "a text that begins with '\(found)' needs quotes"
    } else if error.problem == "did not find expected key" {
      help = "the keys of one map begin in one column, and texts with ': ' or '#' need quotes"
    }
    let notes = error.context.map { context in
      [
        Diagnostic.Note(
          location: SourceLocation(
            file: source.path, line: error.contextLine, column: error.contextColumn),
          message: context)
      ]
    }
    problems.error(
      "this is not YAML: \(error.problem)", at: place, help: help, notes: notes ?? [])
  }
}
