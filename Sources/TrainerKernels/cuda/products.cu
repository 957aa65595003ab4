// Products with weights laid out beforehand, and gradients of weights: by cuBLASLt, or by kernels of our own where a
// row's bits may depend on that row alone or cuBLASLt would refuse.
//
// Panels are the transposed matrix [N,K] as values, rows padded with zeros to 16 bytes.

#include <array>
#include <map>

#include "kernels.cuh"
#include "mma.cuh"

namespace trn_cuda {

template <typename A>
static int64_t panel_stride(int64_t K) {
  return round_up(K, 16 / static_cast<int64_t>(sizeof(A)));
}

template <typename A>
int64_t panels_bytes(int64_t K, int64_t N) {
  return N * panel_stride<A>(K) * static_cast<int64_t>(sizeof(A));
}

// MARK: Packing

static constexpr int kPackTile = 32, kPackRows = 8;

// TRANSPOSED says how w is stored: [N,K], as the panels are, or [K,N].
template <typename A, bool TRANSPOSED>
__global__ void __launch_bounds__(kPackTile *kPackRows)
  pack_kernel(A *panels, int64_t stride, const float *w, int64_t ldw, int64_t K, int64_t N) {
  const int64_t n0 = int64_t{blockIdx.x} * kPackTile, k0 = int64_t{blockIdx.y} * kPackTile;
  const int64_t k = k0 + threadIdx.x;
  if constexpr (TRANSPOSED) {
    for (int64_t n = n0 + threadIdx.y; n < n0 + kPackTile && n < N; n += kPackRows)
      if (k < stride) panels[n * stride + k] = from_float<A>(k < K ? w[n * ldw + k] : 0);
  } else {
    __shared__ float tile[kPackTile][kPackTile + 1];
    for (int i = static_cast<int>(threadIdx.y); i < kPackTile; i += kPackRows)
      tile[i][threadIdx.x] = k0 + i < K && n0 + threadIdx.x < N ? w[(k0 + i) * ldw + n0 + threadIdx.x] : 0;
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.y); i < kPackTile; i += kPackRows)
      if (n0 + i < N && k < stride) panels[(n0 + i) * stride + k] = from_float<A>(tile[threadIdx.x][i]);
  }
}

template <typename A>
trn_status panels_pack(A *panels, const float *w, int64_t ldw, int32_t transposed, int64_t K, int64_t N) {
  if (K == 0 || N == 0) return TRN_OK;
  const int64_t stride = panel_stride<A>(K);
  const dim3 grid(static_cast<unsigned>(ceil_div(N, kPackTile)), static_cast<unsigned>(ceil_div(stride, kPackTile)));
  with_flag(transposed != 0, [&](auto flag) {
    TRN_LAUNCH(
      (pack_kernel<A, decltype(flag)::value>), grid, dim3(kPackTile, kPackRows), 0, panels, stride, w, ldw, K, N);
  });
  return launched();
}

// MARK: Own products
//
// c[M,N] = the sum over k of a(m,k) b(n,k). BY_ROWS: a and b are stored [M,K] and [N,K] (a forward product), else [K,M]
// and [K,N] (a gradient). A block owns a tile of c and goes through k in steps of 64 bytes of a row. Every element is
// one chain over k in order, whatever the tile, so that its bits depend on its row of a and of b alone.

static constexpr int kStages = 3;

template <typename A>
static constexpr int kStep = 64 / static_cast<int>(sizeof(A));
// Values in 16 bytes: what is copied at once, and the padding that keeps rows apart in the banks of shared memory.
template <typename A>
static constexpr int kChunk = 16 / static_cast<int>(sizeof(A));

// ROWS x COLUMNS values from (row, column) on of a matrix of `rows` x `columns`, those outside as zeros.
template <bool VECTOR, int ROWS, int COLUMNS, int THREADS, typename A>
__device__ __forceinline__ void load_tile(
  A *tile, const A *matrix, int64_t ld, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  constexpr int chunks = COLUMNS / kChunk<A>;
  static_assert(ROWS * chunks % THREADS == 0, "all threads copy the same number of chunks");
#pragma unroll
  for (int i = 0; i < ROWS * chunks / THREADS; i++) {
    const int at = static_cast<int>(threadIdx.x) + i * THREADS, r = at / chunks, c = at % chunks * kChunk<A>;
    A *const out = tile + r * (COLUMNS + kChunk<A>) + c;
    const int64_t left = row + r < rows ? columns - column - c : 0;
    const int count = static_cast<int>(left <= 0 ? 0 : left < kChunk<A> ? left : kChunk<A>);
    const A *const inp = count == 0 ? matrix : matrix + (row + r) * ld + column + c;
    if constexpr (VECTOR) {
      cp_async_16(out, inp, count * static_cast<int>(sizeof(A)));
    } else {
#pragma unroll
      for (int j = 0; j < kChunk<A>; j++) out[j] = j < count ? inp[j] : from_float<A>(0);
    }
  }
}

// A block's part in the products of one step; `store` is called with the elements of c that a thread has.
template <typename A, bool BY_ROWS, int TILE>
struct block_product;

// fp32: 16 x 16 threads, each with TILE / 16 rows and columns.
template <bool BY_ROWS, int TILE>
struct block_product<float, BY_ROWS, TILE> {
  static constexpr int threads = 256, each = TILE / 16;
  float sums[each][each] = {};

  // By rows, a thread's rows are 16 apart, for the banks; else they come in fours.
  static __device__ __forceinline__ int place(int thread, int i) {
    return BY_ROWS ? thread + 16 * i : thread * 4 + i % 4 + i / 4 * 64;
  }

  __device__ __forceinline__ void step(const float *a, const float *b) {
    const int ty = static_cast<int>(threadIdx.x) / 16, tx = static_cast<int>(threadIdx.x) % 16;
    if constexpr (BY_ROWS) {
      constexpr int stride = kStep<float> + kChunk<float>;
#pragma unroll
      for (int k = 0; k < kStep<float>; k += 4) {
        float4 right[each];
#pragma unroll
        for (int j = 0; j < each; j++) right[j] = *reinterpret_cast<const float4 *>(b + place(tx, j) * stride + k);
#pragma unroll
        for (int i = 0; i < each; i++) {
          const float4 left = *reinterpret_cast<const float4 *>(a + place(ty, i) * stride + k);
#pragma unroll
          for (int j = 0; j < each; j++) {
            sums[i][j] = fmaf(left.x, right[j].x, sums[i][j]);
            sums[i][j] = fmaf(left.y, right[j].y, sums[i][j]);
            sums[i][j] = fmaf(left.z, right[j].z, sums[i][j]);
            sums[i][j] = fmaf(left.w, right[j].w, sums[i][j]);
          }
        }
      }
    } else {
      constexpr int stride = TILE + kChunk<float>;
#pragma unroll
      for (int k = 0; k < kStep<float>; k++) {
        float left[each], right[each];
#pragma unroll
        for (int i = 0; i < each; i += 4) {
          put4(left + i, *reinterpret_cast<const float4 *>(a + k * stride + place(ty, i)));
          put4(right + i, *reinterpret_cast<const float4 *>(b + k * stride + place(tx, i)));
        }
#pragma unroll
        for (int i = 0; i < each; i++)
#pragma unroll
          for (int j = 0; j < each; j++) sums[i][j] = fmaf(left[i], right[j], sums[i][j]);
      }
    }
  }

  template <typename Store>
  __device__ __forceinline__ void finish(Store store) const {
    const int ty = static_cast<int>(threadIdx.x) / 16, tx = static_cast<int>(threadIdx.x) % 16;
#pragma unroll
    for (int i = 0; i < each; i++)
#pragma unroll
      for (int j = 0; j < each; j++) store(place(ty, i), place(tx, j), sums[i][j]);
  }
};

// bf16: warps of TILE / 2 rows and 32 columns.
template <bool BY_ROWS, int TILE>
struct block_product<bf16, BY_ROWS, TILE> {
  static constexpr int threads = TILE * 2, row_tiles = TILE / 32, column_tiles = 4;
  float sums[row_tiles][column_tiles][4] = {};

  static __device__ __forceinline__ int first_row() {
    return static_cast<int>(threadIdx.x) / 32 / (TILE / 32) * (TILE / 2);
  }
  static __device__ __forceinline__ int first_column() {
    return static_cast<int>(threadIdx.x) / 32 % (TILE / 32) * 32;
  }

  __device__ __forceinline__ void step(const bf16 *a, const bf16 *b) {
    const int lane = static_cast<int>(threadIdx.x) % 32, inner = lane % 8, lower = lane / 8 % 2, upper = lane / 16;
    constexpr int stride = (BY_ROWS ? kStep<bf16> : TILE) + kChunk<bf16>;
#pragma unroll
    for (int k = 0; k < kStep<bf16>; k += 16) {
      uint32_t left[row_tiles][4], right[column_tiles][2];
#pragma unroll
      for (int i = 0; i < row_tiles; i++) {
        const int row = first_row() + i * 16;
        if constexpr (BY_ROWS)
          ldmatrix_x4(left[i], a + (row + lower * 8 + inner) * stride + k + upper * 8);
        else
          ldmatrix_x4_trans(left[i], a + (k + upper * 8 + inner) * stride + row + lower * 8);
      }
#pragma unroll
      for (int j = 0; j < column_tiles; j += 2) {
        const int column = first_column() + j * 8;
        uint32_t both[4];
        if constexpr (BY_ROWS)
          ldmatrix_x4(both, b + (column + upper * 8 + inner) * stride + k + lower * 8);
        else
          ldmatrix_x4_trans(both, b + (k + lower * 8 + inner) * stride + column + upper * 8);
        right[j][0] = both[0];
        right[j][1] = both[1];
        right[j + 1][0] = both[2];
        right[j + 1][1] = both[3];
      }
#pragma unroll
      for (int i = 0; i < row_tiles; i++)
#pragma unroll
        for (int j = 0; j < column_tiles; j++) mma_16x8x16(sums[i][j], left[i], right[j]);
    }
  }

  template <typename Store>
  __device__ __forceinline__ void finish(Store store) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int i = 0; i < row_tiles; i++)
#pragma unroll
      for (int j = 0; j < column_tiles; j++)
#pragma unroll
        for (int e = 0; e < 4; e++)
          store(
            first_row() + i * 16 + lane / 4 + e / 2 * 8, first_column() + j * 8 + lane % 4 * 2 + e % 2, sums[i][j][e]);
  }
};

template <typename A, bool BY_ROWS, int TILE>
static constexpr int kStageValues = BY_ROWS ? TILE *(kStep<A> + kChunk<A>) : kStep<A> *(TILE + kChunk<A>);

template <typename A, bool BY_ROWS, int TILE>
static constexpr int kProductBytes = kStages * 2 * kStageValues<A, BY_ROWS, TILE> * static_cast<int>(sizeof(A));

// Block z sums k from z depth on; its c lies z M ldc behind the first.
template <typename A, bool BY_ROWS, int TILE, bool VECTOR, bool ADDS, typename Out>
__global__ void __launch_bounds__(block_product<A, BY_ROWS, TILE>::threads, 2) product_kernel(
  Out *c, int64_t ldc, const A *a, int64_t lda, const A *b, int64_t ldb, int64_t M, int64_t N, int64_t K,
  int64_t depth) {
  using product = block_product<A, BY_ROWS, TILE>;
  constexpr int stage_values = kStageValues<A, BY_ROWS, TILE>;
  TRN_SHARED_BYTES(bytes);
  A *const tiles = reinterpret_cast<A *>(bytes);
  const int64_t m0 = int64_t{blockIdx.x} * TILE, n0 = int64_t{blockIdx.y} * TILE;
  const int64_t begin = blockIdx.z * depth, end = begin + depth < K ? begin + depth : K;
  const int64_t steps = begin < end ? ceil_div(end - begin, kStep<A>) : 0;

  const auto load = [&](int64_t step) {
    A *const tile = tiles + step % kStages * 2 * stage_values;
    const int64_t k = begin + step * kStep<A>;
    if constexpr (BY_ROWS) {
      load_tile<VECTOR, TILE, kStep<A>, product::threads>(tile, a, lda, m0, M, k, end);
      load_tile<VECTOR, TILE, kStep<A>, product::threads>(tile + stage_values, b, ldb, n0, N, k, end);
    } else {
      load_tile<VECTOR, kStep<A>, TILE, product::threads>(tile, a, lda, k, end, m0, M);
      load_tile<VECTOR, kStep<A>, TILE, product::threads>(tile + stage_values, b, ldb, k, end, n0, N);
    }
  };

  product sums;
  for (int step = 0; step < kStages - 1; step++) {
    if (step < steps) load(step);
    cp_async_commit();
  }
  for (int64_t step = 0; step < steps; step++) {
    cp_async_wait<kStages - 2>();
    // All copies of this step are there, and all threads are done with the stage that is loaded next.
    __syncthreads();
    if (step + kStages - 1 < steps) load(step + kStages - 1);
    cp_async_commit();
    const A *const tile = tiles + step % kStages * 2 * stage_values;
    sums.step(tile, tile + stage_values);
  }
  Out *const out = c + blockIdx.z * M * ldc;
  sums.finish([&](int row, int column, float sum) {
    const int64_t m = m0 + row, n = n0 + column;
    if (m >= M || n >= N) return;
    if constexpr (ADDS)
      out[m * ldc + n] += sum;
    else
      out[m * ldc + n] = from_float<Out>(sum);
  });
}

// Tiles of 128 where they fill the device, about twice; else of 64.
static constexpr int64_t kManyBlocks = 264;

template <typename A, bool BY_ROWS, int TILE, bool VECTOR, bool ADDS, typename Out>
static trn_status launch_product(
  Out *c, int64_t ldc, const A *a, int64_t lda, const A *b, int64_t ldb, int64_t M, int64_t N, int64_t K,
  int64_t parts) {
  constexpr int bytes = kProductBytes<A, BY_ROWS, TILE>;
  const dim3 grid(
    static_cast<unsigned>(ceil_div(M, TILE)), static_cast<unsigned>(ceil_div(N, TILE)), static_cast<unsigned>(parts));
  TRN_ALLOW_SHARED((product_kernel<A, BY_ROWS, TILE, VECTOR, ADDS, Out>), bytes);
  TRN_LAUNCH(
    (product_kernel<A, BY_ROWS, TILE, VECTOR, ADDS, Out>), grid, (block_product<A, BY_ROWS, TILE>::threads), bytes, c,
    ldc, a, lda, b, ldb, M, N, K, round_up(ceil_div(K, parts), kStep<A>));
  return launched();
}

// Whether the rows of a matrix begin at multiples of 16 bytes.
template <typename A>
static bool has_aligned_rows(const A *matrix, int64_t ld) {
  return is_aligned(matrix, kChunk<A>) && ld % kChunk<A> == 0;
}

template <typename A, bool BY_ROWS, bool ADDS, typename Out>
static trn_status own_product(
  Out *c, int64_t ldc, const A *a, int64_t lda, const A *b, int64_t ldb, int64_t M, int64_t N, int64_t K,
  int64_t parts) {
  if (!has_aligned_rows(a, lda) || !has_aligned_rows(b, ldb))
    return launch_product<A, BY_ROWS, 64, false, ADDS>(c, ldc, a, lda, b, ldb, M, N, K, parts);
  if (ceil_div(M, 128) * ceil_div(N, 128) * parts < kManyBlocks)
    return launch_product<A, BY_ROWS, 64, true, ADDS>(c, ldc, a, lda, b, ldb, M, N, K, parts);
  return launch_product<A, BY_ROWS, 128, true, ADDS>(c, ldc, a, lda, b, ldb, M, N, K, parts);
}

// dw[K,N] += the parts, in order.
__global__ void __launch_bounds__(256)
  add_parts_kernel(float *dw, int64_t ldw, const float *parts, int64_t count, int64_t K, int64_t N) {
  const int64_t k = grid_row(), n = grid_item();
  if (k >= K || n >= N) return;
  float sum = parts[k * N + n];
#pragma unroll 4
  for (int64_t part = 1; part < count; part++) sum += parts[(part * K + k) * N + n];
  dw[k * ldw + n] += sum;
}

// The rows are cut into parts where the gradient alone has too few tiles to fill the device.
template <typename A>
static trn_status own_gradient(
  float *dw, int64_t ldw, const A *x, int64_t ldx, const A *y, int64_t ldy, int64_t T, int64_t K, int64_t N) {
  const int64_t tiles = ceil_div(K, 64) * ceil_div(N, 64), bytes = K * N * static_cast<int64_t>(sizeof(float));
  int64_t parts = kManyBlocks / tiles;
  if (parts > ceil_div(T, 512)) parts = ceil_div(T, 512);
  if (parts > kWorkspaceBytes / bytes) parts = kWorkspaceBytes / bytes;
  if (parts <= 1) return own_product<A, false, true>(dw, ldw, x, ldx, y, ldy, K, N, T, 1);
  float *const sums = static_cast<float *>(workspace(parts * bytes));
  if (sums == nullptr) return TRN_OUT_OF_MEMORY;
  if (const trn_status status = own_product<A, false, false>(sums, N, x, ldx, y, ldy, K, N, T, parts)) return status;
  const row_grid shape(K, N);
  TRN_LAUNCH(add_parts_kernel, shape.grid, shape.block, 0, dw, ldw, sums, parts, K, N);
  return launched();
}

// MARK: Products by cuBLASLt

// Column-major, as cuBLASLt takes matrices: c[m,n] = op(a) op(b) + beta c.
struct blas_shape {
  cublasOperation_t a, b;
  cudaDataType value_type, out_type;
  int64_t m, n, k, lda, ldb, ldc;
  float beta;
};

struct blas_plan {
  cublasLtMatmulDesc_t operation;
  cublasLtMatrixLayout_t a, b, c;
  cublasLtMatmulAlgo_t algorithm;
  bool is_supported;
};

typedef std::array<int64_t, 11> blas_key;

static void release(const blas_plan &plan) {
  const blas_functions &blas = context().blas;
  if (plan.operation != nullptr) blas.operation_destroy(plan.operation);
  for (const cublasLtMatrixLayout_t layout : {plan.a, plan.b, plan.c})
    if (layout != nullptr) blas.layout_destroy(layout);
}

// What cuBLASLt's heuristic takes to be fastest for a shape, of what gives equal bits for equal inputs: partial sums
// are added in fp32 and in order, not as they happen to arrive.
static blas_plan make_plan(const blas_shape &s) {
  const blas_functions &blas = context().blas;
  blas_plan plan{};
  const bool is_float = s.value_type == CUDA_R_32F;
  const uint64_t workspace_bytes = kWorkspaceBytes;
  const uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, alignment = 16;
  const int32_t operation_a = s.a, operation_b = s.b;
  const auto extent = [](cublasOperation_t operation, cublasOperation_t wanted, int64_t x, int64_t y) {
    return static_cast<uint64_t>(operation == wanted ? x : y);
  };
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulHeuristicResult_t best{};
  int count = 0;
  // Pedantic: fp32 stays fp32, whatever the environment says of TF32.
  const cublasStatus_t statuses[] = {
    blas.operation_create(&plan.operation, is_float ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_32F, CUDA_R_32F),
    blas.operation_set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, &operation_a, sizeof operation_a),
    blas.operation_set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSB, &operation_b, sizeof operation_b),
    blas.layout_create(
      &plan.a, s.value_type, extent(s.a, CUBLAS_OP_N, s.m, s.k), extent(s.a, CUBLAS_OP_N, s.k, s.m), s.lda),
    blas.layout_create(
      &plan.b, s.value_type, extent(s.b, CUBLAS_OP_N, s.k, s.n), extent(s.b, CUBLAS_OP_N, s.n, s.k), s.ldb),
    blas.layout_create(&plan.c, s.out_type, static_cast<uint64_t>(s.m), static_cast<uint64_t>(s.n), s.ldc),
    blas.preference_create(&preference),
    blas.preference_set(
      preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_bytes, sizeof workspace_bytes),
    blas.preference_set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes),
    blas.preference_set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &alignment, sizeof alignment),
    blas.preference_set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &alignment, sizeof alignment),
    blas.preference_set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &alignment, sizeof alignment),
    blas.preference_set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &alignment, sizeof alignment),
    blas.choose(context().blas_handle, plan.operation, plan.a, plan.b, plan.c, plan.c, preference, 1, &best, &count)};
  plan.is_supported = count > 0 && best.state == CUBLAS_STATUS_SUCCESS;
  for (const cublasStatus_t status : statuses) plan.is_supported = plan.is_supported && status == CUBLAS_STATUS_SUCCESS;
  plan.algorithm = best.algo;
  if (preference != nullptr) blas.preference_destroy(preference);
  return plan;
}

static blas_plan &plan_for(const blas_shape &s) {
  // Lengths of packed rows vary without end; what they cost is kept within bounds.
  constexpr size_t kMostPlans = 4096;
  static std::map<blas_key, blas_plan> &plans = *new std::map<blas_key, blas_plan>;
  const blas_key key = {s.a, s.b, s.value_type, s.out_type, s.m, s.n, s.k, s.lda, s.ldb, s.ldc, s.beta != 0};
  const auto found = plans.find(key);
  if (found != plans.end()) return found->second;
  if (plans.size() >= kMostPlans) {
    for (const auto &each : plans) release(each.second);
    plans.clear();
  }
  return plans[key] = make_plan(s);
}

// False where cuBLASLt does not take this product.
static bool blas_product(trn_status *status, void *c, const void *a, const void *b, const blas_shape &shape) {
  const uintptr_t places =
    reinterpret_cast<uintptr_t>(a) | reinterpret_cast<uintptr_t>(b) | reinterpret_cast<uintptr_t>(c);
  if (places % 16 != 0 || shape.k == 0) return false;
  blas_plan &plan = plan_for(shape);
  if (!plan.is_supported) return false;
  void *const memory = workspace(kWorkspaceBytes);
  const float one = 1;
  const cublasStatus_t result = context().blas.multiply(
    context().blas_handle, plan.operation, &one, a, plan.a, b, plan.b, &shape.beta, c, plan.c, c, plan.c,
    &plan.algorithm, memory, kWorkspaceBytes, context().stream);
  // Another release than the headers' may refuse what it has offered.
  if (result == CUBLAS_STATUS_NOT_SUPPORTED || result == CUBLAS_STATUS_INVALID_VALUE) {
    plan.is_supported = false;
    return false;
  }
  *status = result == CUBLAS_STATUS_SUCCESS
              ? TRN_OK
              : fail(TRN_DEVICE_FAILED, "cublasLtMatmul: %s", context().blas.words(result));
  return true;
}

template <typename A>
static constexpr cudaDataType kDataType = sizeof(A) == 4 ? CUDA_R_32F : CUDA_R_16BF;

// MARK: Products

template <typename A, bool INVARIANT, typename Out>
static trn_status multiply(
  Out *y, int64_t ldy, const A *x, int64_t ldx, const A *panels, int64_t T, int64_t K, int64_t N) {
  if (T == 0 || N == 0) return TRN_OK;
  const int64_t stride = panel_stride<A>(K);
  if constexpr (!INVARIANT) {
    trn_status status = TRN_OK;
    const blas_shape shape = {
      CUBLAS_OP_T, CUBLAS_OP_N, kDataType<A>, kDataType<Out>, N, T, K, stride, ldx, ldy, 0};
    if (has_aligned_rows(x, ldx) && has_aligned_rows(y, ldy) && blas_product(&status, y, panels, x, shape))
      return status;
  }
  return own_product<A, true, false>(y, ldy, x, ldx, panels, stride, T, N, K, 1);
}

template <typename A, bool INVARIANT>
trn_status panels_multiply(
  A *y, int64_t ldy, const A *x, int64_t ldx, const A *panels, int64_t T, int64_t K, int64_t N) {
  return multiply<A, INVARIANT>(y, ldy, x, ldx, panels, T, K, N);
}

template <typename A, bool INVARIANT>
trn_status panels_multiply_float(
  float *y, int64_t ldy, const A *x, int64_t ldx, const A *panels, int64_t T, int64_t K, int64_t N) {
  return multiply<A, INVARIANT>(y, ldy, x, ldx, panels, T, K, N);
}

template <typename A, bool INVARIANT>
trn_status weight_gradient(
  float *dw, int64_t ldw, const A *x, int64_t ldx, const A *y, int64_t ldy, int64_t T, int64_t K, int64_t N) {
  if (T == 0 || K == 0 || N == 0) return TRN_OK;
  if constexpr (!INVARIANT) {
    trn_status status = TRN_OK;
    const blas_shape shape = {CUBLAS_OP_N, CUBLAS_OP_T, kDataType<A>, CUDA_R_32F, N, K, T, ldy, ldx, ldw, 1};
    const bool is_aligned = has_aligned_rows(x, ldx) && has_aligned_rows(y, ldy) && has_aligned_rows(dw, ldw);
    if (is_aligned && blas_product(&status, dw, y, x, shape)) return status;
  }
  return own_gradient(dw, ldw, x, ldx, y, ldy, T, K, N);
}

#define TRN_INSTANTIATE_PRODUCTS(A, INVARIANT)                                                       \
  template trn_status panels_multiply<A, INVARIANT>(                                                 \
    A *, int64_t, const A *, int64_t, const A *, int64_t, int64_t, int64_t);                         \
  template trn_status panels_multiply_float<A, INVARIANT>(                                           \
    float *, int64_t, const A *, int64_t, const A *, int64_t, int64_t, int64_t);                     \
  template trn_status weight_gradient<A, INVARIANT>(                                                 \
    float *, int64_t, const A *, int64_t, const A *, int64_t, int64_t, int64_t, int64_t);
#define TRN_INSTANTIATE(A)                                                                           \
  template int64_t panels_bytes<A>(int64_t, int64_t);                                                \
  template trn_status panels_pack<A>(A *, const float *, int64_t, int32_t, int64_t, int64_t);        \
  TRN_INSTANTIATE_PRODUCTS(A, false)                                                                 \
  TRN_INSTANTIATE_PRODUCTS(A, true)
TRN_INSTANTIATE(float)
TRN_INSTANTIATE(bf16)
#undef TRN_INSTANTIATE
#undef TRN_INSTANTIATE_PRODUCTS

}  // namespace trn_cuda
