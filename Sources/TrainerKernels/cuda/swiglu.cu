// SwiGLU (Shazeer, arXiv:2002.05202): silu(gate) * up, silu(g) = g * sigmoid(g).

#include "kernels.cuh"

namespace trn_cuda {

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

template <typename A, bool VECTOR>
__global__ void __launch_bounds__(256) swiglu_kernel(A *out, const A *gate_up, int64_t T, int64_t H) {
  const int64_t t = grid_row(), i = grid_item() * 4, left = H - i;
  if (t >= T || left <= 0) return;
  const A *const gate = gate_up + t * 2 * H + i;
  const float4 y = map4(
    [](float g, float u) { return g * sigmoid(g) * u; }, load4<VECTOR>(gate, left), load4<VECTOR>(gate + H, left));
  store4<VECTOR>(out + t * H + i, y, left);
}

template <typename A>
trn_status swiglu_forward(A *out, const A *gate_up, int64_t T, int64_t H) {
  if (T == 0 || H == 0) return TRN_OK;
  const row_grid shape(T, ceil_div(H, 4));
  with_flag(takes_vectors(H, out, gate_up), [&](auto flag) {
    TRN_LAUNCH((swiglu_kernel<A, decltype(flag)::value>), shape.grid, shape.block, 0, out, gate_up, T, H);
  });
  return launched();
}

// silu'(g) = s (1 + g (1 - s)) = s + silu (1 - s) with s = sigmoid(g).
template <typename A, bool VECTOR>
__global__ void __launch_bounds__(256)
  swiglu_backward_kernel(A *dgate_up, A *out, const A *dout, const A *gate_up, int64_t T, int64_t H) {
  const int64_t t = grid_row(), i = grid_item() * 4, left = H - i;
  if (t >= T || left <= 0) return;
  const int64_t at = t * 2 * H + i;
  const float4 g = load4<VECTOR>(gate_up + at, left), u = load4<VECTOR>(gate_up + at + H, left);
  const float4 d = load4<VECTOR>(dout + t * H + i, left);
  const float4 s = map4([](float x) { return sigmoid(x); }, g);
  const float4 silu = map4([](float x, float y) { return x * y; }, g, s);
  const auto times = [](float x, float y) { return x * y; };
  store4<VECTOR>(out + t * H + i, map4(times, silu, u), left);
  store4<VECTOR>(dgate_up + at + H, map4(times, d, silu), left);
  const float4 slope = map4([](float f, float x) { return fmaf(f, 1.0f - x, x); }, silu, s);
  store4<VECTOR>(dgate_up + at, map4(times, map4(times, d, u), slope), left);
}

template <typename A>
trn_status swiglu_backward(A *dgate_up, A *out, const A *dout, const A *gate_up, int64_t T, int64_t H) {
  if (T == 0 || H == 0) return TRN_OK;
  const row_grid shape(T, ceil_div(H, 4));
  with_flag(takes_vectors<A>(H, dgate_up, out, dout, gate_up), [&](auto flag) {
    TRN_LAUNCH(
      (swiglu_backward_kernel<A, decltype(flag)::value>), shape.grid, shape.block, 0, dgate_up, out, dout, gate_up, T,
      H);
  });
  return launched();
}

#define TRN_INSTANTIATE(A)                                                      \
  template trn_status swiglu_forward<A>(A *, const A *, int64_t, int64_t);      \
  template trn_status swiglu_backward<A>(A *, A *, const A *, const A *, int64_t, int64_t);
TRN_INSTANTIATE(float)
TRN_INSTANTIATE(bf16)
#undef TRN_INSTANTIATE

}  // namespace trn_cuda
