internal import TrainerKernels

/// Cosines and sines of the rotary embedding: [position, half a head].
public struct RotaryTable {
  let cosines: Matrix
  let sines: Matrix

  /// Makes a view of two tables of the same shape.
  public init(cosines: Matrix, sines: Matrix) {
    precondition(cosines.rows == sines.rows && cosines.columns == sines.columns)
    self.cosines = cosines
    self.sines = sines
  }
}

/// One layer's cached keys and values: slots of `capacity` tokens, a multiple of 16.
public struct AttentionCache {
  let keys: UnsafeMutableRawPointer
  let values: UnsafeMutableRawPointer
  /// Tokens that a slot holds.
  public let capacity: Int

  /// Makes a view of keys and values of `slots * key heads * head width * capacity` activations each.
  public init(
    keys: UnsafeMutableRawPointer, values: UnsafeMutableRawPointer, capacity: Int
  ) {
    precondition(capacity % 16 == 0, "a slot of \(capacity) tokens is no multiple of 16")
    self.keys = keys
    self.values = values
    self.capacity = capacity
  }

  var kernelValue: trn_cache {
    trn_cache(keys: keys, values: values, capacity: Int64(capacity))
  }
}

/// What each row of a decode step attends to: `count` entries in every list.
public struct DecodeRows {
  /// Slots of the prompts.
  public var prefixSlot: UnsafePointer<Int32>
  /// Tokens of the prompts.
  public var prefixLength: UnsafePointer<Int32>
  /// Slots of the answers.
  public var suffixSlot: UnsafePointer<Int32>
  /// Tokens of the answers that are cached already; the row's own is appended.
  public var suffixLength: UnsafePointer<Int32>

  /// Makes a view of four lists.
  public init(
    prefixSlot: UnsafePointer<Int32>, prefixLength: UnsafePointer<Int32>,
    suffixSlot: UnsafePointer<Int32>, suffixLength: UnsafePointer<Int32>
  ) {
    self.prefixSlot = prefixSlot
    self.prefixLength = prefixLength
    self.suffixSlot = suffixSlot
    self.suffixLength = suffixLength
  }
}

extension Device {
  /// Turns queries and keys of every query-key-value row by its position.
  public func rotate(
    _ qkv: Activations, positions: UnsafePointer<Int32>, table: RotaryTable, heads: AttentionHeads
  ) {
    check(qkv.columns == heads.rowWidth && table.cosines.columns == heads.width / 2, qkv)
    done(
      kernels.pointee.rope_forward(
        qkv.base, Int64(qkv.columns), positions, table.cosines.base, table.sines.base,
        Int64(qkv.rows), Int64(heads.query + heads.key), Int64(heads.width)))
  }

  /// Turns the gradients of queries and keys back.
  public func rotateBackward(
    _ dqkv: Activations, positions: UnsafePointer<Int32>, table: RotaryTable, heads: AttentionHeads
  ) {
    check(dqkv.columns == heads.rowWidth && table.cosines.columns == heads.width / 2, dqkv)
    done(
      kernels.pointee.rope_backward(
        dqkv.base, Int64(dqkv.columns), positions, table.cosines.base, table.sines.base,
        Int64(dqkv.rows), Int64(heads.query + heads.key), Int64(heads.width)))
  }

  /// Floats of scratch that attention over paths up to `longest` tokens needs.
  public func attentionScratch(longest: Int, heads: AttentionHeads) -> Int {
    Int(kernels.pointee.attention_scratch(Int64(longest), Int64(heads.width)))
  }

  /// Bytes of the plan that attention over some runs needs beside them; 0 where the device needs none.
  public func planBytes(_ sequences: PackedSequences) -> Int {
    Int(kernels.pointee.plan_bytes(sequences.kernelValue))
  }

  /// Writes the plan of some runs to host memory, to be brought to the device.
  public func plan(_ sequences: PackedSequences, into memory: UnsafeMutablePointer<UInt8>) {
    done(kernels.pointee.plan_write(UnsafeMutableRawPointer(memory), sequences.kernelValue))
  }

  /// Causal attention within each sequence or path of a tree: out[T, query heads * width], logSums[T, query heads].
  public func attend(
    _ qkv: Activations, sequences: PackedSequences, heads: AttentionHeads, into out: Activations,
    logSums: Matrix, scratch: UnsafeMutablePointer<Float>
  ) {
    check(
      qkv.columns == heads.rowWidth && out.columns == heads.query * heads.width
        && logSums.columns == heads.query && out.rows == qkv.rows && logSums.rows == qkv.rows
        && sequences.rows == qkv.rows, qkv, out)
    done(
      kernels.pointee.attention_forward(
        out.base, logSums.base, qkv.base, sequences.kernelValue, heads.kernelValue, scratch))
  }

  /// The gradient of `attend`, which gave `out` and `logSums`, into `dqkv`.
  public func attendBackward(
    _ dOut: Activations, out: Activations, logSums: Matrix, qkv: Activations,
    sequences: PackedSequences, heads: AttentionHeads, dqkv: Activations,
    scratch: UnsafeMutablePointer<Float>
  ) {
    check(
      same(dOut, out) && same(qkv, dqkv) && qkv.columns == heads.rowWidth
        && out.columns == heads.query * heads.width && out.rows == qkv.rows
        && sequences.rows == qkv.rows, qkv, out, dOut)
    done(
      kernels.pointee.attention_backward(
        dqkv.base, dOut.base, out.base, logSums.base, qkv.base, sequences.kernelValue,
        heads.kernelValue, scratch))
  }

  /// Stores the keys and values of whole sequences, no trees, in a slot each.
  public func storeKeysAndValues(
    _ qkv: Activations, sequences: PackedSequences, heads: AttentionHeads, cache: AttentionCache,
    slots: UnsafePointer<Int32>
  ) {
    check(qkv.columns == heads.rowWidth && sequences.rows == qkv.rows, qkv)
    done(
      kernels.pointee.cache_store(
        cache.kernelValue, qkv.base, sequences.kernelValue, slots, heads.kernelValue))
  }

  /// Attention of one new token per row to its prompt and its answer so far, in the orders of `attend`.
  public func attendDecoding(
    _ qkv: Activations, prefix: AttentionCache, suffix: AttentionCache, rows: DecodeRows,
    heads: AttentionHeads, into out: Activations, scratch: UnsafeMutablePointer<Float>
  ) {
    check(
      qkv.columns == heads.rowWidth && out.columns == heads.query * heads.width
        && out.rows == qkv.rows, qkv, out)
    let kernelRows = trn_decode_rows(
      prefix_slot: rows.prefixSlot, prefix_length: rows.prefixLength,
      suffix_slot: rows.suffixSlot, suffix_length: rows.suffixLength, count: Int64(qkv.rows))
    done(
      kernels.pointee.attention_decode(
        out.base, qkv.base, prefix.kernelValue, suffix.kernelValue, kernelRows,
        heads.kernelValue, scratch))
  }
}
