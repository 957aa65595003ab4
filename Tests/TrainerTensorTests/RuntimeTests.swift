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
        == "there is no kernel set 'sse9'; expected one of: avx512, avx2, generic, "
        + "cuda-bf16, cuda-bf16-invariant, cuda-fp32, cuda-fp32-invariant")
    #expect(throws: TensorError.outOfMemory(bytes: Int.max)) {
      try FloatBuffer(count: Int.max / 2, on: TensorRuntime.processor)
    }
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

  /// The order of additions may differ from a loop's, the exact sum of small integers may not.
  @Test("sums of squares are exact where they can be", arguments: TensorFixtures.devices)
  func squares(_ device: Device) throws {
    for count in [1, 15, 16, 17, 1000] {
      let values = (0..<count).map { Float($0 % 7) - 3 }
      let matrix = try device.matrix(1, count, values)
      let expected = values.reduce(0.0) { $0 + Double($1) * Double($1) }
      let found = device.sumOfSquares(
        UnsafeMutableBufferPointer(start: matrix.base, count: count))
      #expect(found == expected)
    }
  }
}
