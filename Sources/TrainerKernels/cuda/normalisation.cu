// RMSNorm (Zhang and Sennrich, arXiv:1910.07467): y = x / sqrt(mean(x^2) + epsilon) * weight.

#include "column_sums.cuh"
#include "kernels.cuh"

namespace trn_cuda {

static constexpr float kNormEpsilon = 1e-6f;

// Short rows have a warp each, eight to a block; of longer ones each has a block of eight warps.
static constexpr int64_t kLongRow = 1024;
static constexpr int kThreads = 256;

// The sum over the threads of a row.
template <int WARPS>
__device__ __forceinline__ float row_sum(float value) {
  if constexpr (WARPS == 1) return warp_sum(value);
  return block_sum(value);
}

__device__ __forceinline__ float dot4(float4 a, float4 b, float sum) {
  return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum))));
}

// Calls `launch` with the warps of a row and with whether rows are taken by vectors, as constants.
template <typename Launch>
static trn_status for_rows(int64_t T, int64_t C, bool vectors, Launch launch) {
  if (T == 0 || C == 0) return TRN_OK;
  with_flag(vectors, [&](auto vector) {
    if (C < kLongRow)
      launch(std::integral_constant<int, 1>{}, vector, static_cast<unsigned>(ceil_div(T, kThreads / 32)), dim3(32, 8));
    else
      launch(std::integral_constant<int, kThreads / 32>{}, vector, static_cast<unsigned>(T), dim3(kThreads));
  });
  return launched();
}

// With `sum`: sum = inp + delta, and its norm.
template <typename A, int WARPS, bool VECTOR, bool RESIDUAL>
__global__ void __launch_bounds__(kThreads) rmsnorm_kernel(
  float *sum, A *out, float *rstd, const float *inp, const A *delta, const float *weight, int64_t T, int64_t C) {
  const int64_t t = grid_row();
  if (t >= T) return;
  const float *row = inp + t * C;
  float squares = 0;
  for (int64_t c = threadIdx.x * 4; c < C; c += WARPS * 128) {
    float4 x = load4<VECTOR>(row + c, C - c);
    if constexpr (RESIDUAL) {
      x = add4(x, load4<VECTOR>(delta + t * C + c, C - c));
      store4<VECTOR>(sum + t * C + c, x, C - c);
    }
    squares = dot4(x, x, squares);
  }
  if constexpr (RESIDUAL) row = sum + t * C;
  const float scale = 1.0f / sqrtf(row_sum<WARPS>(squares) / static_cast<float>(C) + kNormEpsilon);
  if (threadIdx.x == 0) rstd[t] = scale;
  for (int64_t c = threadIdx.x * 4; c < C; c += WARPS * 128) {
    const float4 y = map4(
      [scale](float x, float w) { return x * scale * w; }, load4<VECTOR>(row + c, C - c),
      load4<VECTOR>(weight + c, C - c));
    store4<VECTOR>(out + t * C + c, y, C - c);
  }
}

template <typename A>
trn_status rmsnorm_forward(A *out, float *rstd, const float *inp, const float *weight, int64_t T, int64_t C) {
  const bool vectors = takes_vectors(C, inp, weight) && is_aligned(out, 4);
  return for_rows(T, C, vectors, [&](auto warps, auto vector, unsigned blocks, dim3 threads) {
    TRN_LAUNCH(
      (rmsnorm_kernel<A, decltype(warps)::value, decltype(vector)::value, false>), blocks, threads, 0, nullptr, out,
      rstd, inp, nullptr, weight, T, C);
  });
}

template <typename A>
trn_status residual_rmsnorm_forward(
  float *sum, A *out, float *rstd, const float *inp, const A *delta, const float *weight, int64_t T, int64_t C) {
  const bool vectors = takes_vectors<float>(C, sum, inp, weight) && takes_vectors<A>(C, out, delta);
  return for_rows(T, C, vectors, [&](auto warps, auto vector, unsigned blocks, dim3 threads) {
    TRN_LAUNCH(
      (rmsnorm_kernel<A, decltype(warps)::value, decltype(vector)::value, true>), blocks, threads, 0, sum, out, rstd,
      inp, delta, weight, T, C);
  });
}

// With n = x rstd and g = dout weight: dx = rstd (g - n mean(g n)), dweight = sum over rows of dout n.
template <typename A, int WARPS, bool VECTOR>
__global__ void __launch_bounds__(kThreads) rmsnorm_backward_kernel(
  float *dinp, A *out, const A *dout, const float *inp, const float *weight, const float *rstd, int64_t T,
  int64_t C) {
  const int64_t t = grid_row();
  if (t >= T) return;
  const float scale = rstd[t];
  const auto times = [](float a, float b) { return a * b; };
  const auto scaled = [scale](float x) { return x * scale; };
  float products = 0;
  for (int64_t c = threadIdx.x * 4; c < C; c += WARPS * 128) {
    const float4 g =
      map4(times, load4<VECTOR>(dout + t * C + c, C - c), load4<VECTOR>(weight + c, C - c));
    products = dot4(g, map4(scaled, load4<VECTOR>(inp + t * C + c, C - c)), products);
  }
  const float mean = row_sum<WARPS>(products) / static_cast<float>(C);
  for (int64_t c = threadIdx.x * 4; c < C; c += WARPS * 128) {
    const float4 w = load4<VECTOR>(weight + c, C - c);
    const float4 g = map4(times, load4<VECTOR>(dout + t * C + c, C - c), w);
    const float4 n = map4(scaled, load4<VECTOR>(inp + t * C + c, C - c));
    const float4 dx = map4([=](float gi, float ni) { return (gi - ni * mean) * scale; }, g, n);
    store4<VECTOR>(dinp + t * C + c, add4(load4<VECTOR>(dinp + t * C + c, C - c), dx), C - c);
    store4<VECTOR>(out + t * C + c, map4(times, n, w), C - c);
  }
}

template <typename A, bool VECTOR>
struct weight_term {
  const A *dout;
  const float *inp, *rstd;
  int64_t C;
  __device__ float4 operator()(int64_t t, int64_t c, int64_t left) const {
    const float scale = rstd[t];
    return map4(
      [scale](float d, float x) { return d * (x * scale); }, load4<VECTOR>(dout + t * C + c, left),
      load4<VECTOR>(inp + t * C + c, left));
  }
};

template <typename A>
trn_status rmsnorm_backward(
  float *dinp, float *dweight, A *out, const A *dout, const float *inp, const float *weight, const float *rstd,
  int64_t T, int64_t C) {
  const bool vectors = takes_vectors<float>(C, dinp, inp, weight) && takes_vectors<A>(C, out, dout);
  const trn_status status = vectors ? add_column_sums(dweight, weight_term<A, true>{dout, inp, rstd, C}, T, C)
                                    : add_column_sums(dweight, weight_term<A, false>{dout, inp, rstd, C}, T, C);
  if (status != TRN_OK) return status;
  return for_rows(T, C, vectors, [&](auto warps, auto vector, unsigned blocks, dim3 threads) {
    TRN_LAUNCH(
      (rmsnorm_backward_kernel<A, decltype(warps)::value, decltype(vector)::value>), blocks, threads, 0, dinp, out,
      dout, inp, weight, rstd, T, C);
  });
}

#define TRN_INSTANTIATE(A)                                                                                            \
  template trn_status rmsnorm_forward<A>(A *, float *, const float *, const float *, int64_t, int64_t);               \
  template trn_status residual_rmsnorm_forward<A>(                                                                    \
    float *, A *, float *, const float *, const A *, const float *, int64_t, int64_t);                                \
  template trn_status rmsnorm_backward<A>(                                                                            \
    float *, float *, A *, const A *, const float *, const float *, const float *, int64_t, int64_t);
TRN_INSTANTIATE(float)
TRN_INSTANTIATE(bf16)
#undef TRN_INSTANTIATE

}  // namespace trn_cuda
