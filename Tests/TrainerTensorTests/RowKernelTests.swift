import Glibc
import Testing

import TrainerTensor

/// Norms, activations, embeddings, biases and rotations against plain double-precision loops, for every kernel set.
@Suite("kernels over rows")
struct RowKernelTests {
  /// Widths below, at and beyond vectors of 4, 8 and 16.
  static let widths = [2, 16, 37]
  static let rows = 5

  /// bf16: the norm and its gradient are rounded, statistics and sums are not.
  @Test("RMSNorm, its sum with a residual, and its gradient", arguments: TensorFixtures.devices)
  func norm(_ device: Device) throws {
    for width in Self.widths {
      let count = Self.rows * width
      let x = try device.matrix(Self.rows, width, TensorFixtures.values(count, scale: 2, seed: 1))
      let delta = try device.activations(Self.rows, width, TensorFixtures.values(count, seed: 2))
      let weight = try device.matrix(1, width, TensorFixtures.values(width, seed: 3))
      let sum = try device.matrix(Self.rows, width)
      let out = try device.activations(Self.rows, width)
      let rstd = try device.matrix(Self.rows, 1)
      device.addAndNorm(
        x.matrix, delta.view, weight: weight.matrix, sum: sum.matrix, into: out.view,
        rstd: rstd.base)
      #expect(sum.floats == zip(x.floats, delta.floats).map(+))
      let normed = Self.norm(sum.doubles, weight.doubles)
      TensorFixtures.agree(
        out.floats, normed, on: device, absolute: 1e-6, relative: 1e-6, rounded: 1e-6)

      let again = try device.activations(Self.rows, width)
      let rstdAgain = try device.matrix(Self.rows, 1)
      device.rmsNorm(sum.matrix, weight: weight.matrix, into: again.view, rstd: rstdAgain.base)
      #expect(again.floats == out.floats && rstdAgain.floats == rstd.floats)

      let dOut = try device.activations(Self.rows, width, TensorFixtures.values(count, seed: 4))
      let slopes = dOut.doubles
      let dx = try device.matrix(Self.rows, width, [Float](repeating: 1, count: count))
      let dWeight = try device.matrix(1, width, [Float](repeating: 2, count: width))
      let third = try device.activations(Self.rows, width)
      device.rmsNormBackward(
        dOut.view, x: sum.matrix, weight: weight.matrix, rstd: rstd.base, dx: dx.matrix,
        dWeight: dWeight.matrix, normed: third.view)
      TensorFixtures.agree(
        third.floats, normed, on: device, absolute: 1e-6, relative: 1e-6, rounded: 1e-6)
      func loss(_ x: [Double], _ weight: [Double]) -> Double {
        zip(Self.norm(x, weight), slopes).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let wanted = differences(sum.doubles) { loss($0, weight.doubles) }
      TensorFixtures.agree(dx.floats, wanted.map { $0 + 1 }, absolute: 1e-5)
      let wantedWeights = differences(weight.doubles) { loss(sum.doubles, $0) }
      TensorFixtures.agree(dWeight.floats, wantedWeights.map { $0 + 2 }, absolute: 1e-5)
    }
  }

  private static func norm(_ x: [Double], _ weight: [Double]) -> [Double] {
    let width = weight.count
    return x.indices.map { index in
      let row = x[index / width * width..<(index / width + 1) * width]
      let mean = row.reduce(0) { $0 + $1 * $1 } / Double(width)
      return x[index] / (mean + 1e-6).squareRoot() * weight[index % width]
    }
  }

  @Test(
    "SwiGLU and its gradient, also where the sigmoid saturates", arguments: TensorFixtures.devices)
  func swiGLU(_ device: Device) throws {
    for width in Self.widths {
      var values = TensorFixtures.values(Self.rows * 2 * width, scale: 6, seed: 5)
      values[0] = 120
      values[1] = -120
      let gateUp = try device.activations(Self.rows, 2 * width, values)
      let out = try device.activations(Self.rows, width)
      device.swiGLU(gateUp.view, into: out.view)
      let expected = Self.swiGLU(gateUp.doubles, width)
      TensorFixtures.agree(
        out.floats, expected, on: device, absolute: 1e-6, relative: 1e-6, rounded: 1e-6)

      let dOut = try device.activations(
        Self.rows, width, TensorFixtures.values(Self.rows * width, seed: 6))
      let slopes = dOut.doubles
      let dGateUp = try device.activations(Self.rows, 2 * width)
      let again = try device.activations(Self.rows, width)
      device.swiGLUBackward(
        dOut.view, gateUp: gateUp.view, dGateUp: dGateUp.view, out: again.view)
      TensorFixtures.agree(
        again.floats, expected, on: device, absolute: 1e-6, relative: 1e-6, rounded: 1e-6)
      let wanted = differences(gateUp.doubles) { x in
        zip(Self.swiGLU(x, width), slopes).reduce(0) { $0 + $1.0 * $1.1 }
      }
      TensorFixtures.agree(
        dGateUp.floats, wanted, on: device, absolute: 1e-5, relative: 1e-5, rounded: 1e-5)
    }
  }

  private static func swiGLU(_ gateUp: [Double], _ width: Int) -> [Double] {
    (0..<gateUp.count / 2).map { index in
      let gate = gateUp[index / width * 2 * width + index % width]
      return gate / (1 + exp(-gate)) * gateUp[index / width * 2 * width + width + index % width]
    }
  }

  @Test(
    "rotations turn by the position, and their gradient turns back",
    arguments: TensorFixtures.devices)
  func rotation(_ device: Device) throws {
    for size in [2, 4, 6, 12, 16, 40] {
      let heads = AttentionHeads(query: 2, key: 1, width: size)
      let half = size / 2
      let angles = (0..<9 * half).map { Double($0 / half) * pow(0.3, Double($0 % half)) }
      let cosines = try device.matrix(9, half, angles.map { Float(cos($0)) })
      let sines = try device.matrix(9, half, angles.map { Float(sin($0)) })
      let table = RotaryTable(cosines: cosines.matrix, sines: sines.matrix)
      let positions: [Int32] = [0, 1, 8, 3, 3]
      let qkv = try device.activations(
        Self.rows, heads.rowWidth, TensorFixtures.values(Self.rows * heads.rowWidth, seed: 7))
      let before = qkv.floats
      var expected = qkv.doubles
      for (row, position) in positions.enumerated() {
        for head in 0..<3 {
          for pair in 0..<half {
            let first = row * heads.rowWidth + head * size + pair
            let (a, b) = (Double(before[first]), Double(before[first + half]))
            let angle = angles[Int(position) * half + pair]
            expected[first] = a * cos(angle) - b * sin(angle)
            expected[first + half] = b * cos(angle) + a * sin(angle)
          }
        }
      }
      let list = try device.list(positions)
      device.rotate(qkv.view, positions: list.base, table: table, heads: heads)
      TensorFixtures.agree(
        qkv.floats, expected, on: device, absolute: 1e-6, rounded: 1e-6)
      device.rotateBackward(qkv.view, positions: list.base, table: table, heads: heads)
      // Two roundings of numbers up to 1.5 on the way there and back.
      TensorFixtures.agree(
        qkv.floats, before.map(Double.init), on: device, absolute: 1e-6, rounded: 1.5 / 128)
    }
  }

  @Test("rows are copied, gathered, scattered and summed", arguments: TensorFixtures.devices)
  func moves(_ device: Device) throws {
    for width in Self.widths {
      let table = try device.matrix(4, width, TensorFixtures.values(4 * width, seed: 8))
      let numbers = table.floats
      let picks: [Int32] = [2, 0, 2]
      let list = try device.list(picks)
      let out = try device.matrix(3, width)
      let sums = try device.matrix(4, width, [Float](repeating: 1, count: 4 * width))
      device.embed(list.base, table.matrix, into: out.matrix)
      let expected = picks.flatMap { numbers[Int($0) * width..<(Int($0) + 1) * width] }
      #expect(out.floats == expected)
      let gathered = try device.matrix(3, width)
      device.gather(list.base, of: table.matrix, into: gathered.matrix)
      #expect(gathered.floats == expected)
      device.embedBackward(list.base, dOut: out.matrix, dTable: sums.matrix)
      device.scatterAdd(out.matrix, to: list.base, of: sums.matrix)
      for (index, value) in sums.floats.enumerated() {
        let times: Float = [2, 0, 4, 0][index / width]
        #expect(abs(value - (1 + times * numbers[index])) < 1e-5)
      }
      let places = try device.list([Int32(3), 1, 0])
      let spread = try device.matrix(4, width, [Float](repeating: 5, count: 4 * width))
      device.scatter(out.matrix, to: places.base, of: spread.matrix)
      let rows = [2, 1, nil, 0].map { (row: Int?) in
        row.map { Array(expected[$0 * width..<($0 + 1) * width]) }
          ?? [Float](repeating: 5, count: width)
      }
      #expect(spread.floats == rows.flatMap { $0 })
    }
  }

  /// Sums of up to three numbers below 1 and a 1 are rounded once.
  @Test("rows of activations too, and biases", arguments: TensorFixtures.devices)
  func activations(_ device: Device) throws {
    for width in Self.widths {
      let table = try device.activations(4, width, TensorFixtures.values(4 * width, seed: 8))
      let numbers = table.floats
      let list = try device.list([Int32(2), 0, 2])
      let out = try device.activations(3, width)
      device.gather(list.base, of: table.view, into: out.view)
      let expected = [2, 0, 2].flatMap { numbers[$0 * width..<($0 + 1) * width] }
      #expect(out.floats == expected)
      let sums = try device.activations(4, width, [Float](repeating: 1, count: 4 * width))
      device.scatterAdd(out.view, to: list.base, of: sums.view)
      let places = try device.list([Int32(3), 1, 0])
      let spread = try device.activations(4, width, [Float](repeating: 5, count: 4 * width))
      device.scatter(out.view, to: places.base, of: spread.view)
      let rows = [2, 1, nil, 0].map { (row: Int?) in
        row.map { Array(expected[$0 * width..<($0 + 1) * width]) }
          ?? [Float](repeating: 5, count: width)
      }
      #expect(spread.floats == rows.flatMap { $0 })
      let wantedSums = numbers.enumerated().map { index, value in
        1 + [1.0, 0, 2, 0][index / width] * Double(value)
      }
      TensorFixtures.agree(sums.floats, wantedSums, on: device, absolute: 1e-6, rounded: 1e-6)
      let bias = try device.matrix(1, width, TensorFixtures.values(width, seed: 9))
      let offsets = bias.doubles
      device.addBias(bias.matrix, to: out.view)
      TensorFixtures.agree(
        out.floats, expected.enumerated().map { Double($1) + offsets[$0 % width] }, on: device,
        absolute: 1e-7, rounded: 1e-6)
      let gradient = try device.matrix(1, width, [Float](repeating: 1, count: width))
      device.addBiasGradient(gradient.matrix, out.view)
      let slopes = out.doubles
      let wanted = (0..<width).map { c in
        1 + (0..<3).reduce(0.0) { $0 + slopes[$1 * width + c] }
      }
      TensorFixtures.agree(gradient.floats, wanted, absolute: 1e-6)
      let floats = try device.matrix(3, width, TensorFixtures.values(3 * width, seed: 10))
      let scratch = try device.activations(5, width)
      let rounded = device.activations(floats.matrix, scratch: scratch.view)
      #expect(device.rounds == (rounded.base == scratch.view.base))
      if device.rounds {
        let upper = floats.floats.map {
          Float(bitPattern: UInt32(TensorFixtures.bfloat16($0)) << 16)
        }
        #expect(Array(scratch.floats[..<(3 * width)]) == upper)
      }
    }
  }

  /// Central differences in double precision.
  private func differences(_ x: [Double], _ f: ([Double]) -> Double) -> [Double] {
    var x = x
    return x.indices.map { index in
      let value = x[index]
      x[index] = value + 1e-6
      let above = f(x)
      x[index] = value - 1e-6
      let below = f(x)
      x[index] = value
      return (above - below) / 2e-6
    }
  }
}
