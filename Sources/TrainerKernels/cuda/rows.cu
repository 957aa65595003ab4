// Moving and adding whole rows: embeddings, gathers, scatters, biases.

#include "column_sums.cuh"
#include "kernels.cuh"

namespace trn_cuda {

static constexpr int kThreads = 256;

template <typename A, bool VECTOR>
__global__ void __launch_bounds__(kThreads) round_kernel(A *out, const float *inp, int64_t n) {
  const int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4, left = n - i;
  if (left > 0) store4<VECTOR>(out + i, load4<VECTOR>(inp + i, left), left);
}

template <typename A>
trn_status values_round(A *out, const float *inp, int64_t n) {
  if (n == 0) return TRN_OK;
  with_flag(takes_vectors(n, inp) && is_aligned(out, 4), [&](auto flag) {
    TRN_LAUNCH(
      (round_kernel<A, decltype(flag)::value>), static_cast<unsigned>(ceil_div(n, 4 * kThreads)), kThreads, 0, out,
      inp, n);
  });
  return launched();
}

template trn_status values_round<float>(float *, const float *, int64_t);
template trn_status values_round<bf16>(bf16 *, const float *, int64_t);

// MARK: Gathers and scatters

template <typename Unit, bool SCATTERS>
__global__ void __launch_bounds__(kThreads)
  copy_rows_kernel(Unit *out, const int32_t *rows, const Unit *inp, int64_t n, int64_t units) {
  const int64_t i = grid_row(), u = grid_item();
  if (i >= n || u >= units) return;
  const int64_t row = rows[i];
  out[(SCATTERS ? row : i) * units + u] = inp[(SCATTERS ? i : row) * units + u];
}

template <typename Unit, bool SCATTERS>
static trn_status copy_units(void *out, const int32_t *rows, const void *inp, int64_t n, int64_t row_bytes) {
  const int64_t units = row_bytes / static_cast<int64_t>(sizeof(Unit));
  const row_grid shape(n, units);
  TRN_LAUNCH(
    (copy_rows_kernel<Unit, SCATTERS>), shape.grid, shape.block, 0, static_cast<Unit *>(out), rows,
    static_cast<const Unit *>(inp), n, units);
  return launched();
}

template <bool SCATTERS>
static trn_status copy_rows(void *out, const int32_t *rows, const void *inp, int64_t n, int64_t row_bytes) {
  if (n == 0 || row_bytes == 0) return TRN_OK;
  const uintptr_t places =
    reinterpret_cast<uintptr_t>(out) | reinterpret_cast<uintptr_t>(inp) | static_cast<uintptr_t>(row_bytes);
  if (places % 16 == 0) return copy_units<uint4, SCATTERS>(out, rows, inp, n, row_bytes);
  if (places % 4 == 0) return copy_units<uint32_t, SCATTERS>(out, rows, inp, n, row_bytes);
  return copy_units<uint16_t, SCATTERS>(out, rows, inp, n, row_bytes);
}

trn_status rows_gather(void *out, const int32_t *rows, const void *inp, int64_t n, int64_t row_bytes) {
  return copy_rows<false>(out, rows, inp, n, row_bytes);
}

trn_status rows_scatter(void *out, const int32_t *rows, const void *inp, int64_t n, int64_t row_bytes) {
  return copy_rows<true>(out, rows, inp, n, row_bytes);
}

trn_status embedding_forward(float *out, const int32_t *tokens, const float *table, int64_t T, int64_t C) {
  return rows_gather(out, tokens, table, T, C * static_cast<int64_t>(sizeof(float)));
}

// MARK: Scattered sums

// The block of the first row with a target adds all rows with that target, in order; the others have nothing to do.
template <typename A, bool VECTOR>
__global__ void __launch_bounds__(kThreads)
  scatter_add_kernel(A *out, const int32_t *rows, const A *inp, int64_t n, int64_t C) {
  __shared__ int64_t list[kThreads];
  __shared__ int counts[kThreads / 32];
  const int64_t first = blockIdx.x, target = rows[first];
  for (int64_t base = 0; base < first; base += kThreads) {
    const int64_t i = base + threadIdx.x;
    if (__syncthreads_or(i < first && rows[i] == target)) return;
  }
  const int64_t c = grid_item() * 4;
  A *const place = out + target * C + c;
  const bool adds = c < C;
  float4 sum = adds ? load4<VECTOR>(place, C - c) : make_float4(0, 0, 0, 0);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  for (int64_t base = first; base < n; base += kThreads) {
    const int64_t i = base + threadIdx.x;
    const bool is_one = i < n && rows[i] == target;
    if (!__syncthreads_or(is_one)) continue;
    const unsigned lanes = __ballot_sync(kAllLanes, is_one);
    if (lane == 0) counts[warp] = __popc(lanes);
    __syncthreads();
    int before = __popc(lanes & ((1u << lane) - 1)), count = 0;
    for (int other = 0; other < kThreads / 32; other++) {
      if (other < warp) before += counts[other];
      count += counts[other];
    }
    if (is_one) list[before] = i;
    __syncthreads();
    if (!adds) continue;
    // Loads of many rows are under way at once; the order of the additions stays.
#pragma unroll 16
    for (int k = 0; k < count; k++) sum = add4(sum, load4<VECTOR>(inp + list[k] * C + c, C - c));
  }
  if (adds) store4<VECTOR>(place, sum, C - c);
}

template <typename A>
static trn_status scatter_add(A *out, const int32_t *rows, const A *inp, int64_t n, int64_t C) {
  if (n == 0 || C == 0) return TRN_OK;
  const dim3 grid(static_cast<unsigned>(n), static_cast<unsigned>(ceil_div(C, 4 * kThreads)));
  with_flag(takes_vectors(C, out, inp), [&](auto flag) {
    TRN_LAUNCH((scatter_add_kernel<A, decltype(flag)::value>), grid, kThreads, 0, out, rows, inp, n, C);
  });
  return launched();
}

trn_status embedding_backward(float *dtable, const int32_t *tokens, const float *dout, int64_t T, int64_t C) {
  return scatter_add(dtable, tokens, dout, T, C);
}

trn_status rows_scatter_add(float *out, const int32_t *rows, const float *inp, int64_t n, int64_t C) {
  return scatter_add(out, rows, inp, n, C);
}

template <typename A>
trn_status values_scatter_add(A *out, const int32_t *rows, const A *inp, int64_t n, int64_t C) {
  return scatter_add(out, rows, inp, n, C);
}

template trn_status values_scatter_add<float>(float *, const int32_t *, const float *, int64_t, int64_t);
template trn_status values_scatter_add<bf16>(bf16 *, const int32_t *, const bf16 *, int64_t, int64_t);

// MARK: Biases

template <typename A, bool VECTOR>
__global__ void __launch_bounds__(kThreads) bias_kernel(A *inout, const float *bias, int64_t T, int64_t C) {
  const int64_t t = grid_row(), c = grid_item() * 4, left = C - c;
  if (t >= T || left <= 0) return;
  A *const p = inout + t * C + c;
  store4<VECTOR>(p, add4(load4<VECTOR>(p, left), load4<VECTOR>(bias + c, left)), left);
}

template <typename A>
trn_status bias_forward(A *inout, const float *bias, int64_t T, int64_t C) {
  if (T == 0 || C == 0) return TRN_OK;
  const row_grid shape(T, ceil_div(C, 4));
  with_flag(takes_vectors(C, inout) && is_aligned(bias, 4), [&](auto flag) {
    TRN_LAUNCH((bias_kernel<A, decltype(flag)::value>), shape.grid, shape.block, 0, inout, bias, T, C);
  });
  return launched();
}

template trn_status bias_forward<float>(float *, const float *, int64_t, int64_t);
template trn_status bias_forward<bf16>(bf16 *, const float *, int64_t, int64_t);

template <typename A, bool VECTOR>
struct row_term {
  const A *dout;
  int64_t C;
  __device__ float4 operator()(int64_t t, int64_t c, int64_t left) const {
    return load4<VECTOR>(dout + t * C + c, left);
  }
};

template <typename A>
trn_status bias_backward(float *dbias, const A *dout, int64_t T, int64_t C) {
  return takes_vectors(C, dout) ? add_column_sums(dbias, row_term<A, true>{dout, C}, T, C)
                                : add_column_sums(dbias, row_term<A, false>{dout, C}, T, C);
}

template trn_status bias_backward<float>(float *, const float *, int64_t, int64_t);
template trn_status bias_backward<bf16>(float *, const bf16 *, int64_t, int64_t);

}  // namespace trn_cuda
