internal import TrainerKernels

/// One set of kernels; every operation runs at once, on the calling thread.
///
/// Shapes are checked here and nowhere below. Rows of a result depend on their own inputs alone, never on the
/// number or place of other rows, except where an operation sums over rows.
public struct Device: @unchecked Sendable, CustomStringConvertible {
  // Sendable: the table is a constant of the program.
  let kernels: UnsafePointer<trn_kernels>

  /// Finds a kernel set: `avx512`, `avx2` or `generic`.
  ///
  /// - Throws: `TensorError` for an unknown name or instructions the processor lacks.
  public init(kernelSet: String) throws(TensorError) {
    var found: UnsafePointer<trn_kernels>?
    let status = trn_select_kernel_set(kernelSet, &found)
    guard status == TRN_OK, let found else {
      throw status == TRN_UNSUPPORTED_KERNEL_SET
        ? .unsupportedKernelSet(kernelSet) : .unknownKernelSet(kernelSet)
    }
    precondition(found.pointee.abi_version == TRN_ABI_VERSION, "kernels of another ABI version")
    kernels = found
  }

  /// The name of the kernel set.
  public var kernelSet: String { String(cString: kernels.pointee.name) }

  /// The name of the kernel set.
  public var description: String { kernelSet }

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

  /// Makes a view of `count + 1` offsets and `count` starts; without starts every run is a sequence of its own.
  public init(offsets: UnsafePointer<Int64>, starts: UnsafePointer<Int32>? = nil, count: Int) {
    precondition(count >= 0, "\(count) sequences")
    self.offsets = offsets
    self.starts = starts
    self.count = count
  }

  /// Rows of all runs together, counted from the first offset.
  public var rows: Int { Int(offsets[count] - offsets[0]) }

  var kernelValue: trn_sequences {
    trn_sequences(offsets: offsets, starts: starts, count: Int64(count))
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
