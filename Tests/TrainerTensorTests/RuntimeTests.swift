import Testing

import TrainerTensor

@Suite("kernel sets and memory")
struct RuntimeTests {
  @Test("unknown kernel sets and thread counts are refused in words")
  func refused() {
    #expect(throws: TensorError.unknownKernelSet("sse9")) { try Device(kernelSet: "sse9") }
    #expect(throws: TensorError.badThreadCount(0)) {
      try TensorRuntime.configure(kernelSet: "generic", threads: 0)
    }
    #expect(
      TensorError.unknownKernelSet("sse9").description
        == "there is no kernel set 'sse9'; expected one of: avx512, avx2, generic")
    #expect(throws: TensorError.outOfMemory(bytes: Int.max)) { try FloatBuffer(count: Int.max / 2) }
  }

  @Test("the processor's kernel sets are found by their names, the generic one always")
  func names() throws {
    #expect(Device.supported.last?.kernelSet == "generic")
    for device in Device.supported {
      #expect(try Device(kernelSet: device.kernelSet).kernelSet == device.kernelSet)
    }
    #expect(TensorRuntime.blasDescription.hasPrefix("OpenBLAS"))
    #expect(!TensorRuntime.blasCoreName.isEmpty)
  }

  @Test("views cut from a buffer begin at cache lines and do not overlap")
  func carver() throws {
    let count = Carver.size(rows: 3, columns: 5) + Carver.size(rows: 2, columns: 2)
    let buffer = try FloatBuffer(count: count)
    #expect(buffer.floats.allSatisfy { $0 == 0 })
    var carver = Carver(buffer)
    let first = carver.take(rows: 3, columns: 5)
    let second = carver.take(rows: 2, columns: 2)
    #expect(second.base - first.base == 16)
    #expect(first.slice(1, count: 2).base == first.base + 5)
  }

  /// The order of additions may differ from a loop's, the exact sum of small integers may not.
  @Test("sums of squares are exact where they can be", arguments: TensorFixtures.devices)
  func squares(_ device: Device) throws {
    for count in [1, 15, 16, 17, 1000] {
      let buffer = try FloatBuffer(count: count)
      for index in 0..<count { buffer.floats[index] = Float(index % 7) - 3 }
      let expected = buffer.floats.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(device.sumOfSquares(buffer.floats) == expected)
    }
  }
}
