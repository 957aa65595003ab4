// Rotary position embedding (Su et al., arXiv:2104.09864), in the half-split pairing of LLaMA's and
// Qwen2's checkpoints: channels i and i + HS/2 of a head turn by position * base^(-2i/HS).

#include "kernels.cuh"

namespace trn_cuda {

// A thread turns four pairs of a head.
template <typename A, bool VECTOR>
__global__ void __launch_bounds__(256) rope_kernel(
  A *inout, int64_t stride, const int32_t *positions, const float *cosines, const float *sines, float sign, int64_t T,
  int heads, int half) {
  const int64_t t = grid_row();
  const int groups = (half + 3) / 4, item = static_cast<int>(grid_item()), head = item / groups;
  if (t >= T || head >= heads) return;
  const int i = item % groups * 4, left = half - i;
  const int64_t angle = static_cast<int64_t>(positions[t]) * half + i;
  const float4 c = load4<VECTOR>(cosines + angle, left);
  const float4 s = map4([sign](float x) { return x * sign; }, load4<VECTOR>(sines + angle, left));
  A *const first = inout + t * stride + static_cast<int64_t>(head) * 2 * half + i, *const second = first + half;
  const float4 a = load4<VECTOR>(first, left), b = load4<VECTOR>(second, left);
  const auto turned_first = [](float x, float y, float cosine, float sine) { return x * cosine - y * sine; };
  const auto turned_second = [](float x, float y, float cosine, float sine) { return y * cosine + x * sine; };
  store4<VECTOR>(first, map4(turned_first, a, b, c, s), left);
  store4<VECTOR>(second, map4(turned_second, a, b, c, s), left);
}

template <typename A>
static trn_status rope_rows(
  A *inout, int64_t stride, const int32_t *positions, const float *cosines, const float *sines, float sign, int64_t T,
  int64_t heads, int64_t HS) {
  const int64_t half = HS / 2;
  if (T == 0 || heads * half == 0) return TRN_OK;
  const row_grid shape(T, heads * ceil_div(half, 4));
  const bool vectors = stride % 4 == 0 && takes_vectors(half, cosines, sines) && is_aligned(inout, 4);
  with_flag(vectors, [&](auto flag) {
    TRN_LAUNCH(
      (rope_kernel<A, decltype(flag)::value>), shape.grid, shape.block, 0, inout, stride, positions, cosines, sines,
      sign, T, static_cast<int>(heads), static_cast<int>(half));
  });
  return launched();
}

template <typename A>
trn_status rope_forward(
  A *inout, int64_t stride, const int32_t *positions, const float *cosines, const float *sines, int64_t T,
  int64_t heads, int64_t HS) {
  return rope_rows(inout, stride, positions, cosines, sines, 1.0f, T, heads, HS);
}

template <typename A>
trn_status rope_backward(
  A *inout, int64_t stride, const int32_t *positions, const float *cosines, const float *sines, int64_t T,
  int64_t heads, int64_t HS) {
  return rope_rows(inout, stride, positions, cosines, sines, -1.0f, T, heads, HS);
}

#define TRN_INSTANTIATE(A)                                                                       \
  template trn_status rope_forward<A>(                                                           \
    A *, int64_t, const int32_t *, const float *, const float *, int64_t, int64_t, int64_t);     \
  template trn_status rope_backward<A>(                                                          \
    A *, int64_t, const int32_t *, const float *, const float *, int64_t, int64_t, int64_t);
TRN_INSTANTIATE(float)
TRN_INSTANTIATE(bf16)
#undef TRN_INSTANTIATE

}  // namespace trn_cuda
