internal import TrainerKernels

/// One set of kernels, and the memory they work on.
///
/// Operations run in their order; on a device with memory of its own they may still be under way when a call returns,
/// and what brings numbers back waits. Shapes are checked here and nowhere below. Rows of a result depend on their own
/// inputs alone, never on the number or place of other rows, except where an operation sums over rows, and in products
/// of sets that are not batch-invariant.
public struct Device: @unchecked Sendable, CustomStringConvertible {
  // Sendable: the table is a constant of the program, or of a library that is never unloaded.
  let kernels: UnsafePointer<trn_kernels>

  /// Finds a kernel set: `avx512`, `avx2`, `generic`, or one of CUDA's (`CUDALibrary.kernelSets`).
  ///
  /// - Throws: `TensorError` for an unknown name, instructions the processor lacks, or a GPU that cannot be used.
  public init(kernelSet: String) throws(TensorError) {
    if CUDALibrary.kernelSets.contains(kernelSet) {
      self = try CUDALibrary.device(kernelSet: kernelSet)
      return
    }
    var found: UnsafePointer<trn_kernels>?
    let status = trn_select_kernel_set(kernelSet, &found)
    guard status == TRN_OK, let found else {
      throw status == TRN_UNSUPPORTED_KERNEL_SET
        ? .unsupportedKernelSet(kernelSet) : .unknownKernelSet(kernelSet)
    }
    self.init(found)
  }

  init(_ table: UnsafePointer<trn_kernels>) {
    precondition(table.pointee.abi_version == TRN_ABI_VERSION, "kernels of another ABI version")
    kernels = table
  }

  /// The name of the kernel set.
  public var kernelSet: String { String(cString: kernels.pointee.name) }

  /// The name of the kernel set.
  public var description: String { kernelSet }

  /// Whether the device works on ordinary memory, at once.
  public var usesHostMemory: Bool { kernels.pointee.host_memory == 1 }
  /// Bytes of an activation: 4, or 2 for bf16.
  public var activationBytes: Int { Int(kernels.pointee.value_bytes) }
  /// Whether a row's bits depend on that row alone in products too.
  public var isBatchInvariant: Bool { kernels.pointee.batch_invariant == 1 }
  /// Decode steps that are best enqueued between two looks at the tokens.
  public var roundSteps: Int { Int(kernels.pointee.round_steps) }
  /// Rows of training that are best computed together.
  public var tileRows: Int { Int(kernels.pointee.tile_rows) }
  /// Sequences that are best sampled together.
  public var liveRows: Int { Int(kernels.pointee.live_rows) }
  /// Channels of a head at most; nil where there is no bound.
  public var widestHead: Int? {
    usesHostMemory ? nil : activationBytes == MemoryLayout<Float>.stride ? 256 : 128
  }
  /// Bytes that the keys and values of a decoding batch may take: what stays near a processor, or half
  /// of a tenth of a large GPU, for prompts take as much again.
  public var cacheBytes: Int { usesHostMemory ? 128 << 20 : 4 << 30 }
  /// Logits that are best in memory together.
  public var logitCount: Int { Int(kernels.pointee.logit_floats) }

  /// The kernel sets this processor can run, widest first.
  public static var supported: [Device] {
    var devices: [Device] = []
    for name in ["avx512", "avx2", "generic"] {
      // A set the processor lacks is no error in a list of those it has.
      if let device = try? Device(kernelSet: name) { devices.append(device) }
    }
    return devices
  }

  static var widest: Device {
    guard let device = supported.first else { preconditionFailure("no generic kernel set") }
    return device
  }
}

/// Packed runs of tokens: run i has the rows `offsets[i]..<offsets[i + 1]`.
///
/// A run that starts at 0 is a sequence, or the beginning of several. Any other continues the first `starts[i]` tokens
/// of the path that the runs before it left: the runs of a tree come in depth-first order, and what sequences share
/// has rows once.
public struct PackedSequences {
  let offsets: UnsafePointer<Int64>
  let starts: UnsafePointer<Int32>?
  /// Runs.
  public let count: Int
  /// What `Device.plan` made of them, in the device's memory.
  let plan: UnsafePointer<UInt8>?

  /// Makes a view of `count + 1` offsets and `count` starts in host memory.
  ///
  /// Without starts every run is a sequence of its own. Devices with memory of their own need the plan too
  /// (`Device.planBytes`).
  public init(
    offsets: UnsafePointer<Int64>, starts: UnsafePointer<Int32>? = nil, count: Int,
    plan: UnsafePointer<UInt8>? = nil
  ) {
    precondition(count >= 0, "\(count) sequences")
    self.offsets = offsets
    self.starts = starts
    self.count = count
    self.plan = plan
  }

  /// Rows of all runs together, counted from the first offset.
  public var rows: Int { Int(offsets[count] - offsets[0]) }

  var kernelValue: trn_sequences {
    trn_sequences(
      offsets: offsets, starts: starts, count: Int64(count), plan: UnsafeRawPointer(plan))
  }
}

/// The heads of an attention layer.
public struct AttentionHeads: Sendable, Hashable {
  /// Heads of queries.
  public let query: Int
  /// Heads of keys and values; divides `query`.
  public let key: Int
  /// Channels of one head, even.
  public let width: Int

  /// Makes a description of heads.
  public init(query: Int, key: Int, width: Int) {
    precondition(query > 0 && key > 0 && query % key == 0, "\(query) heads over \(key)")
    precondition(width > 0 && width % 2 == 0, "a head of \(width) channels")
    self.query = query
    self.key = key
    self.width = width
  }

  /// Floats of one query-key-value row.
  public var rowWidth: Int { (query + 2 * key) * width }

  var kernelValue: trn_heads {
    trn_heads(
      query_heads: Int64(query), key_heads: Int64(key), head_width: Int64(width))
  }
}
