/// The operations of the list language, in order of their tokens; digits stay digits under all of them.
package enum ListOperation: Int, Sendable, CaseIterable {
  case reverse
  case rotate
  case sort
  case increment
  case double
  case complement
  case swap
  case prefixSums
  case runningMaximum
  case roundDown

  /// The word that stands for it.
  package var symbol: String {
    switch self {
    case .reverse: "reverse"
    case .rotate: "rotate"
    case .sort: "sort"
    case .increment: "+1"
    case .double: "x2"
    case .complement: "9-x"
    case .swap: "swap"
    case .prefixSums: "sums"
    case .runningMaximum: "max"
    case .roundDown: "even"
    }
  }

  /// Returns the list after the operation: reversed; rotated left by one; sorted ascending; each digit +1, x2 modulo 10 or
  /// 9 - x; the first two swapped; prefix sums modulo 10; running maximum; each digit rounded down to even.
  package func apply(_ list: [Int]) -> [Int] {
    switch self {
    case .reverse: list.reversed()
    case .rotate: Array(list.dropFirst() + list.prefix(1))
    case .sort: list.sorted()
    case .increment: list.map { ($0 + 1) % 10 }
    case .double: list.map { $0 * 2 % 10 }
    case .complement: list.map { 9 - $0 }
    case .swap: list.count < 2 ? list : [list[1], list[0]] + list.dropFirst(2)
    case .prefixSums: ListOperation.scan(list) { ($0 + $1) % 10 }
    case .runningMaximum: ListOperation.scan(list, max)
    case .roundDown: list.map { $0 - $0 % 2 }
    }
  }

  private static func scan(_ list: [Int], _ combine: (Int, Int) -> Int) -> [Int] {
    var result: [Int] = []
    for digit in list { result.append(result.last.map { combine($0, digit) } ?? digit) }
    return result
  }
}
