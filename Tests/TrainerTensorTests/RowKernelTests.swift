import Glibc
import Testing

import TrainerTensor

/// Norms, activations, embeddings, biases and rotations against plain double-precision loops, for every kernel set.
@Suite("kernels over rows")
struct RowKernelTests {
  /// Widths below, at and beyond vectors of 4, 8 and 16.
  static let widths = [2, 16, 37]
  static let rows = 5

  @Test("RMSNorm, its sum with a residual, and its gradient", arguments: TensorFixtures.devices)
  func norm(_ device: Device) throws {
    for width in Self.widths {
      let count = Self.rows * width
      let x = try OwnedMatrix(Self.rows, width, TensorFixtures.values(count, scale: 2, seed: 1))
      let delta = try OwnedMatrix(Self.rows, width, TensorFixtures.values(count, seed: 2))
      let weight = try OwnedMatrix(1, width, TensorFixtures.values(width, seed: 3))
      let sum = try OwnedMatrix(Self.rows, width)
      let out = try OwnedMatrix(Self.rows, width)
      let rstd = try OwnedMatrix(Self.rows, 1)
      device.addAndNorm(
        x.matrix, delta.matrix, weight: weight.matrix, sum: sum.matrix, into: out.matrix,
        rstd: rstd.base)
      #expect(sum.floats == zip(x.floats, delta.floats).map(+))
      let normed = Self.norm(sum.doubles, weight.doubles)
      TensorFixtures.agree(out.floats, normed, absolute: 1e-6, relative: 1e-6)

      let again = try OwnedMatrix(Self.rows, width)
      let rstdAgain = try OwnedMatrix(Self.rows, 1)
      device.rmsNorm(sum.matrix, weight: weight.matrix, into: again.matrix, rstd: rstdAgain.base)
      #expect(again.floats == out.floats && rstdAgain.floats == rstd.floats)

      let slopes = TensorFixtures.values(count, seed: 4)
      let dOut = try OwnedMatrix(Self.rows, width, slopes)
      let dx = try OwnedMatrix(Self.rows, width, [Float](repeating: 1, count: count))
      let dWeight = try OwnedMatrix(1, width, [Float](repeating: 2, count: width))
      again.matrix.clear()
      device.rmsNormBackward(
        dOut.matrix, x: sum.matrix, weight: weight.matrix, rstd: rstd.base, dx: dx.matrix,
        dWeight: dWeight.matrix, normed: again.matrix)
      TensorFixtures.agree(again.floats, normed, absolute: 1e-6, relative: 1e-6)
      func loss(_ x: [Double], _ weight: [Double]) -> Double {
        zip(Self.norm(x, weight), slopes).reduce(0) { $0 + $1.0 * Double($1.1) }
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
      let gateUp = try OwnedMatrix(Self.rows, 2 * width, values)
      let out = try OwnedMatrix(Self.rows, width)
      device.swiGLU(gateUp.matrix, into: out.matrix)
      let expected = Self.swiGLU(gateUp.doubles, width)
      TensorFixtures.agree(out.floats, expected, absolute: 1e-6, relative: 1e-6)

      let slopes = TensorFixtures.values(Self.rows * width, seed: 6)
      let dOut = try OwnedMatrix(Self.rows, width, slopes)
      let dGateUp = try OwnedMatrix(Self.rows, 2 * width)
      let again = try OwnedMatrix(Self.rows, width)
      device.swiGLUBackward(
        dOut.matrix, gateUp: gateUp.matrix, dGateUp: dGateUp.matrix, out: again.matrix)
      TensorFixtures.agree(again.floats, expected, absolute: 1e-6, relative: 1e-6)
      let wanted = differences(gateUp.doubles) { x in
        zip(Self.swiGLU(x, width), slopes).reduce(0) { $0 + $1.0 * Double($1.1) }
      }
      TensorFixtures.agree(dGateUp.floats, wanted, absolute: 1e-5, relative: 1e-5)
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
      let cosines = try OwnedMatrix(9, half, angles.map { Float(cos($0)) })
      let sines = try OwnedMatrix(9, half, angles.map { Float(sin($0)) })
      let table = RotaryTable(cosines: cosines.matrix, sines: sines.matrix)
      let positions: [Int32] = [0, 1, 8, 3, 3]
      let qkv = try OwnedMatrix(
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
      positions.withUnsafeBufferPointer { list in
        guard let list = list.baseAddress else { return }
        device.rotate(qkv.matrix, positions: list, table: table, heads: heads)
        TensorFixtures.agree(qkv.floats, expected, absolute: 1e-6)
        device.rotateBackward(qkv.matrix, positions: list, table: table, heads: heads)
        TensorFixtures.agree(qkv.floats, before.map(Double.init), absolute: 1e-6)
      }
    }
  }

  @Test(
    "rows are copied, gathered, scattered, transposed and summed", arguments: TensorFixtures.devices
  )
  func moves(_ device: Device) throws {
    for width in Self.widths {
      let table = try OwnedMatrix(4, width, TensorFixtures.values(4 * width, seed: 8))
      let picks: [Int32] = [2, 0, 2]
      let out = try OwnedMatrix(3, width)
      let sums = try OwnedMatrix(4, width, [Float](repeating: 1, count: 4 * width))
      picks.withUnsafeBufferPointer { list in
        guard let list = list.baseAddress else { return }
        device.embed(list, table.matrix, into: out.matrix)
        let expected = picks.flatMap { table.floats[Int($0) * width..<(Int($0) + 1) * width] }
        #expect(out.floats == expected)
        out.matrix.clear()
        device.gather(list, of: table.matrix, into: out.matrix)
        #expect(out.floats == expected)
        device.embedBackward(list, dOut: out.matrix, dTable: sums.matrix)
        device.scatterAdd(out.matrix, to: list, of: sums.matrix)
      }
      for (index, value) in sums.floats.enumerated() {
        let times: Float = [2, 0, 4, 0][index / width]
        #expect(abs(value - (1 + times * table.floats[index])) < 1e-5)
      }
      let turned = try OwnedMatrix(width, 6)
      device.transpose(table.matrix, into: turned.matrix)
      for row in 0..<width {
        let wanted = (0..<6).map { $0 < 4 ? table.floats[$0 * width + row] : 0 }
        #expect(Array(turned.floats[row * 6..<(row + 1) * 6]) == wanted)
      }
      let bias = try OwnedMatrix(1, width, TensorFixtures.values(width, seed: 9))
      let biased = try OwnedMatrix(3, width, out.floats)
      device.addBias(bias.matrix, to: biased.matrix)
      #expect(biased.floats == out.floats.enumerated().map { $1 + bias.floats[$0 % width] })
      let gradient = try OwnedMatrix(1, width, [Float](repeating: 1, count: width))
      device.addBiasGradient(gradient.matrix, out.matrix)
      let wanted = (0..<width).map { c in
        1 + (0..<3).reduce(0.0) { $0 + Double(out.floats[$1 * width + c]) }
      }
      TensorFixtures.agree(gradient.floats, wanted, absolute: 1e-6)
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
