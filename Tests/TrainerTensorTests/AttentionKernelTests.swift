import Glibc
import Testing

import TrainerTensor

@Suite("attention kernels")
struct AttentionKernelTests {
  struct Case: Sendable {
    var device: Device
    var heads: AttentionHeads
  }

  static let cases: [Case] = TensorFixtures.devices.flatMap { device in
    [
      Case(device: device, heads: AttentionHeads(query: 3, key: 3, width: 16)),
      Case(device: device, heads: AttentionHeads(query: 5, key: 1, width: 6)),
      Case(device: device, heads: AttentionHeads(query: 4, key: 2, width: 40)),
    ]
  }

  /// Lengths around vectors of 4, 8 and 16 and groups of 8 queries, and an empty sequence.
  static let lengths = [1, 7, 0, 8, 9, 16, 17, 33]

  static var offsets: [Int64] {
    lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + Int64($1)) }
  }

  @Test("forward agrees with plain loops", arguments: cases)
  func forward(_ test: Case) throws {
    let run = try Run(test)
    let expected = Self.reference(run.qkv.doubles, test.heads)
    TensorFixtures.agree(run.out.floats, expected.out, absolute: 2e-6)
    TensorFixtures.agree(run.logSums.floats, expected.logSums, absolute: 2e-6)
  }

  /// Finite differences at some places of every sequence; 2e-5 covers both roundings.
  @Test("backward agrees with finite differences", arguments: cases)
  func backward(_ test: Case) throws {
    let run = try Run(test)
    let slopes = TensorFixtures.values(run.out.matrix.rows * run.out.matrix.columns, seed: 12)
    let dOut = try OwnedMatrix(run.out.matrix.rows, run.out.matrix.columns, slopes)
    let dqkv = try OwnedMatrix(run.qkv.matrix.rows, test.heads.rowWidth)
    Self.offsets.withUnsafeBufferPointer { offsets in
      guard let base = offsets.baseAddress else { return }
      test.device.attendBackward(
        dOut.matrix, out: run.out.matrix, logSums: run.logSums.matrix, qkv: run.qkv.matrix,
        sequences: PackedSequences(offsets: base, count: Self.lengths.count), heads: test.heads,
        dqkv: dqkv.matrix, scratch: run.scratch.base)
    }
    var x = run.qkv.doubles
    func loss() -> Double {
      zip(Self.reference(x, test.heads).out, slopes).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    for index in stride(from: 3, to: x.count, by: x.count / 23) {
      let value = x[index]
      x[index] = value + 1e-5
      let above = loss()
      x[index] = value - 1e-5
      let below = loss()
      x[index] = value
      let expected = (above - below) / 2e-5
      #expect(
        abs(Double(dqkv.floats[index]) - expected) < 2e-5,
        "element \(index): \(dqkv.floats[index]), expected \(expected)")
    }
  }

  /// Every split of a sequence into a shared prompt and a decoded rest gives the forward's bits.
  @Test("decoding gives the bits of forward", arguments: cases)
  func decode(_ test: Case) throws {
    let run = try Run(test)
    let heads = test.heads
    for (index, length) in Self.lengths.enumerated() where length > 1 {
      let first = Int(Self.offsets[index])
      for prompt in Set([1, length / 2, length - 1]).sorted() {
        let cache = try OwnedMatrix(4, 2 * heads.key * heads.width * 48)
        let floats = 2 * heads.key * heads.width * 48
        let prefix = AttentionCache(keys: cache.base, values: cache.base + floats, capacity: 48)
        let suffix = AttentionCache(
          keys: cache.base + 2 * floats, values: cache.base + 3 * floats, capacity: 48)
        try fill(test, prefix, run.qkv.matrix.slice(first, count: prompt))
        let out = try OwnedMatrix(1, heads.query * heads.width)
        for token in prompt..<length {
          let numbers = [1, Int32(prompt), 0, Int32(token - prompt)]
          numbers.withUnsafeBufferPointer { list in
            guard let base = list.baseAddress else { return }
            test.device.attendDecoding(
              run.qkv.matrix.slice(first + token, count: 1), prefix: prefix, suffix: suffix,
              rows: DecodeRows(
                prefixSlot: base, prefixLength: base + 1, suffixSlot: base + 2,
                suffixLength: base + 3), heads: heads, into: out.matrix,
              scratch: run.scratch.base)
          }
          let width = out.matrix.columns
          let expected = run.out.floats[(first + token) * width..<(first + token + 1) * width]
          #expect(out.floats == Array(expected), "token \(token) of \(length), prompt \(prompt)")
        }
      }
    }
  }

  private func fill(_ test: Case, _ prefix: AttentionCache, _ rows: Matrix) throws {
    let offsets: [Int64] = [0, Int64(rows.rows)]
    let slots: [Int32] = [1]
    offsets.withUnsafeBufferPointer { offsets in
      slots.withUnsafeBufferPointer { slots in
        guard let offsets = offsets.baseAddress, let slots = slots.baseAddress else { return }
        test.device.storeKeysAndValues(
          rows, sequences: PackedSequences(offsets: offsets, count: 1), heads: test.heads,
          cache: prefix, slots: slots)
      }
    }
  }

  /// Runs of a forest in depth-first order: tokens, and the position where each begins.
  static let runs: [(start: Int, count: Int)] = [
    (0, 7), (7, 1), (7, 9), (16, 4), (16, 2), (3, 17), (0, 5), (0, 20), (20, 3), (8, 11), (19, 18),
  ]

  /// The rows of every run's path, its own last.
  static var paths: [[Int]] {
    var path: [Int] = []
    var row = 0
    return runs.map { run in
      path = Array(path[..<run.start]) + (row..<row + run.count)
      row += run.count
      return path
    }
  }

  @Test("a tree gives the bits of its paths, and the sum of their gradients", arguments: cases)
  func trees(_ test: Case) throws {
    let rows = Self.runs.reduce(0) { $0 + $1.count }
    let heads = test.heads
    let width = heads.query * heads.width
    let qkv = try OwnedMatrix(
      rows, heads.rowWidth, TensorFixtures.values(rows * heads.rowWidth, scale: 2, seed: 21))
    let dOut = try OwnedMatrix(rows, width, TensorFixtures.values(rows * width, seed: 22))
    let starts = Self.runs.map { Int32($0.start) }
    let tree = try Attended(
      test, qkv, dOut, counts: Self.runs.map(\.count), starts: starts)
    var gradient = [Double](repeating: 0, count: rows * heads.rowWidth)
    for (path, run) in zip(Self.paths, Self.runs) {
      // The path as a sequence of its own, with a slope at the run's rows only.
      let own = path.count - run.count
      let part = try OwnedMatrix(path.count, heads.rowWidth)
      let slopes = try OwnedMatrix(path.count, width)
      for (place, row) in path.enumerated() {
        part.matrix.slice(place, count: 1).base.update(
          from: qkv.matrix.slice(row, count: 1).base, count: heads.rowWidth)
        if place >= own {
          slopes.matrix.slice(place, count: 1).base.update(
            from: dOut.matrix.slice(row, count: 1).base, count: width)
        }
      }
      let flat = try Attended(test, part, slopes, counts: [path.count], starts: nil)
      for place in own..<path.count {
        let row = path[place]
        #expect(
          flat.out.floats[place * width..<(place + 1) * width]
            == tree.out.floats[row * width..<(row + 1) * width])
        #expect(
          flat.logSums.floats[place * heads.query..<(place + 1) * heads.query]
            == tree.logSums.floats[row * heads.query..<(row + 1) * heads.query])
      }
      for (place, row) in path.enumerated() {
        for column in 0..<heads.rowWidth {
          gradient[row * heads.rowWidth + column] += Double(
            flat.dqkv.floats[place * heads.rowWidth + column])
        }
      }
    }
    TensorFixtures.agree(tree.dqkv.floats, gradient, absolute: 2e-5)
  }

  /// Forward and backward over some runs.
  private struct Attended {
    let out: OwnedMatrix
    let logSums: OwnedMatrix
    let dqkv: OwnedMatrix

    init(
      _ test: Case, _ qkv: OwnedMatrix, _ dOut: OwnedMatrix, counts: [Int], starts: [Int32]?
    ) throws {
      let heads = test.heads
      let out = try OwnedMatrix(qkv.matrix.rows, heads.query * heads.width)
      let logSums = try OwnedMatrix(qkv.matrix.rows, heads.query)
      let dqkv = try OwnedMatrix(qkv.matrix.rows, heads.rowWidth)
      // 37 tokens of the longest path, no more: what is read must have been written.
      let size = test.device.attentionScratch(longest: 37, heads: heads)
      let scratch = try OwnedMatrix(1, size, [Float](repeating: .nan, count: size))
      let offsets = counts.reduce(into: [Int64(0)]) { $0.append(($0.last ?? 0) + Int64($1)) }
      let first = starts ?? [0]
      offsets.withUnsafeBufferPointer { offsets in
        first.withUnsafeBufferPointer { first in
          guard let base = offsets.baseAddress else { return }
          let runs = PackedSequences(
            offsets: base, starts: starts == nil ? nil : first.baseAddress, count: counts.count)
          test.device.attend(
            qkv.matrix, sequences: runs, heads: heads, into: out.matrix, logSums: logSums.matrix,
            scratch: scratch.base)
          test.device.attendBackward(
            dOut.matrix, out: out.matrix, logSums: logSums.matrix, qkv: qkv.matrix,
            sequences: runs, heads: heads, dqkv: dqkv.matrix, scratch: scratch.base)
        }
      }
      (self.out, self.logSums, self.dqkv) = (out, logSums, dqkv)
    }
  }

  /// One forward over all lengths.
  private struct Run {
    let qkv: OwnedMatrix
    let out: OwnedMatrix
    let logSums: OwnedMatrix
    let scratch: OwnedMatrix

    init(_ test: Case) throws {
      let rows = AttentionKernelTests.lengths.reduce(0, +)
      let heads = test.heads
      qkv = try OwnedMatrix(
        rows, heads.rowWidth, TensorFixtures.values(rows * heads.rowWidth, scale: 2, seed: 11))
      out = try OwnedMatrix(rows, heads.query * heads.width)
      logSums = try OwnedMatrix(rows, heads.query)
      let size = test.device.attentionScratch(longest: 64, heads: heads)
      scratch = try OwnedMatrix(1, size, [Float](repeating: .nan, count: size))
      AttentionKernelTests.offsets.withUnsafeBufferPointer { offsets in
        guard let base = offsets.baseAddress else { return }
        test.device.attend(
          qkv.matrix,
          sequences: PackedSequences(offsets: base, count: AttentionKernelTests.lengths.count),
          heads: heads, into: out.matrix, logSums: logSums.matrix, scratch: scratch.base)
      }
    }
  }

  private static func reference(
    _ qkv: [Double], _ heads: AttentionHeads
  ) -> (out: [Double], logSums: [Double]) {
    let size = heads.width
    let rowWidth = heads.rowWidth
    let rows = qkv.count / rowWidth
    var out = [Double](repeating: 0, count: rows * heads.query * size)
    var logSums = [Double](repeating: 0, count: rows * heads.query)
    for (index, length) in lengths.enumerated() {
      let first = Int(offsets[index])
      for h in 0..<heads.query {
        let key = (heads.query + h / (heads.query / heads.key)) * size
        for t in 0..<length {
          let q = (first + t) * rowWidth + h * size
          var weights: [Double] = []
          for j in 0...t {
            let k = (first + j) * rowWidth + key
            var score = 0.0
            for d in 0..<size { score += qkv[q + d] * qkv[k + d] }
            weights.append(exp(score / Double(size).squareRoot()))
          }
          let total = weights.reduce(0, +)
          logSums[(first + t) * heads.query + h] = log(total)
          for j in 0...t {
            let v = (first + j) * rowWidth + key + heads.key * size
            for d in 0..<size {
              out[((first + t) * heads.query + h) * size + d] += weights[j] / total * qkv[v + d]
            }
          }
        }
      }
    }
    return (out, logSums)
  }
}
