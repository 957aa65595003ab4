// Gradient of attention_forward. With p = softmax(s), s = scale q.k, D = dout.out:
//   dv_j = sum_t p_tj dout_t,  ds_tj = p_tj (dout_t.v_j - D_t),
//   dq_t = scale sum_j ds_tj k_j,  dk_j = scale sum_t ds_tj q_t.
// One kernel has queries as rows and keys as columns, the other the reverse; both compute p from the saved log_sums.

#include <climits>

#include "attention_tile.cuh"
#include "kernels.cuh"

namespace trn_cuda {

template <typename A, int HW>
struct gradient_block {
  typedef tile_size<A, HW> size;
  typedef tile_math<A, HW, size::lane_rows> math;
  static constexpr int threads = size::rows / math::warp_rows * 32;
  // Blocks that a multiprocessor's registers shall suffice for.
  static constexpr int resident = sizeof(A) == 2 && HW <= 64 ? 3 : 1;
  static constexpr int row_values = size::rows * kTileStride<A, HW>;
  static constexpr int column_values = size::columns * kTileStride<A, HW>;
  static constexpr int spare = sizeof(A) == 4 ? size::rows * (size::columns + 4) : 0;
  // Two tiles of rows, two of columns in two stages, and the columns' numbers in two stages.
  static constexpr int bytes = (2 * row_values + 4 * column_values) * static_cast<int>(sizeof(A)) +
                               (spare + 6 * size::columns) * static_cast<int>(sizeof(float));
};

// deltas[n] = dout[n, HS] . out[n, HS]
template <typename A>
__global__ void __launch_bounds__(256) attention_delta_kernel(
  float *deltas, const A *dout, const A *out, int64_t n, int HS) {
  const int64_t i = int64_t{blockIdx.x} * 8 + threadIdx.x / 32;
  if (i >= n) return;
  float sum = 0;
  for (int d = static_cast<int>(threadIdx.x) % 32; d < HS; d += 32)
    sum = fmaf(to_float(dout[i * HS + d]), to_float(out[i * HS + d]), sum);
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) deltas[i] = sum;
}

template <typename A, int HW>
__global__ void __launch_bounds__(gradient_block<A, HW>::threads, gradient_block<A, HW>::resident)
  attention_query_gradient_kernel(
  A *dqkv, const A *dout, const float *deltas, const float *log_sums, const A *qkv, attention_plan plan,
  attention_shape shape) {
  typedef gradient_block<A, HW> block;
  typedef typename block::size size;
  typedef typename block::math math;
  constexpr int kColumns = size::columns, R = size::lane_rows;
  TRN_SHARED_BYTES(shared);
  A *const queries = reinterpret_cast<A *>(shared), *const slopes = queries + block::row_values;
  A *const stages = slopes + block::row_values;
  float *const spare = reinterpret_cast<float *>(stages + 4 * block::column_values);

  const int key_head = static_cast<int>(blockIdx.y) / shape.parts, part = static_cast<int>(blockIdx.y) % shape.parts;
  const int run = plan.run_of(static_cast<int>(blockIdx.x), size::rows / shape.part_heads);
  const query_tile tile = path_tile<size::rows>(plan, run, key_head, part, shape);
  if (tile.tokens <= 0) return;
  const path_keys<A> keys(qkv, plan, run, key_head, shape);
  const int key_count = tile.position + tile.tokens, steps = (key_count + kColumns - 1) / kColumns;

  const auto load_step = [&](int step) {
    A *const stage = stages + step % 2 * 2 * block::column_values;
    load_keys<A, HW, kColumns, block::threads>(stage, keys, step * kColumns, key_count, shape);
  };
  load_tile<A, HW, size::rows, block::threads>(
    queries, shape, [&](int r) { return r < tile.count() ? qkv + tile.query(r, shape) : nullptr; });
  load_tile<A, HW, size::rows, block::threads>(slopes, shape, [&](int r) {
    return r < tile.count() ? dout + tile.place(r, shape) * shape.head_width : nullptr;
  });
  load_step(0);
  cp_async_wait<0>();
  __syncthreads();

  const int first_row = static_cast<int>(threadIdx.x) / 32 * math::warp_rows;
  const int last_row = min(first_row + math::warp_rows, tile.count()) - 1;
  const int warp_keys = last_row < first_row ? 0 : tile.visible(last_row);
  int visible[R];
  float log_sum[R], delta[R];
#pragma unroll
  for (int r = 0; r < R; r++) {
    const bool exists = math::row(r) < tile.count();
    const int64_t place = exists ? tile.place(math::row(r), shape) : 0;
    visible[r] = exists ? tile.visible(math::row(r)) : 0;
    log_sum[r] = exists ? log_sums[place] * kLog2E : 0;
    delta[r] = exists ? deltas[place] : 0;
  }
  const typename math::row_values query_rows(queries), slope_rows(slopes);
  typename math::template cells<HW> sums;
  clear(sums, R);
  const float scale = shape.scale * kLog2E;

#pragma unroll 1
  for (int step = 0; step < steps; step++) {
    if (step > 0) {
      cp_async_wait<0>();
      __syncthreads();
    }
    if (step + 1 < steps) load_step(step + 1);
    const A *const stage = stages + step % 2 * 2 * block::column_values;
#pragma unroll 1
    for (int j = 0; j < kColumns; j += size::query_step) {
      const int first = step * kColumns + j;
      if (first >= warp_keys) break;
      typename math::template cells<size::query_step> weights, gradients;
      math::multiply(weights, query_rows, stage, j);
      math::multiply(gradients, slope_rows, stage + block::column_values, j);
#pragma unroll
      for (int r = 0; r < R; r++)
#pragma unroll
        for (int k = 0; k < weights.count; k++) {
          const float p = exp2_fast(fmaf(weights.at(r, k), scale, -log_sum[r]));
          float &gradient = gradients.at(r, k);
          gradient = first + math::column(k) < visible[r] ? p * (gradient - delta[r]) : 0;
        }
      math::accumulate(sums, gradients, stage, j, spare);
    }
  }
#pragma unroll
  for (int r = 0; r < R; r++)
    if (math::row(r) < tile.count())
      store_row<math>(dqkv + tile.query(math::row(r), shape), sums, r, shape.scale, shape);
}

// The queries at rows begin..<end, of which the first belongs to `run` or a later one, as tiles of a run and part of
// the group each.
struct query_walk {
  const attention_plan &plan;
  const attention_shape &shape;
  int most;  // tokens of a tile
  int key_head, run, row, end, part = 0;
  // Positions that the runs since the first have left of its path.
  int kept = INT_MAX;

  __device__ query_walk(
    const attention_plan &plan, const attention_shape &shape, int most, int key_head, int run, int begin, int end)
      : plan(plan), shape(shape), most(most), key_head(key_head), run(run), row(begin), end(end) {
    find_run();
  }

  __device__ bool has_more() const { return row < end; }
  __device__ int tokens() const { return min(most, min(plan.offsets[run + 1], end) - row); }
  __device__ query_tile tile() const {
    return query_tile(shape, row, tokens(), plan.starts[run] + row - plan.offsets[run], key_head, part);
  }
  __device__ void move_on() {
    if (++part < shape.parts) return;
    part = 0;
    row += tokens();
    find_run();
  }

 private:
  __device__ void find_run() {
    while (row < end && row >= plan.offsets[run + 1]) kept = min(kept, plan.starts[++run]);
  }
};

// A tile of keys of one run, and the rows that look at it. `sums` is null, or where a cut's sums go: [2, ROWS, HS].
struct key_tile {
  int run, first, count;
  int query_begin, query_end;
  float *sums;
};

// Tiles of the plan are halves or wholes for the kernels.
template <int ROWS>
static constexpr int kTileParts = kKeyTile / ROWS;

// Where a part of a cut has its sums: [cuts, parts, KVH, 2, ROWS, HS].
template <int ROWS>
__device__ __forceinline__ float *cut_sums(
  float *sums, int cut, int part, int key_head, const attention_shape &shape) {
  const int64_t place = (int64_t{cut} * kTileParts<ROWS> + part) * shape.key_heads + key_head;
  return sums + place * 2 * ROWS * shape.head_width;
}

template <int ROWS>
__device__ __forceinline__ key_tile shared_key_tile(const attention_plan &plan, int shared, int part, int cut) {
  key_tile tile;
  tile.run = plan.tile_runs[shared];
  const int begin = (shared - plan.shared[tile.run]) * kKeyTile, row = plan.offsets[tile.run];
  tile.first = begin + part * ROWS;
  tile.count = min(ROWS, plan.offsets[tile.run + 1] - row - tile.first);
  tile.query_begin = row + begin + cut * kCutRows;
  tile.query_end = min(tile.query_begin + kCutRows, plan.tile_ends[shared]);
  tile.sums = nullptr;
  return tile;
}

// Of a number of tiles of ROWS rows (see the plan); without keys where there is none, or where it is shared.
template <int ROWS>
__device__ __forceinline__ key_tile own_key_tile(const attention_plan &plan, int number) {
  key_tile tile;
  tile.run = plan.run_of(number, ROWS);
  const int place = plan.place_of(number, tile.run, ROWS), row = plan.offsets[tile.run];
  tile.first = place * ROWS;
  tile.query_begin = row + tile.first;
  tile.query_end = plan.offsets[tile.run + 1];
  tile.count = min(ROWS, tile.query_end - tile.query_begin);
  if (place / kTileParts<ROWS> < plan.shared[tile.run + 1] - plan.shared[tile.run]) tile.count = 0;
  tile.sums = nullptr;
  return tile;
}

// The tile of this block: x is first parts of cuts, then numbers of tiles.
template <int ROWS>
__device__ __forceinline__ key_tile block_key_tile(
  const attention_plan &plan, const attention_shape &shape, float *sums, int key_head) {
  const int x = static_cast<int>(blockIdx.x), cut = x / kTileParts<ROWS>, part = x % kTileParts<ROWS>;
  if (cut >= plan.cuts) return own_key_tile<ROWS>(plan, x - plan.cuts * kTileParts<ROWS>);
  const int shared = plan.cut_tiles[cut], first_cut = plan.tile_cuts[shared];
  key_tile tile = shared_key_tile<ROWS>(plan, shared, part, cut - first_cut);
  if (plan.tile_cuts[shared + 1] - first_cut > 1) tile.sums = cut_sums<ROWS>(sums, cut, part, key_head, shape);
  return tile;
}

template <typename A, int HW>
__global__ void __launch_bounds__(gradient_block<A, HW>::threads, gradient_block<A, HW>::resident)
  attention_key_gradient_kernel(
  A *dqkv, const A *dout, const float *deltas, const float *log_sums, const A *qkv, attention_plan plan,
  attention_shape shape, float *sums_of_cuts) {
  typedef gradient_block<A, HW> block;
  typedef typename block::size size;
  typedef typename block::math math;
  constexpr int kColumns = size::columns, R = size::lane_rows;
  TRN_SHARED_BYTES(shared);
  A *const keys = reinterpret_cast<A *>(shared), *const values = keys + block::row_values;
  A *const stages = values + block::row_values;
  float *const spare = reinterpret_cast<float *>(stages + 4 * block::column_values);
  float *const numbers = spare + block::spare;

  const int key_head = static_cast<int>(blockIdx.y), HS = shape.head_width;
  const key_tile tile = block_key_tile<size::rows>(plan, shape, sums_of_cuts, key_head);
  if (tile.count <= 0) return;
  const int64_t row = plan.offsets[tile.run] + tile.first;
  const int position = plan.starts[tile.run] + tile.first;
  const int64_t key_place = row * shape.row_width + int64_t{shape.query_heads + key_head} * HS;
  const int64_t to_value = int64_t{shape.key_heads} * HS;

  // The numbers of a column: its log_sum times log2(e), its delta, and the keys that it sees (of this tile's path).
  query_walk walk(
    plan, shape, kColumns / shape.part_heads, key_head, tile.run, tile.query_begin, tile.query_end);
  const int column = static_cast<int>(threadIdx.x);
  float log_sum = 0, delta = 0;
  int visible = 0;
  const auto load_queries = [&](int stage_index) {
    const query_tile queries = walk.tile();
    A *const stage = stages + stage_index * 2 * block::column_values;
    load_tile<A, HW, kColumns, block::threads>(
      stage, shape, [&](int t) { return t < queries.count() ? qkv + queries.query(t, shape) : nullptr; });
    load_tile<A, HW, kColumns, block::threads>(stage + block::column_values, shape, [&](int t) {
      return t < queries.count() ? dout + queries.place(t, shape) * HS : nullptr;
    });
    cp_async_commit();
    const bool exists = column < min(kColumns, queries.count());
    const int64_t place = exists ? queries.place(column, shape) : 0;
    log_sum = exists ? log_sums[place] * kLog2E : 0;
    delta = exists ? deltas[place] : 0;
    visible = exists ? min(queries.visible(column), walk.kept) : 0;
    walk.move_on();
  };
  // Apart from their loading, so that nobody waits for them.
  const auto store_numbers = [&](int stage_index) {
    float *const own = numbers + stage_index * 3 * kColumns + column;
    if (column >= kColumns) return;
    own[0] = log_sum;
    own[kColumns] = delta;
    own[2 * kColumns] = __uint_as_float(static_cast<unsigned>(visible));
  };

  const auto key_row = [&](int r) { return r < tile.count ? qkv + key_place + r * shape.row_width : nullptr; };
  load_tile<A, HW, size::rows, block::threads>(keys, shape, key_row);
  load_tile<A, HW, size::rows, block::threads>(
    values, shape, [&](int r) { return r < tile.count ? key_row(r) + to_value : nullptr; });
  load_queries(0);
  store_numbers(0);
  cp_async_wait<0>();
  __syncthreads();

  const typename math::row_values key_rows(keys), value_rows(values);
  typename math::template cells<HW> dkeys, dvalues;
  clear(dkeys, R);
  clear(dvalues, R);
  const float scale = shape.scale * kLog2E;

  bool has_more = true;
#pragma unroll 1
  for (int stage_index = 0; has_more; stage_index ^= 1) {
    has_more = walk.has_more();
    if (has_more) load_queries(stage_index ^ 1);
    const A *const stage = stages + stage_index * 2 * block::column_values;
    const float *const own = numbers + stage_index * 3 * kColumns;
#pragma unroll 1
    for (int j = 0; j < kColumns; j += size::key_step) {
      // The tile's queries end where one sees nothing.
      if (__float_as_uint(own[2 * kColumns + j]) == 0) break;
      typename math::template cells<size::key_step> weights, gradients;
      math::multiply(weights, key_rows, stage, j);
      math::multiply(gradients, value_rows, stage + block::column_values, j);
#pragma unroll
      for (int k = 0; k < weights.count; k++) {
        const int t = j + math::column(k);
        const float shift = -own[t], D = own[kColumns + t];
        const int seen = static_cast<int>(__float_as_uint(own[2 * kColumns + t])) - position;
#pragma unroll
        for (int r = 0; r < R; r++) {
          const bool sees = math::row(r) < seen;
          float &weight = weights.at(r, k), &gradient = gradients.at(r, k);
          weight = sees ? exp2_fast(fmaf(weight, scale, shift)) : 0;
          gradient = sees ? weight * (gradient - D) : 0;
        }
      }
      math::accumulate(dvalues, weights, stage + block::column_values, j, spare);
      math::accumulate(dkeys, gradients, stage, j, spare);
    }
    if (has_more) {
      store_numbers(stage_index ^ 1);
      cp_async_wait<0>();
    }
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < R; r++) {
    const int key = math::row(r);
    if (key >= tile.count) continue;
    if (tile.sums != nullptr) {
      store_row<math>(tile.sums + key * HS, dkeys, r, shape.scale, shape);
      store_row<math>(tile.sums + (size::rows + key) * HS, dvalues, r, 1.0f, shape);
    } else {
      A *const out = dqkv + key_place + key * shape.row_width;
      store_row<math>(out, dkeys, r, shape.scale, shape);
      store_row<math>(out + to_value, dvalues, r, 1.0f, shape);
    }
  }
}

// Adds up what the cuts of a shared tile gave.
template <typename A, int ROWS>
__global__ void __launch_bounds__(256) attention_cut_sums_kernel(
  A *dqkv, float *sums_of_cuts, attention_plan plan, attention_shape shape) {
  const int x = static_cast<int>(blockIdx.x), shared = x / kTileParts<ROWS>, part = x % kTileParts<ROWS>;
  const int key_head = static_cast<int>(blockIdx.y), HS = shape.head_width;
  const int begin = plan.tile_cuts[shared], end = plan.tile_cuts[shared + 1];
  if (end - begin == 1) return;
  const key_tile tile = shared_key_tile<ROWS>(plan, shared, part, 0);
  A *const out = dqkv + (plan.offsets[tile.run] + tile.first) * shape.row_width +
                 int64_t{shape.query_heads + key_head} * HS;
  for (int i = static_cast<int>(threadIdx.x); i < 2 * tile.count * HS; i += 256) {
    const int which = i / (tile.count * HS), row = i / HS % tile.count, d = i % HS;
    float sum = 0;
#pragma unroll 4
    for (int cut = begin; cut < end; cut++)
      sum += cut_sums<ROWS>(sums_of_cuts, cut, part, key_head, shape)[(which * ROWS + row) * HS + d];
    out[row * shape.row_width + which * shape.key_heads * HS + d] = from_float<A>(sum);
  }
}

template <typename A, int HW>
static trn_status query_and_key_gradients(
  A *dqkv, const A *dout, const float *deltas, const float *log_sums, const A *qkv, const attention_plan &plan,
  const attention_counts &counts, const attention_shape &shape, float *sums_of_cuts) {
  typedef gradient_block<A, HW> block;
  constexpr int kRows = tile_size<A, HW>::rows;
  if (block::bytes > 48 << 10) {
    TRN_ALLOW_SHARED((attention_query_gradient_kernel<A, HW>), block::bytes);
    TRN_ALLOW_SHARED((attention_key_gradient_kernel<A, HW>), block::bytes);
  }
  TRN_LAUNCH(
    (attention_query_gradient_kernel<A, HW>), (tile_grid<A, HW>(counts, shape)), block::threads, block::bytes, dqkv,
    dout, deltas, log_sums, qkv, plan, shape);
  if (const trn_status status = launched()) return status;
  const unsigned key_heads = static_cast<unsigned>(shape.key_heads);
  const unsigned blocks = static_cast<unsigned>(counts.cuts * kTileParts<kRows> + counts.numbers(kRows));
  TRN_LAUNCH(
    (attention_key_gradient_kernel<A, HW>), dim3(blocks, key_heads), block::threads, block::bytes, dqkv, dout, deltas,
    log_sums, qkv, plan, shape, sums_of_cuts);
  if (const trn_status status = launched(); status != TRN_OK || counts.cuts == counts.shared_tiles) return status;
  const unsigned parts = static_cast<unsigned>(counts.shared_tiles * kTileParts<kRows>);
  TRN_LAUNCH(
    (attention_cut_sums_kernel<A, kRows>), dim3(parts, key_heads), 256, 0, dqkv, sums_of_cuts, plan, shape);
  return launched();
}

template <typename A>
trn_status attention_backward(
  A *dqkv, const A *dout, const A *out, const float *log_sums, const A *qkv, trn_sequences sequences,
  trn_heads heads, float *) {
  const attention_counts counts = count_runs(sequences);
  if (counts.rows == 0) return TRN_OK;
  const attention_shape shape = shape_of<A>(heads, dqkv, dout, qkv);
  return with_width<A>(heads.head_width, [&](auto width) {
    constexpr int HW = decltype(width)::value;
    const int64_t n = counts.rows * heads.query_heads;
    // Sums of cuts first: they are written in pairs.
    const int64_t sums = counts.cuts == counts.shared_tiles
                           ? 0
                           : round_up(counts.cuts * kKeyTile * 2 * heads.key_heads * heads.head_width, 4);
    float *const memory = static_cast<float *>(workspace((sums + n) * static_cast<int64_t>(sizeof(float))));
    if (memory == nullptr) return static_cast<trn_status>(TRN_OUT_OF_MEMORY);
    float *const deltas = memory + sums;
    TRN_LAUNCH(
      (attention_delta_kernel<A>), static_cast<unsigned>(ceil_div(n, 8)), 256, 0, deltas, dout, out, n,
      shape.head_width);
    if (const trn_status status = launched()) return status;
    return query_and_key_gradients<A, HW>(
      dqkv, dout, deltas, log_sums, qkv, plan_at(sequences.plan, counts), counts, shape, memory);
  });
}

#define TRN_INSTANTIATE(A)                                                                              \
  template trn_status attention_backward<A>(                                                            \
    A *, const A *, const A *, const float *, const A *, trn_sequences, trn_heads, float *);
TRN_INSTANTIATE(float)
TRN_INSTANTIATE(bf16)
#undef TRN_INSTANTIATE

}  // namespace trn_cuda
