// Causal attention over packed runs and trees of them: a block has tokens of a run, and the query heads of a key head.

#include "attention_tile.cuh"
#include "kernels.cuh"

namespace trn_cuda {

template <typename A, int HW>
using forward_block = tile_block<A, HW, tile_size<A, HW>::rows, tile_size<A, HW>::lane_rows>;

template <typename A, int HW>
__global__ void __launch_bounds__(forward_block<A, HW>::threads, forward_block<A, HW>::resident)
  attention_forward_kernel(
  A *out, float *log_sums, const A *qkv, attention_plan plan, attention_shape shape) {
  typedef tile_size<A, HW> size;
  TRN_SHARED_BYTES(shared);
  const int key_head = static_cast<int>(blockIdx.y) / shape.parts, part = static_cast<int>(blockIdx.y) % shape.parts;
  const int run = plan.run_of(static_cast<int>(blockIdx.x), size::rows / shape.part_heads);
  const query_tile tile = path_tile<size::rows>(plan, run, key_head, part, shape);
  if (tile.tokens <= 0) return;
  attend<A, HW, size::rows, size::lane_rows>(
    out, log_sums, qkv, tile, path_keys<A>(qkv, plan, run, key_head, shape), shape, shared);
}

template <typename A>
trn_status attention_forward(
  A *out, float *log_sums, const A *qkv, trn_sequences sequences, trn_heads heads, float *) {
  const attention_counts counts = count_runs(sequences);
  if (counts.rows == 0) return TRN_OK;
  const attention_shape shape = shape_of<A>(heads, out, qkv);
  return with_width<A>(heads.head_width, [&](auto width) {
    constexpr int HW = decltype(width)::value;
    typedef forward_block<A, HW> block;
    if (block::attend_bytes > 48 << 10) TRN_ALLOW_SHARED((attention_forward_kernel<A, HW>), block::attend_bytes);
    TRN_LAUNCH(
      (attention_forward_kernel<A, HW>), (tile_grid<A, HW>(counts, shape)), block::threads, block::attend_bytes, out,
      log_sums, qkv, plan_at(sequences.plan, counts), shape);
    return launched();
  });
}

#define TRN_INSTANTIATE(A) \
  template trn_status attention_forward<A>(A *, float *, const A *, trn_sequences, trn_heads, float *);
TRN_INSTANTIATE(float)
TRN_INSTANTIATE(bf16)
#undef TRN_INSTANTIATE

}  // namespace trn_cuda
