/// Which side of the split a prompt belongs to, decided by its tokens alone.
package enum PromptSplit: String, Sendable, Hashable {
  /// Supervised and RL data: 15 of 16 buckets.
  case training
  /// Evaluation only: 1 of 16 buckets.
  case validation

  /// Hashes the prompt into one of 16 buckets; the first is for validation.
  package init(of prompt: [Int32]) {
    // FNV-1a, then the finaliser of MurmurHash3, since FNV's low bits alone mix poorly.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for token in prompt {
      hash = (hash ^ UInt64(UInt32(bitPattern: token))) &* 0x0000_0100_0000_01b3
    }
    hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
    hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    hash ^= hash >> 33
    self = hash & 15 == 0 ? .validation : .training
  }
}
