// A block per row of logits; its threads depend on V alone, and so do a row's bits.
#pragma once

#include "prelude.cuh"

namespace trn_cuda {

static constexpr int kMostThreads = 512;

// A warp for a small vocabulary, more for a larger one.
inline unsigned vocabulary_threads(int64_t V) {
  const int64_t warps = ceil_div(V, 256);
  return 32 * static_cast<unsigned>(warps < 1 ? 1 : warps < kMostThreads / 32 ? warps : kMostThreads / 32);
}

// Whether rows at a distance of ld, V <= ld of whose logits exist, can be taken by VECTOR.
inline bool takes_logits(int64_t ld, const float *logits) { return takes_vectors(ld, logits); }

}  // namespace trn_cuda
