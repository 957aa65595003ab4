extension RunRequest.Compute {
  /// Settles the kernel sets from the processor's feature flags, by a fixed table and never by timing.
  ///
  /// OpenBLAS takes processors it does not know for older ones; on an AMD core with AVX-512 its
  /// `SkylakeX` kernels run sgemm at about twice the rate of the `Haswell` set it would choose.
  public init(processorFlags flags: Set<String>, threads: Int) {
    let avx512: Set = ["avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"]
    if avx512.isSubset(of: flags) && flags.contains("fma") {
      self.init(blasCoreType: "SkylakeX", kernelSet: "avx512", threads: threads)
    } else if flags.contains("avx2") && flags.contains("fma") {
      self.init(blasCoreType: "Haswell", kernelSet: "avx2", threads: threads)
    } else {
      self.init(blasCoreType: "", kernelSet: "generic", threads: threads)
    }
  }

  /// Takes the feature flags out of the text of `/proc/cpuinfo`.
  public static func processorFlags(cpuinfo: String) -> Set<String> {
    for line in cpuinfo.split(separator: "\n") where line.hasPrefix("flags") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      return Set(line[line.index(after: colon)...].split(separator: " ").map(String.init))
    }
    return []
  }
}

extension RunRequest.Compute {
  /// Whether a GPU computes.
  public var usesGPU: Bool { kernelSet.hasPrefix("cuda-") }

  /// Leaves the arithmetic to a GPU, in bf16 or fp32, and so that a row's bits depend on that row alone where wished.
  public mutating func useGPU(precision: String, isBatchInvariant: Bool) {
    kernelSet = "cuda-\(precision)" + (isBatchInvariant ? "-invariant" : "")
  }
}
