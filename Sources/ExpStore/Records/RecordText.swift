internal import ExpCore

/// The text of small records.
enum RecordText {
  /// A record as indented JSON with sorted keys and a final line break.
  static func pretty(_ record: some Encodable) throws(StoreError) -> String {
    try value(record).prettyJSON + "\n"
  }

  /// A record as canonical JSON.
  static func canonical(_ record: some Encodable) throws(StoreError) -> String {
    try value(record).canonicalJSON
  }

  private static func value(_ record: some Encodable) throws(StoreError) -> JSONValue {
    do {
      return try JSONValue(encoding: record)
    } catch {
      throw StoreError(.file, "a record cannot be written as JSON: \(error)")
    }
  }
}
