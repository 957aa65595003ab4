/// Finds what somebody probably meant to write.
public enum Suggestion {
  /// The known name nearest to a wrong one; nil where none is near enough to be worth offering.
  ///
  /// Case and `-` for `_` do not count; otherwise at most a third of the letters, and at most three, may be
  /// inserted, dropped, changed or swapped with a neighbour. The last part of a dotted name finds the whole.
  public static func nearest(to name: String, among known: some Sequence<String>) -> String? {
    let wanted = fold(name)
    guard !wanted.isEmpty, wanted.count <= 80 else { return nil }
    let limit = min(3, max(1, wanted.count / 3))
    var best: (name: String, distance: Int)?
    for candidate in known {
      let letters = fold(candidate)
      var found = distance(wanted, letters, limit: limit)
      if found > 0, !name.contains("."), let dot = letters.lastIndex(of: 0x2e) {
        // Half a step more than the same distance on a whole name; a name given in full wins.
        let tail = distance(wanted, Array(letters[(dot + 1)...]), limit: 1)
        if tail <= 1, tail < found { found = min(tail + 1, limit) }
      }
      if found <= limit, found < best?.distance ?? Int.max { best = (candidate, found) }
    }
    return best?.name
  }

  private static func fold(_ name: String) -> [UInt8] {
    name.utf8.map { byte in
      (0x41...0x5a).contains(byte) ? byte | 0x20 : byte == 0x2d || byte == 0x20 ? 0x5f : byte
    }
  }

  /// Optimal string alignment distance; a number above `limit` where it is larger than that.
  private static func distance(_ left: [UInt8], _ right: [UInt8], limit: Int) -> Int {
    guard abs(left.count - right.count) <= limit else { return limit + 1 }
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for row in 0..<left.count {
      var current = [row + 1]
      current.reserveCapacity(right.count + 1)
      for column in 0..<right.count {
        let change = last[column] + (left[row] == right[column] ? 0 : 1)
        var least = min(change, last[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
          least = min(least, beforeLast[column - 1] + 1)
        }
        current.append(least)
      }
      beforeLast = last
      last = current
    }
    return last[right.count]
  }
}
