// Attention of single new tokens to cached keys and values. A slot holds [KVH, capacity, HS], so that the keys of a
// head are read in one piece.

#include "attention_tile.cuh"
#include "kernels.cuh"

namespace trn_cuda {

// Where the keys of a head begin in a slot.
__device__ __forceinline__ int64_t cache_place(
  const trn_cache &cache, int64_t slot, int key_head, const attention_shape &shape) {
  return (slot * shape.key_heads + key_head) * cache.capacity * shape.head_width;
}

// Stores the keys and values of one row of qkv; HS channels a thread.
template <typename A>
__global__ void __launch_bounds__(128) cache_store_kernel(
  trn_cache cache, const A *qkv, attention_plan plan, const int32_t *slots, attention_shape shape) {
  const int row = static_cast<int>(blockIdx.x), run = plan.run_of_row(row), HS = shape.head_width;
  const int width = shape.key_heads * HS;
  const A *const keys = qkv + row * shape.row_width + int64_t{shape.query_heads} * HS;
  const int64_t place = int64_t{row - plan.offsets[run]} * HS;
  const int step = shape.vectors ? 16 / static_cast<int>(sizeof(A)) : 1;
  for (int i = static_cast<int>(threadIdx.x) * step; i < 2 * width; i += 128 * step) {
    const int head = i % width / HS;
    A *const out = static_cast<A *>(i < width ? cache.keys : cache.values) +
                   cache_place(cache, slots[run], head, shape) + place + i % HS;
    if (step > 1)
      *reinterpret_cast<uint4 *>(out) = *reinterpret_cast<const uint4 *>(keys + i);
    else
      *out = keys[i];
  }
}

template <typename A>
trn_status cache_store(
  trn_cache cache, const A *qkv, trn_sequences sequences, const int32_t *slots, trn_heads heads) {
  const attention_counts counts = count_runs(sequences);
  if (counts.rows == 0) return TRN_OK;
  const attention_shape shape =
    shape_of<A>(heads, static_cast<A *>(cache.keys), static_cast<A *>(cache.values), qkv);
  TRN_LAUNCH(
    (cache_store_kernel<A>), static_cast<unsigned>(counts.rows), 128, 0, cache, qkv,
    plan_at(sequences.plan, counts), slots, shape);
  return launched();
}

// Keys and values that a decoded row sees, by position: prefix, suffix, and its own.
template <typename A>
struct cached_keys {
  // Moved so that `position` HS is the offset in each.
  const A *prefix_keys, *prefix_values, *suffix_keys, *suffix_values, *own_key, *own_value;
  int prefix_length, own_position;
  int64_t head_width;

  __device__ const A *key(int position) const {
    const A *const keys = position < prefix_length ? prefix_keys : suffix_keys;
    return position == own_position ? own_key : keys + position * head_width;
  }
  __device__ const A *value(int position) const {
    const A *const values = position < prefix_length ? prefix_values : suffix_values;
    return position == own_position ? own_value : values + position * head_width;
  }
};

// One row and key head, or part of its group of query heads.
template <typename A, int HW, int ROWS, int R>
__global__ void __launch_bounds__(tile_block<A, HW, ROWS, R>::threads) attention_decode_kernel(
  A *out, const A *qkv, trn_cache prefix, trn_cache suffix, trn_decode_rows rows, attention_shape shape) {
  TRN_SHARED_BYTES(shared);
  const int b = static_cast<int>(blockIdx.x), HS = shape.head_width;
  const int key_head = static_cast<int>(blockIdx.y) / shape.parts, part = static_cast<int>(blockIdx.y) % shape.parts;
  const int prefix_length = rows.prefix_length[b], suffix_length = rows.suffix_length[b];
  const int64_t prefix_place = cache_place(prefix, rows.prefix_slot[b], key_head, shape);
  const int64_t suffix_place = cache_place(suffix, rows.suffix_slot[b], key_head, shape);
  A *const suffix_keys = static_cast<A *>(suffix.keys) + suffix_place;
  A *const suffix_values = static_cast<A *>(suffix.values) + suffix_place;

  cached_keys<A> keys;
  keys.prefix_length = prefix_length;
  keys.own_position = prefix_length + suffix_length;
  keys.head_width = HS;
  keys.prefix_keys = static_cast<const A *>(prefix.keys) + prefix_place;
  keys.prefix_values = static_cast<const A *>(prefix.values) + prefix_place;
  keys.suffix_keys = suffix_keys - prefix_length * int64_t{HS};
  keys.suffix_values = suffix_values - prefix_length * int64_t{HS};
  keys.own_key = qkv + b * shape.row_width + int64_t{shape.query_heads + key_head} * HS;
  keys.own_value = keys.own_key + int64_t{shape.key_heads} * HS;
  if (part == 0)
    for (int d = static_cast<int>(threadIdx.x); d < HS; d += static_cast<int>(blockDim.x)) {
      suffix_keys[int64_t{suffix_length} * HS + d] = keys.own_key[d];
      suffix_values[int64_t{suffix_length} * HS + d] = keys.own_value[d];
    }
  const query_tile tile(shape, b, 1, keys.own_position, key_head, part);
  attend<A, HW, ROWS, R>(out, nullptr, qkv, tile, keys, shape, shared);
}

template <typename A, int HW, int ROWS, int R>
static trn_status decode_rows(
  A *out, const A *qkv, trn_cache prefix, trn_cache suffix, trn_decode_rows rows, const attention_shape &shape) {
  typedef tile_block<A, HW, ROWS, R> block;
  const dim3 grid(static_cast<unsigned>(rows.count), static_cast<unsigned>(shape.key_heads * shape.parts));
  if (block::attend_bytes > 48 << 10) TRN_ALLOW_SHARED((attention_decode_kernel<A, HW, ROWS, R>), block::attend_bytes);
  TRN_LAUNCH(
    (attention_decode_kernel<A, HW, ROWS, R>), grid, block::threads, block::attend_bytes, out, qkv, prefix, suffix,
    rows, shape);
  return launched();
}

template <typename A>
trn_status attention_decode(
  A *out, const A *qkv, trn_cache prefix, trn_cache suffix, trn_decode_rows rows, trn_heads heads, float *) {
  if (rows.count == 0) return TRN_OK;
  const attention_shape shape = shape_of<A>(
    heads, out, qkv, static_cast<A *>(prefix.keys), static_cast<A *>(prefix.values), static_cast<A *>(suffix.keys),
    static_cast<A *>(suffix.values));
  return with_width<A>(heads.head_width, [&](auto width) {
    constexpr int HW = decltype(width)::value;
    if constexpr (sizeof(A) == 2)
      return decode_rows<A, HW, 16, 2>(out, qkv, prefix, suffix, rows, shape);
    else
      return shape.part_heads <= 4 ? decode_rows<A, HW, 4, 1>(out, qkv, prefix, suffix, rows, shape)
                                   : decode_rows<A, HW, 16, 4>(out, qkv, prefix, suffix, rows, shape);
  });
}

#define TRN_INSTANTIATE(A)                                                                                   \
  template trn_status cache_store<A>(trn_cache, const A *, trn_sequences, const int32_t *, trn_heads);       \
  template trn_status attention_decode<A>(                                                                   \
    A *, const A *, trn_cache, trn_cache, trn_decode_rows, trn_heads, float *);
TRN_INSTANTIATE(float)
TRN_INSTANTIATE(bf16)
#undef TRN_INSTANTIATE

}  // namespace trn_cuda
