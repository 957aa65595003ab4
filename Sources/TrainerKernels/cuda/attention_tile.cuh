// What the attention kernels are made of. The query heads that share a key head are taken together: a tile's rows are
// (token, head) pairs, so few tokens still fill it, and keys are fetched once for the group. A tile of ROWS rows is
// multiplied with columns (keys, or in the gradient of keys: queries) that pass through shared memory in two stages.
//
// A cell's value is computed from its row and its column alone, by the same additions in every tile; row statistics
// combine lanes in a fixed pattern. Hence a row has the same bits wherever it lies.
#pragma once

#include <cmath>

#include "attention_plan.cuh"
#include "context.cuh"
#include "mma.cuh"

namespace trn_cuda {

static constexpr float kLog2E = 1.4426950408889634f;

// 2^x; 0 for results below the normal numbers.
__device__ __forceinline__ float exp2_fast(float x) {
#ifdef TRN_EMULATED
  return exp2f(x);
#else
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#endif
}

// MARK: Shapes

// Heads over one key head that a tile takes at most; larger groups are split into equal parts.
static constexpr int kTileHeads = 16;

struct attention_shape {
  int query_heads, key_heads, head_width;
  int group, parts, part_heads;
  int64_t row_width;
  float scale;
  // Whether rows can be taken by 16 bytes.
  bool vectors;
};

template <typename A, typename... P>
attention_shape shape_of(trn_heads heads, const P *...rows) {
  attention_shape shape;
  shape.query_heads = static_cast<int>(heads.query_heads);
  shape.key_heads = static_cast<int>(heads.key_heads);
  shape.head_width = static_cast<int>(heads.head_width);
  shape.group = shape.query_heads / shape.key_heads;
  shape.parts = static_cast<int>(ceil_div(shape.group, kTileHeads));
  shape.part_heads = static_cast<int>(ceil_div(shape.group, shape.parts));
  shape.row_width = (heads.query_heads + 2 * heads.key_heads) * heads.head_width;
  shape.scale = 1.0f / std::sqrt(static_cast<float>(heads.head_width));
  shape.vectors = heads.head_width * sizeof(A) % 16 == 0 && ((reinterpret_cast<uintptr_t>(rows) % 16 == 0) && ...);
  return shape;
}

// Rows r of a tile: head r % heads of token r / heads.
struct query_tile {
  int64_t row;  // of the first token
  int tokens, position;
  int key_head, first_head, heads;

  __device__ query_tile(const attention_shape &shape, int64_t row, int tokens, int position, int key_head, int part)
      : row(row), tokens(tokens), position(position), key_head(key_head),
        first_head(key_head * shape.group + part * shape.part_heads),
        heads(min(shape.part_heads, shape.group - part * shape.part_heads)) {}

  __device__ int count() const { return tokens * heads; }
  // The place among [T, NH].
  __device__ int64_t place(int r, const attention_shape &shape) const {
    return (row + r / heads) * shape.query_heads + first_head + r % heads;
  }
  __device__ int64_t query(int r, const attention_shape &shape) const {
    return (row + r / heads) * shape.row_width + (first_head + r % heads) * int64_t{shape.head_width};
  }
  // Keys that row r sees.
  __device__ int visible(int r) const { return position + r / heads + 1; }
};

// Keys and values of a run's path, by position.
template <typename A>
struct path_keys {
  const A *keys;
  const int32_t *rows;
  int64_t stride;
  int to_value, first, start;

  __device__ path_keys(const A *qkv, const attention_plan &plan, int run, int key_head, const attention_shape &shape)
      : keys(qkv + int64_t{shape.query_heads + key_head} * shape.head_width),
        rows(plan.rows + plan.paths[run]), stride(shape.row_width), to_value(shape.key_heads * shape.head_width),
        first(plan.offsets[run]), start(plan.starts[run]) {}

  __device__ const A *key(int position) const {
    return keys + (position < start ? rows[position] : first + position - start) * stride;
  }
  __device__ const A *value(int position) const { return key(position) + to_value; }
};

// MARK: Tiles in shared memory

// Distance of a tile's rows: 16 bytes more than a row, so that eight rows lie in different banks.
template <typename A, int HW>
static constexpr int kTileStride = HW + 16 / static_cast<int>(sizeof(A));

template <typename A, int HW>
struct tile_size {
  static constexpr bool is_wide = sizeof(A) == 4;
  static constexpr int rows = is_wide ? 32 : 64;
  static constexpr int columns = is_wide ? (HW > 128 ? 16 : 32) : 64;
  // Columns that the gradients of queries and of keys take at a time, as registers allow.
  static constexpr int query_step = is_wide ? columns : HW > 64 ? 16 : 32;
  static constexpr int key_step = is_wide ? columns : 16;
  // Rows of a lane.
  static constexpr int lane_rows = is_wide ? 4 : 2;
};

// tile[ROWS, HW] = the rows that `row` points to, or 0 where it gives null and beyond HS channels. In part by copies
// that are under way until waited for.
template <typename A, int HW, int ROWS, int THREADS, typename Row>
__device__ __forceinline__ void load_tile(A *tile, const attention_shape &shape, Row row) {
  constexpr int kVector = 16 / static_cast<int>(sizeof(A)), kVectors = HW / kVector;
  const int HS = shape.head_width;
  if (shape.vectors) {
#pragma unroll 4
    for (int i = static_cast<int>(threadIdx.x); i < ROWS * kVectors; i += THREADS) {
      const A *const source = row(i / kVectors);
      const int c = i % kVectors * kVector;
      A *const out = tile + i / kVectors * kTileStride<A, HW> + c;
      if (source != nullptr && c < HS)
        cp_async_16(out, source + c);
      else
        *reinterpret_cast<uint4 *>(out) = make_uint4(0, 0, 0, 0);
    }
  } else {
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < ROWS * HW; i += THREADS) {
      const A *const source = row(i / HW);
      const int c = i % HW;
      tile[i / HW * kTileStride<A, HW> + c] = source != nullptr && c < HS ? source[c] : from_float<A>(0.0f);
    }
  }
}

// A stage: the keys at positions first..., then their values; 0 from `count` on.
template <typename A, int HW, int COLUMNS, int THREADS, typename Keys>
__device__ __forceinline__ void load_keys(
  A *stage, const Keys &keys, int first, int count, const attention_shape &shape) {
  load_tile<A, HW, COLUMNS, THREADS>(
    stage, shape, [&](int j) { return first + j < count ? keys.key(first + j) : nullptr; });
  load_tile<A, HW, COLUMNS, THREADS>(
    stage + COLUMNS * kTileStride<A, HW>, shape,
    [&](int j) { return first + j < count ? keys.value(first + j) : nullptr; });
  cp_async_commit();
}

// MARK: Products of tiles

// rows x columns cells, of which a lane holds some columns of `R` rows.
template <typename A, int HW, int R>
struct tile_math;

template <int HW>
struct tile_math<bf16, HW, 2> {
  static constexpr int warp_rows = 16, row_lanes = 4, stride = kTileStride<bf16, HW>;

  template <int COLUMNS>
  struct cells {
    static constexpr int count = COLUMNS / 4;
    float c[COLUMNS / 8][4];
    __device__ __forceinline__ float &at(int r, int k) { return c[k / 2][2 * r + k % 2]; }
  };

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ static int row(int r) { return static_cast<int>(threadIdx.x) / 32 * 16 + lane() / 4 + 8 * r; }
  __device__ static int column(int k) { return k / 2 * 8 + lane() % 4 * 2 + k % 2; }
  __device__ static int channel(int k) { return column(k); }

  // A warp's rows of a tile, as left factors.
  struct row_values {
    uint32_t a[HW / 16][4];
    __device__ __forceinline__ explicit row_values(const bf16 *tile) {
      const bf16 *const p =
        tile + (static_cast<int>(threadIdx.x) / 32 * 16 + lane() % 16) * stride + lane() / 16 * 8;
#pragma unroll
      for (int k = 0; k < HW / 16; k++) ldmatrix_x4(a[k], p + 16 * k);
    }
  };

  // out = rows x transposed(tile rows `first`...)
  template <int COLUMNS>
  __device__ static __forceinline__ void multiply(
    cells<COLUMNS> &out, const row_values &rows, const bf16 *tile, int first) {
    const bf16 *const p = tile + (first + lane() % 8 + lane() / 16 * 8) * stride + lane() / 8 % 2 * 8;
#pragma unroll
    for (int n = 0; n < COLUMNS / 8; n++)
#pragma unroll
      for (int i = 0; i < 4; i++) out.c[n][i] = 0;
#pragma unroll
    for (int k = 0; k < HW / 16; k++)
#pragma unroll
      for (int n = 0; n < COLUMNS / 16; n++) {
        uint32_t b[4];
        ldmatrix_x4(b, p + n * 16 * stride + k * 16);
        mma_16x8x16(out.c[2 * n], rows.a[k], {b[0], b[1]});
        mma_16x8x16(out.c[2 * n + 1], rows.a[k], {b[2], b[3]});
      }
  }

  // sums += weights x tile rows `first`...
  template <int COLUMNS>
  __device__ static __forceinline__ void accumulate(
    cells<HW> &sums, cells<COLUMNS> &weights, const bf16 *tile, int first, float *) {
    const bf16 *const p = tile + (first + lane() % 16) * stride + lane() / 16 * 8;
#pragma unroll
    for (int k = 0; k < COLUMNS / 16; k++) {
      const float *const low = weights.c[2 * k], *const high = weights.c[2 * k + 1];
      const uint32_t a[4] = {
        pack_bf16(low[0], low[1]), pack_bf16(low[2], low[3]), pack_bf16(high[0], high[1]),
        pack_bf16(high[2], high[3])};
#pragma unroll
      for (int n = 0; n < HW / 16; n++) {
        uint32_t b[4];
        ldmatrix_x4_trans(b, p + k * 16 * stride + n * 16);
        mma_16x8x16(sums.c[2 * n], a, {b[0], b[1]});
        mma_16x8x16(sums.c[2 * n + 1], a, {b[2], b[3]});
      }
    }
  }
};

// Consecutive floats that are loaded together.
template <int N>
struct alignas(4 * N) float_vector {
  float x[N];
};

// 16 lanes hold R rows: of the columns each has every 16th, of the channels some that lie together.
template <int HW, int R>
struct tile_math<float, HW, R> {
  static constexpr int warp_rows = 2 * R, row_lanes = 16, stride = kTileStride<float, HW>;
  static constexpr int kVector = HW >= 64 ? 4 : 2;

  template <int COLUMNS>
  struct cells {
    static constexpr int count = COLUMNS / 16;
    float c[R][COLUMNS / 16];
    __device__ __forceinline__ float &at(int r, int k) { return c[r][k]; }
  };

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 16; }
  __device__ static int row(int r) { return static_cast<int>(threadIdx.x) / 16 * R + r; }
  __device__ static int column(int k) { return lane() + 16 * k; }
  __device__ static int channel(int k) { return k / kVector * 16 * kVector + lane() * kVector + k % kVector; }

  struct row_values {
    const float *p;
    __device__ __forceinline__ explicit row_values(const float *tile) : p(tile + row(0) * stride) {}
  };

  template <int COLUMNS>
  __device__ static __forceinline__ void multiply(
    cells<COLUMNS> &out, const row_values &rows, const float *tile, int first) {
    typedef float_vector<4> vector;
    const float *const columns = tile + (first + lane()) * stride;
#pragma unroll
    for (int r = 0; r < R; r++)
#pragma unroll
      for (int k = 0; k < COLUMNS / 16; k++) out.c[r][k] = 0;
#pragma unroll 2
    for (int d = 0; d < HW; d += 4) {
      vector b[COLUMNS / 16];
#pragma unroll
      for (int k = 0; k < COLUMNS / 16; k++) b[k] = *reinterpret_cast<const vector *>(columns + 16 * k * stride + d);
#pragma unroll
      for (int r = 0; r < R; r++) {
        const vector a = *reinterpret_cast<const vector *>(rows.p + r * stride + d);
#pragma unroll
        for (int k = 0; k < COLUMNS / 16; k++)
#pragma unroll
          for (int i = 0; i < 4; i++) out.c[r][k] = fmaf(a.x[i], b[k].x[i], out.c[r][k]);
      }
    }
  }

  // spare: COLUMNS + 4 floats for each of the block's rows. A row's are written and read by one half of a warp.
  template <int COLUMNS>
  __device__ static __forceinline__ void accumulate(
    cells<HW> &sums, cells<COLUMNS> &weights, const float *tile, int first, float *spare) {
    typedef float_vector<kVector> vector;
    float *const own = spare + row(0) * (COLUMNS + 4);
    __syncwarp();
#pragma unroll
    for (int r = 0; r < R; r++)
#pragma unroll
      for (int k = 0; k < COLUMNS / 16; k++) own[r * (COLUMNS + 4) + column(k)] = weights.c[r][k];
    __syncwarp();
    const float *const values = tile + first * stride + lane() * kVector;
#pragma unroll 1
    for (int j = 0; j < COLUMNS; j += 4) {
      float_vector<4> w[R];
#pragma unroll
      for (int r = 0; r < R; r++) w[r] = *reinterpret_cast<const float_vector<4> *>(own + r * (COLUMNS + 4) + j);
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int n = 0; n < HW / 16 / kVector; n++) {
          const vector v = *reinterpret_cast<const vector *>(values + (j + i) * stride + n * 16 * kVector);
#pragma unroll
          for (int r = 0; r < R; r++)
#pragma unroll
            for (int x = 0; x < kVector; x++) {
              float &sum = sums.c[r][n * kVector + x];
              sum = fmaf(w[r].x[i], v.x[x], sum);
            }
        }
    }
  }
};

// Combines a value of the lanes that hold one row.
template <int LANES, typename Combine>
__device__ __forceinline__ float combine_row(float value, Combine combine) {
#pragma unroll
  for (int step = LANES / 2; step > 0; step /= 2) value = combine(value, __shfl_xor_sync(kAllLanes, value, step));
  return value;
}

__device__ __forceinline__ void put_pair(bf16 *p, float x, float y) {
  *reinterpret_cast<uint32_t *>(p) = pack_bf16(x, y);
}
__device__ __forceinline__ void put_pair(float *p, float x, float y) {
  *reinterpret_cast<float2 *>(p) = make_float2(x, y);
}

// out[HS] = a lane's channels of row r, times factor.
template <typename Math, typename Cells, typename Out>
__device__ __forceinline__ void store_row(Out *out, Cells &sums, int r, float factor, const attention_shape &shape) {
#pragma unroll
  for (int k = 0; k < Cells::count; k += 2) {
    const int d = Math::channel(k);
    const float x = sums.at(r, k) * factor, y = sums.at(r, k + 1) * factor;
    if (shape.vectors && d < shape.head_width) {
      put_pair(out + d, x, y);
    } else {
      if (d < shape.head_width) out[d] = from_float<Out>(x);
      if (d + 1 < shape.head_width) out[d + 1] = from_float<Out>(y);
    }
  }
}

template <typename Cells>
__device__ __forceinline__ void clear(Cells &cells, int rows) {
#pragma unroll
  for (int r = 0; r < rows; r++)
#pragma unroll
    for (int k = 0; k < Cells::count; k++) cells.at(r, k) = 0;
}

// MARK: Attention of a tile

template <typename A, int HW, int ROWS, int R>
struct tile_block {
  static constexpr int threads = ROWS / tile_math<A, HW, R>::warp_rows * 32;
  static constexpr int columns = tile_size<A, HW>::columns;
  static constexpr int row_values = ROWS * kTileStride<A, HW>, column_values = columns * kTileStride<A, HW>;
  // Blocks of full tiles that a multiprocessor's registers shall suffice for.
  static constexpr int resident = sizeof(A) == 2 && HW <= 64 ? 4 : 1;
  // Floats that `accumulate` wants.
  static constexpr int spare = sizeof(A) == 4 ? ROWS * (columns + 4) : 0;
  static constexpr int attend_bytes =
    (row_values + 4 * column_values) * static_cast<int>(sizeof(A)) + spare * static_cast<int>(sizeof(float));
};

// out and log_sums (which may be null) of a tile's rows. The softmax is kept as in FlashAttention-2 (Dao,
// arXiv:2307.08691): with m the largest score so far, sum = sum e^(s - m), out = sum e^(s - m) v, both rescaled when m
// grows. Tiles of keys begin at multiples of `columns`, whatever the row; of a tile, or part of one, that a row does
// not see, it adds zeros and rescales by 1.
template <typename A, int HW, int ROWS, int R, typename Keys>
__device__ __forceinline__ void attend(
  A *out, float *log_sums, const A *qkv, const query_tile &tile, const Keys &keys, const attention_shape &shape,
  unsigned char *shared) {
  typedef tile_math<A, HW, R> math;
  typedef tile_block<A, HW, ROWS, R> block;
  constexpr int kColumns = block::columns;
  A *const queries = reinterpret_cast<A *>(shared), *const stages = queries + block::row_values;
  float *const spare = reinterpret_cast<float *>(stages + 4 * block::column_values);
  const int key_count = tile.position + tile.tokens, steps = (key_count + kColumns - 1) / kColumns;

  const auto load_step = [&](int step) {
    A *const stage = stages + step % 2 * 2 * block::column_values;
    load_keys<A, HW, kColumns, block::threads>(stage, keys, step * kColumns, key_count, shape);
  };
  load_tile<A, HW, ROWS, block::threads>(
    queries, shape, [&](int r) { return r < tile.count() ? qkv + tile.query(r, shape) : nullptr; });
  load_step(0);
  cp_async_wait<0>();
  __syncthreads();

  // Rows of this warp that exist, and the keys that the first and the last of them see.
  const int first_row = static_cast<int>(threadIdx.x) / 32 * math::warp_rows;
  const int last_row = min(first_row + math::warp_rows, tile.count()) - 1;
  const int warp_steps = last_row < first_row ? 0 : (tile.visible(last_row) + kColumns - 1) / kColumns;
  const int seen_by_all = last_row < first_row ? 0 : tile.visible(first_row);
  int visible[R];
  float largest[R], sum[R];
#pragma unroll
  for (int r = 0; r < R; r++) {
    // A row that does not exist sees the first key, so that its numbers stay finite.
    visible[r] = math::row(r) < tile.count() ? tile.visible(math::row(r)) : 1;
    largest[r] = -INFINITY;
    sum[r] = 0;
  }
  typename math::template cells<HW> sums;
  clear(sums, R);
  const typename math::row_values rows(queries);
  const float scale = shape.scale * kLog2E;

#pragma unroll 1
  for (int step = 0; step < steps; step++) {
    if (step > 0) {
      cp_async_wait<0>();
      __syncthreads();
    }
    if (step + 1 < steps) load_step(step + 1);
    if (step >= warp_steps) continue;
    const A *const stage = stages + step % 2 * 2 * block::column_values;
    const int first = step * kColumns;
    typename math::template cells<kColumns> scores;
    math::multiply(scores, rows, stage, 0);
    if (first + kColumns > seen_by_all) {
#pragma unroll
      for (int r = 0; r < R; r++)
#pragma unroll
        for (int k = 0; k < scores.count; k++)
          if (first + math::column(k) >= visible[r]) scores.at(r, k) = -INFINITY;
    }
#pragma unroll
    for (int r = 0; r < R; r++) {
      float top = largest[r];
#pragma unroll
      for (int k = 0; k < scores.count; k++) top = fmaxf(top, scores.at(r, k));
      top = combine_row<math::row_lanes>(top, [](float a, float b) { return fmaxf(a, b); });
      const float rescale = exp2_fast((largest[r] - top) * scale), shift = -top * scale;
      largest[r] = top;
      sum[r] *= rescale;
#pragma unroll
      for (int k = 0; k < scores.count; k++) {
        float &score = scores.at(r, k);
        score = exp2_fast(fmaf(score, scale, shift));
        sum[r] += score;
      }
#pragma unroll
      for (int k = 0; k < sums.count; k++) sums.at(r, k) *= rescale;
    }
    math::accumulate(sums, scores, stage + block::column_values, 0, spare);
  }

#pragma unroll
  for (int r = 0; r < R; r++) {
    const float total = combine_row<math::row_lanes>(sum[r], [](float a, float b) { return a + b; });
    if (math::row(r) >= tile.count()) continue;
    const int64_t place = tile.place(math::row(r), shape);
    store_row<math>(out + place * shape.head_width, sums, r, 1.0f / total, shape);
    if (log_sums != nullptr && math::column(0) == 0) log_sums[place] = fmaf(largest[r], shape.scale, logf(total));
  }
}

// MARK: Grids

// Blocks over tiles of query rows: x the plan's number of the tile, y the key head and part of its group.
template <typename A, int HW>
dim3 tile_grid(const attention_counts &counts, const attention_shape &shape) {
  return dim3(
    static_cast<unsigned>(counts.numbers(tile_size<A, HW>::rows / shape.part_heads)),
    static_cast<unsigned>(shape.key_heads * shape.parts));
}

// The tile of this block, which belongs to `run`; without tokens where there is none. The last tiles of a run see the
// most keys and come first.
template <int ROWS>
__device__ __forceinline__ query_tile path_tile(
  const attention_plan &plan, int run, int key_head, int part, const attention_shape &shape) {
  const int most = ROWS / shape.part_heads, length = plan.offsets[run + 1] - plan.offsets[run];
  const int tiles = (length + most - 1) / most;
  const int first = (tiles - 1 - plan.place_of(static_cast<int>(blockIdx.x), run, most)) * most;
  return query_tile(
    shape, plan.offsets[run] + first, first < 0 ? 0 : min(most, length - first), plan.starts[run] + first, key_head,
    part);
}

// Calls `body` with the width, as a constant, that heads of HS channels are padded to.
template <typename A, typename Body>
trn_status with_width(int64_t HS, Body body) {
  if (HS <= 32) return body(std::integral_constant<int, 32>{});
  if (HS <= 64) return body(std::integral_constant<int, 64>{});
  if (HS <= 128) return body(std::integral_constant<int, 128>{});
  if constexpr (sizeof(A) == 4) {
    if (HS <= 256) return body(std::integral_constant<int, 256>{});
  }
  return fail(
    TRN_BAD_ARGUMENT, "heads of %lld channels: attention takes up to %d", static_cast<long long>(HS),
    sizeof(A) == 4 ? 256 : 128);
}

}  // namespace trn_cuda
