import Testing

import TrainerTensor

@Suite("answers that grow")
struct AnswerKernelTests {
  /// Four answers of at most 3 tokens; token 9 ends one.
  ///
  /// The last row stands still from the start.
  @Test("a round records, ends and moves on", arguments: TensorFixtures.devices)
  func round(_ device: Device) throws {
    let (rows, steps) = (4, 3)
    let drawn = [[5, 9, 1, 7], [6, 6, 2, 7], [8, 6, 3, 7]].map { $0.map(Int32.init) }
    let tokens = try device.list([Int32](repeating: -1, count: rows * steps))
    let logProbs = try device.list([Float](repeating: 1, count: rows * steps))
    let entropies = try device.list([Float](repeating: 1, count: rows * steps))
    let ahead = try device.list((0..<rows * steps).map { Double($0) / 16 })
    let uniforms = try device.list((0..<rows).map { Double($0) / 16 })
    let step = try device.list([Int32(0)])
    let lengths = try device.list([Int32(0), 0, 1, 0])
    let positions = try device.list([Int32(3), 4, 5, 0])
    let suffixes = try device.list([Int32(-1), -1, 0, 0])
    let complete = try device.list([Int32(0), 0, 0, 1])
    let answers = GrowingAnswers(
      drawnTokens: tokens.base, drawnLogProbs: logProbs.base, drawnEntropies: entropies.base,
      uniformsAhead: ahead.base, uniforms: uniforms.base, step: step.base, lengths: lengths.base,
      positions: positions.base, suffixLengths: suffixes.base, complete: complete.base, rows: rows,
      round: steps, longest: 3, endToken: 9)
    for (index, row) in drawn.enumerated() {
      #expect(uniforms.values(0) == (0..<rows).map { Double(index * rows + $0) / 16 })
      device.extend(
        answers, tokens: try device.list(row).base,
        logProbs: try device.list(row.map { -Float($0) }).base,
        entropies: try device.list(row.map { Float($0) / 2 }).base)
    }
    #expect(tokens.values(0) == drawn.flatMap { $0 })
    #expect(logProbs.values(0) == drawn.flatMap { $0 }.map { -Float($0) })
    #expect(entropies.values(0) == drawn.flatMap { $0 }.map { Float($0) / 2 })
    #expect(step.values(0) == [3])
    #expect(lengths.values(0) == [3, 1, 3, 0])
    #expect(positions.values(0) == [6, 5, 7, 0])
    #expect(suffixes.values(0) == [2, 0, 2, 0])
    #expect(complete.values(0) == [1, 1, 1, 1])
  }

  @Test("parameters follow, AdamW steps as its formula says", arguments: TensorFixtures.devices)
  func optimizer(_ device: Device) throws {
    for count in [1, 16, 37, 1000] {
      func buffer(_ matrix: OwnedMatrix) -> UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(start: matrix.base, count: count)
      }
      let p = try device.matrix(1, count, TensorFixtures.values(count, seed: 41))
      let g = try device.matrix(1, count, TensorFixtures.values(count, seed: 42))
      let m = try device.matrix(1, count, TensorFixtures.values(count, scale: 0.1, seed: 43))
      let v = try device.matrix(
        1, count, TensorFixtures.values(count, scale: 0.1, seed: 44).map(abs))
      let (ps, gs, ms, vs) = (p.doubles, g.doubles, m.doubles, v.doubles)
      device.stepAdamW(
        parameters: buffer(p), firstMoments: buffer(m), secondMoments: buffer(v),
        gradients: buffer(g),
        settings: AdamWSettings(
          learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01,
          biasCorrection1: 0.19, biasCorrection2Root: 0.2, gradientScale: 0.5))
      let first = zip(ms, gs).map { 0.9 * $0 + 0.1 * $1 * 0.5 }
      let second = zip(vs, gs).map { 0.99 * $0 + 0.01 * $1 * 0.5 * $1 * 0.5 }
      TensorFixtures.agree(m.floats, first, absolute: 1e-7)
      TensorFixtures.agree(v.floats, second, absolute: 1e-7)
      let wanted = ps.indices.map {
        ps[$0] * (1 - 0.1 * 0.01)
          - 0.1 * (first[$0] / 0.19) / (second[$0].squareRoot() / 0.2 + 1e-8)
      }
      TensorFixtures.agree(p.floats, wanted, absolute: 2e-6, relative: 1e-6)
      let before = p.doubles
      device.follow(buffer(p), buffer(g), rate: 0.25)
      TensorFixtures.agree(
        p.floats, zip(before, gs).map { $0 + 0.25 * ($1 - $0) }, absolute: 1e-6)
    }
  }

  @Test("memory is zeroed, moved, copied and cleared", arguments: TensorFixtures.devices)
  func memory(_ device: Device) throws {
    let shared = try SharedFloats(count: 5, on: device)
    #expect(Array(shared.onHost) == [0, 0, 0, 0, 0])
    shared.onHost[3] = 2
    let copy = try FloatBuffer(count: 5, on: device)
    device.copy(shared.onDevice, to: copy.floats)
    device.clear(shared.onDevice)
    #expect(Array(shared.onHost) == [0, 0, 0, 0, 0])
    var back = [Float](repeating: 1, count: 5)
    back.withUnsafeMutableBufferPointer {
      device.download(UnsafePointer(copy.start), to: $0.baseAddress, count: 5)
    }
    #expect(back == [0, 0, 0, 2, 0])
  }

  @Test(
    "recorded operations run as often as asked, on the numbers of the moment",
    arguments: TensorFixtures.devices.filter(\.capturesOperations))
  func captured(_ device: Device) throws {
    let x = try device.matrix(2, 3, [1, 2, 3, 4, 5, 6])
    let sums = try device.matrix(2, 3)
    let list = try device.list([Int32(0), 1])
    let recorded = device.capture {
      device.scatterAdd(x.matrix, to: list.base, of: sums.matrix)
      device.scatterAdd(x.matrix, to: list.base, of: sums.matrix)
    }
    #expect(sums.floats == [0, 0, 0, 0, 0, 0], "recording runs nothing")
    recorded?.run()
    device.upload([Int32(1), 0], to: list.base, count: 2)
    recorded?.run()
    #expect(sums.floats == [10, 14, 18, 10, 14, 18])
  }
}
