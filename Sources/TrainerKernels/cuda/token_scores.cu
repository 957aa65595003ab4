// Softmax over the vocabulary: log-probability of a chosen token, full entropy, their gradient; and a critic's values.

#include <cfloat>

#include "kernels.cuh"
#include "vocabulary.cuh"

namespace trn_cuda {

// Of some logits z: their largest m, the sum of e^y and of e^y y, where y = z - m.
struct vocabulary_sums {
  float largest, sum, weighted;

  // Takes the sums to a larger m.
  __device__ __forceinline__ void raise(float to) {
    const float shift = largest - to, factor = expf(shift);
    weighted = factor * (weighted + sum * shift);
    sum *= factor;
    largest = to;
  }
};

__device__ __forceinline__ vocabulary_sums merged(vocabulary_sums a, vocabulary_sums b) {
  const float largest = fmaxf(a.largest, b.largest);
  a.raise(largest);
  b.raise(largest);
  return {largest, a.sum + b.sum, a.weighted + b.weighted};
}

__device__ __forceinline__ vocabulary_sums from_lane(vocabulary_sums a, int bits) {
  return {from_lane(a.largest, bits), from_lane(a.sum, bits), from_lane(a.weighted, bits)};
}

// The sums of a row, the same in all threads of the block; one pass over its logits.
template <bool VECTOR>
__device__ vocabulary_sums row_sums(const float *row, float inverse_temperature, int64_t V) {
  vocabulary_sums sums = {-FLT_MAX, 0, 0};
  for (int64_t v = threadIdx.x * 4; v < V; v += blockDim.x * 4) {
    const int64_t left = V - v;
    float4 z = map4([=](float x) { return x * inverse_temperature; }, load4<VECTOR>(row + v, left));
    // What lies behind the row weighs nothing.
    if (left < 4) z.w = -FLT_MAX;
    if (left < 3) z.z = -FLT_MAX;
    if (left < 2) z.y = -FLT_MAX;
    const float largest = fmaxf(fmaxf(z.x, z.y), fmaxf(z.z, z.w));
    if (largest > sums.largest) sums.raise(largest);
    const float4 y = map4([&](float x) { return x - sums.largest; }, z);
    const float4 e = map4([](float x) { return expf(x); }, y);
    sums.sum += (e.x + e.y) + (e.z + e.w);
    sums.weighted += fmaf(e.x, y.x, e.y * y.y) + fmaf(e.z, y.z, e.w * y.w);
  }
  return block_combine(sums, [](vocabulary_sums a, vocabulary_sums b) { return merged(a, b); });
}

// H = ln S - sum(e^y y) / S with S = sum(e^y).
template <bool VECTOR>
__global__ void __launch_bounds__(kMostThreads) scores_kernel(
  float *log_probs, float *entropies, const float *logits, int64_t ld, const int32_t *targets,
  float inverse_temperature, int64_t V) {
  const int64_t t = blockIdx.x;
  const float *const row = logits + t * ld;
  const vocabulary_sums sums = row_sums<VECTOR>(row, inverse_temperature, V);
  if (threadIdx.x > 0) return;
  const float log_sum = logf(sums.sum);
  log_probs[t] = row[targets[t]] * inverse_temperature - sums.largest - log_sum;
  entropies[t] = log_sum - sums.weighted / sums.sum;
}

trn_status token_scores_forward(
  float *log_probs, float *entropies, const float *logits, int64_t ld, const int32_t *targets,
  float inverse_temperature, int64_t T, int64_t V) {
  if (T == 0) return TRN_OK;
  with_flag(takes_logits(ld, logits), [&](auto flag) {
    TRN_LAUNCH(
      (scores_kernel<decltype(flag)::value>), static_cast<unsigned>(T), vocabulary_threads(V), 0, log_probs, entropies,
      logits, ld, targets, inverse_temperature, V);
  });
  return launched();
}

// With p = softmax(z): dlogp_a/dz_v = [v = a] - p_v, dH/dz_v = -p_v (ln p_v + H). A thread writes the logits' memory,
// which may be the gradient's too, where it alone has read since the block's barrier.
template <typename A, bool VECTOR>
__global__ void __launch_bounds__(kMostThreads) scores_backward_kernel(
  A *dlogits, const float *logits, int64_t ld, const int32_t *targets, const float *d_log_probs,
  const float *d_entropies, float inverse_temperature, int64_t V) {
  const int64_t t = blockIdx.x;
  const float *const row = logits + t * ld;
  const vocabulary_sums sums = row_sums<VECTOR>(row, inverse_temperature, V);
  const float log_sum = logf(sums.sum), inverse_sum = 1.0f / sums.sum;
  const float offset = log_sum - (log_sum - sums.weighted / sums.sum);
  const float dl = d_log_probs[t] * inverse_temperature;
  const float dh = d_entropies == nullptr ? 0 : d_entropies[t] * inverse_temperature;
  const int64_t target = targets[t];
  const auto slope = [=](float x, int64_t v) {
    if (v >= V) return 0.0f;
    const float y = x * inverse_temperature - sums.largest;
    const float d = -(expf(y) * inverse_sum) * fmaf(dh, y - offset, dl);
    return v == target ? d + dl : d;
  };
  for (int64_t v = threadIdx.x * 4; v < ld; v += blockDim.x * 4) {
    const float4 x = load4<VECTOR>(row + v, ld - v);
    store4<VECTOR>(
      dlogits + t * ld + v, make_float4(slope(x.x, v), slope(x.y, v + 1), slope(x.z, v + 2), slope(x.w, v + 3)),
      ld - v);
  }
}

template <typename A>
trn_status token_scores_backward(
  A *dlogits, const float *logits, int64_t ld, const int32_t *targets, const float *d_log_probs,
  const float *d_entropies, float inverse_temperature, int64_t T, int64_t V) {
  if (T == 0) return TRN_OK;
  with_flag(takes_logits(ld, logits) && is_aligned(dlogits, 4), [&](auto flag) {
    TRN_LAUNCH(
      (scores_backward_kernel<A, decltype(flag)::value>), static_cast<unsigned>(T), vocabulary_threads(V), 0, dlogits,
      logits, ld, targets, d_log_probs, d_entropies, inverse_temperature, V);
  });
  return launched();
}

template trn_status token_scores_backward<float>(
  float *, const float *, int64_t, const int32_t *, const float *, const float *, float, int64_t, int64_t);
template trn_status token_scores_backward<bf16>(
  bf16 *, const float *, int64_t, const int32_t *, const float *, const float *, float, int64_t, int64_t);

// MARK: A critic's values

static constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
  state_values_kernel(float *values, const float *outputs, int64_t ld, const float *bias, int64_t T) {
  const int64_t t = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (t < T) values[t] = outputs[t * ld] + bias[0];
}

trn_status state_values_forward(float *values, const float *outputs, int64_t ld, const float *bias, int64_t T) {
  if (T == 0) return TRN_OK;
  TRN_LAUNCH(
    state_values_kernel, static_cast<unsigned>(ceil_div(T, kThreads)), kThreads, 0, values, outputs, ld, bias, T);
  return launched();
}

template <typename A>
__global__ void __launch_bounds__(kThreads)
  state_values_backward_kernel(A *doutputs, const float *d_values, int64_t ld, int64_t T) {
  const int64_t t = grid_row(), c = grid_item();
  if (t < T && c < ld) doutputs[t * ld + c] = from_float<A>(c == 0 ? d_values[t] : 0);
}

// One chain of additions, in the order of the rows.
__global__ void __launch_bounds__(kThreads) add_in_order_kernel(float *sum, const float *values, int64_t n) {
  __shared__ float part[kThreads];
  float total = *sum;
  for (int64_t base = 0; base < n; base += kThreads) {
    part[threadIdx.x] = base + threadIdx.x < n ? values[base + threadIdx.x] : 0;
    __syncthreads();
    if (threadIdx.x == 0) {
      const int count = static_cast<int>(n - base < kThreads ? n - base : kThreads);
#pragma unroll 8
      for (int i = 0; i < count; i++) total += part[i];
    }
    __syncthreads();
  }
  if (threadIdx.x == 0) *sum = total;
}

template <typename A>
trn_status state_values_backward(A *doutputs, float *dbias, const float *d_values, int64_t ld, int64_t T) {
  if (T == 0) return TRN_OK;
  const row_grid shape(T, ld);
  TRN_LAUNCH((state_values_backward_kernel<A>), shape.grid, shape.block, 0, doutputs, d_values, ld, T);
  if (const trn_status status = launched()) return status;
  TRN_LAUNCH(add_in_order_kernel, 1, kThreads, 0, dbias, d_values, T);
  return launched();
}

template trn_status state_values_backward<float>(float *, float *, const float *, int64_t, int64_t);
template trn_status state_values_backward<bf16>(bf16 *, float *, const float *, int64_t, int64_t);

}  // namespace trn_cuda
