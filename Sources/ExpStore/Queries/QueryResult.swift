public import ExpCore

/// The answer to a query of the user's own.
public struct QueryResult: Sendable, Hashable {
  /// The columns' names.
  public var columns: [String]
  /// The rows.
  ///
  /// Integers beyond 2^53 are given as their digits, blobs as `x'…'`.
  public var rows: [[JSONValue]]
  /// Whether there were more rows than the limit allows.
  public var isTruncated: Bool
}
