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

  /// bf16: weights of the softmax are rounded before they meet values up to 2.
  @Test("forward agrees with plain loops", arguments: cases)
  func forward(_ test: Case) throws {
    let run = try Run(test)
    let expected = Self.reference(run.qkv.doubles, test.heads)
    TensorFixtures.agree(
      run.out.floats, expected.out, on: test.device, absolute: 2e-6, rounded: 1e-2)
    TensorFixtures.agree(run.logSums.floats, expected.logSums, absolute: 4e-6)
  }

  /// Finite differences at some places of every sequence; 2e-5 covers both roundings, and 0.06 those of bf16 weights
  /// and of their gradients, sums of up to 33 products of numbers up to 2.
  @Test("backward agrees with finite differences", arguments: cases)
  func backward(_ test: Case) throws {
    let run = try Run(test)
    let device = test.device
    let dOut = try device.activations(
      run.out.view.rows, run.out.view.columns,
      TensorFixtures.values(run.out.view.rows * run.out.view.columns, seed: 12))
    let slopes = dOut.doubles
    let dqkv = try device.activations(run.qkv.view.rows, test.heads.rowWidth)
    device.attendBackward(
      dOut.view, out: run.out.view, logSums: run.logSums.matrix, qkv: run.qkv.view,
      sequences: run.sequences, heads: test.heads, dqkv: dqkv.view,
      scratch: run.scratch.base)
    var x = run.qkv.doubles
    let found = dqkv.floats
    func loss() -> Double {
      zip(Self.reference(x, test.heads).out, slopes).reduce(0) { $0 + $1.0 * $1.1 }
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
        abs(Double(found[index]) - expected) < (device.rounds ? 0.06 : 2e-5),
        "element \(index): \(found[index]), expected \(expected)")
    }
  }

  /// Every split of a sequence into a shared prompt and a decoded rest gives the forward's bits.
  @Test("decoding gives the bits of forward", arguments: cases)
  func decode(_ test: Case) throws {
    let run = try Run(test)
    let heads = test.heads
    let device = test.device
    let expected = run.out.floats
    for (index, length) in Self.lengths.enumerated() where length > 1 {
      let first = Int(Self.offsets[index])
      for prompt in Set([1, length / 2, length - 1]).sorted() {
        let elements = 2 * heads.key * heads.width * 48
        let cache = try device.activations(4, elements)
        let part = elements * device.activationBytes
        let prefix = AttentionCache(
          keys: cache.view.base, values: cache.view.base + part, capacity: 48)
        let suffix = AttentionCache(
          keys: cache.view.base + 2 * part, values: cache.view.base + 3 * part, capacity: 48)
        device.storeKeysAndValues(
          run.qkv.view.slice(first, count: prompt),
          sequences: try device.sequences([prompt]), heads: heads,
          cache: prefix, slots: try device.list([Int32(1)]).base)
        let out = try device.activations(1, heads.query * heads.width)
        for token in prompt..<length {
          let list = try device.list([1, Int32(prompt), 0, Int32(token - prompt)])
          device.attendDecoding(
            run.qkv.view.slice(first + token, count: 1), prefix: prefix, suffix: suffix,
            rows: DecodeRows(
              prefixSlot: list.base, prefixLength: list.base + 1, suffixSlot: list.base + 2,
              suffixLength: list.base + 3), heads: heads, into: out.view,
            scratch: run.scratch.base)
          let width = out.view.columns
          let wanted = expected[(first + token) * width..<(first + token + 1) * width]
          #expect(out.floats == Array(wanted), "token \(token) of \(length), prompt \(prompt)")
        }
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

  /// bf16: each part of the sum is rounded on its own.
  @Test("a tree gives the bits of its paths, and the sum of their gradients", arguments: cases)
  func trees(_ test: Case) throws {
    let rows = Self.runs.reduce(0) { $0 + $1.count }
    let heads = test.heads
    let width = heads.query * heads.width
    let qkv = TensorFixtures.values(rows * heads.rowWidth, scale: 2, seed: 21)
    let dOut = TensorFixtures.values(rows * width, seed: 22)
    let starts = Self.runs.map { Int32($0.start) }
    let tree = try Attended(test, qkv, dOut, counts: Self.runs.map(\.count), starts: starts)
    var gradient = [Double](repeating: 0, count: rows * heads.rowWidth)
    for (path, run) in zip(Self.paths, Self.runs) {
      // The path as a sequence of its own, with a slope at the run's rows only.
      let own = path.count - run.count
      let part = path.flatMap { qkv[$0 * heads.rowWidth..<($0 + 1) * heads.rowWidth] }
      let slopes = path.enumerated().flatMap { place, row in
        place >= own
          ? Array(dOut[row * width..<(row + 1) * width]) : [Float](repeating: 0, count: width)
      }
      let flat = try Attended(test, part, slopes, counts: [path.count], starts: nil)
      for place in own..<path.count {
        let row = path[place]
        #expect(
          flat.out[place * width..<(place + 1) * width] == tree.out[row * width..<(row + 1) * width]
        )
        #expect(
          flat.logSums[place * heads.query..<(place + 1) * heads.query]
            == tree.logSums[row * heads.query..<(row + 1) * heads.query])
      }
      for (place, row) in path.enumerated() {
        for column in 0..<heads.rowWidth {
          gradient[row * heads.rowWidth + column] += Double(
            flat.dqkv[place * heads.rowWidth + column])
        }
      }
    }
    TensorFixtures.agree(tree.dqkv, gradient, on: test.device, absolute: 2e-5, rounded: 0.06)
  }

  /// Forward and backward over some runs.
  private struct Attended {
    let out: [Float]
    let logSums: [Float]
    let dqkv: [Float]

    init(
      _ test: Case, _ values: [Float], _ slopes: [Float], counts: [Int], starts: [Int32]?
    ) throws {
      let heads = test.heads
      let device = test.device
      let rows = counts.reduce(0, +)
      let qkv = try device.activations(rows, heads.rowWidth, values)
      let dOut = try device.activations(rows, heads.query * heads.width, slopes)
      let out = try device.activations(rows, heads.query * heads.width)
      let logSums = try device.matrix(rows, heads.query)
      let dqkv = try device.activations(rows, heads.rowWidth)
      // 37 tokens of the longest path, no more: what is read must have been written.
      let size = device.attentionScratch(longest: 37, heads: heads)
      let scratch = try device.matrix(1, size, [Float](repeating: .nan, count: size))
      let runs = try device.sequences(counts, starts: starts)
      device.attend(
        qkv.view, sequences: runs, heads: heads, into: out.view,
        logSums: logSums.matrix, scratch: scratch.base)
      device.attendBackward(
        dOut.view, out: out.view, logSums: logSums.matrix, qkv: qkv.view,
        sequences: runs, heads: heads, dqkv: dqkv.view, scratch: scratch.base)
      (self.out, self.logSums, self.dqkv) = (out.floats, logSums.floats, dqkv.floats)
    }
  }

  /// One forward over all lengths.
  private struct Run {
    let qkv: OwnedActivations
    let out: OwnedActivations
    let logSums: OwnedMatrix
    let scratch: OwnedMatrix
    let sequences: PackedSequences

    init(_ test: Case) throws {
      let rows = AttentionKernelTests.lengths.reduce(0, +)
      let heads = test.heads
      let device = test.device
      qkv = try device.activations(
        rows, heads.rowWidth, TensorFixtures.values(rows * heads.rowWidth, scale: 2, seed: 11))
      out = try device.activations(rows, heads.query * heads.width)
      logSums = try device.matrix(rows, heads.query)
      let size = device.attentionScratch(longest: 64, heads: heads)
      scratch = try device.matrix(1, size, [Float](repeating: .nan, count: size))
      sequences = try device.sequences(AttentionKernelTests.lengths)
      device.attend(
        qkv.view, sequences: sequences, heads: heads, into: out.view,
        logSums: logSums.matrix, scratch: scratch.base)
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
