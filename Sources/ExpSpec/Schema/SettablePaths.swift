internal import ExpCore

/// The dotted paths that an axis, an override, an inclusion or a `when` rule may set.
enum SettablePaths {
  /// A path with what may stand there.
  struct Path: Sendable {
    var name: String
    var value: ValueSchema
    var summary: String
  }

  static let all: [Path] = {
    var paths: [Path] = []
    for section in SpecSchema.sections {
      paths.append(Path(name: section.name, value: .map(section.map), summary: ""))
      for key in section.map.keys {
        let name = "\(section.name).\(key.name)"
        paths.append(Path(name: name, value: key.value, summary: key.summary))
        paths += inner(key.value).map {
          Path(name: "\(name).\($0.name)", value: $0.value, summary: $0.summary)
        }
      }
    }
    paths.append(Path(name: "seed", value: SpecSchema.seed, summary: "The RL seed."))
    return paths.sorted { $0.name < $1.name }
  }()

  static let names = all.map(\.name)

  /// What expressions may name: every settable path, and the parameters that follow from the widths.
  static let readable = (names + ["model.params"]).sorted()

  private static let table = Dictionary(
    all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

  /// What may stand at a path; nil where nothing can be set.
  static func schema(_ path: String) -> ValueSchema? { table[path]?.value }

  /// Whether one of two paths is the other or lies in it.
  static func overlap(_ left: String, _ right: String) -> Bool {
    left == right || left.hasPrefix(right + ".") || right.hasPrefix(left + ".")
  }

  private static func inner(_ value: ValueSchema) -> [KeySchema] {
    switch value {
    case .learningRate: SpecSchema.learningRateRule.keys
    case .entropyControl:
      [KeySchema("method", .choice(EntropyControl.names), nil, "The method.")]
        + EntropyControl.settings
    default: []
    }
  }
}
