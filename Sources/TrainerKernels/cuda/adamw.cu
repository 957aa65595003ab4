// AdamW (Loshchilov and Hutter, arXiv:1711.05101), the norm that clipping needs, and targets that follow.

#include <cmath>

#include "kernels.cuh"

namespace trn_cuda {

static constexpr int kThreads = 256;

struct adamw_constants {
  float rate, root, keep, beta1, beta2, other1, other2, epsilon, gradient_scale;
};

// p -= rate (m / c1) / (sqrt(v) / c2 + epsilon) after p *= 1 - rate decay; c1, c2 the bias corrections.
__device__ __forceinline__ void adamw_element(float &p, float &m, float &v, float gradient, const adamw_constants &s) {
  const float g = gradient * s.gradient_scale;
  m = fmaf(s.beta1, m, s.other1 * g);
  v = fmaf(s.beta2, v, s.other2 * g * g);
  p = p * s.keep - s.rate * m / fmaf(sqrtf(v), s.root, s.epsilon);
}

template <bool VECTOR>
__global__ void __launch_bounds__(kThreads) adamw_kernel(
  float *parameters, float *first_moments, float *second_moments, const float *gradients, int64_t n,
  adamw_constants s) {
  const int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4, left = n - i;
  if (left <= 0) return;
  float4 p = load4<VECTOR>(parameters + i, left), m = load4<VECTOR>(first_moments + i, left);
  float4 v = load4<VECTOR>(second_moments + i, left);
  const float4 g = load4<VECTOR>(gradients + i, left);
  adamw_element(p.x, m.x, v.x, g.x, s);
  adamw_element(p.y, m.y, v.y, g.y, s);
  adamw_element(p.z, m.z, v.z, g.z, s);
  adamw_element(p.w, m.w, v.w, g.w, s);
  store4<VECTOR>(parameters + i, p, left);
  store4<VECTOR>(first_moments + i, m, left);
  store4<VECTOR>(second_moments + i, v, left);
}

trn_status adamw_step(
  float *parameters, float *first_moments, float *second_moments, const float *gradients, int64_t n, trn_adamw s) {
  if (n == 0) return TRN_OK;
  const adamw_constants constants = {
    s.learning_rate / s.bias_correction1,
    1.0f / s.bias_correction2_sqrt,
    1.0f - s.learning_rate * s.weight_decay,
    s.beta1,
    s.beta2,
    1.0f - s.beta1,
    1.0f - s.beta2,
    s.epsilon,
    s.gradient_scale};
  const unsigned blocks = static_cast<unsigned>(ceil_div(n, 4 * kThreads));
  with_flag(takes_vectors(n, parameters, first_moments, second_moments, gradients), [&](auto flag) {
    TRN_LAUNCH(
      (adamw_kernel<decltype(flag)::value>), blocks, kThreads, 0, parameters, first_moments, second_moments, gradients,
      n, constants);
  });
  return launched();
}

template <bool VECTOR>
__global__ void __launch_bounds__(kThreads) follow_kernel(float *target, const float *source, float rate, int64_t n) {
  const int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4, left = n - i;
  if (left <= 0) return;
  float4 t = load4<VECTOR>(target + i, left);
  const float4 s = load4<VECTOR>(source + i, left);
  t.x = fmaf(rate, s.x - t.x, t.x);
  t.y = fmaf(rate, s.y - t.y, t.y);
  t.z = fmaf(rate, s.z - t.z, t.z);
  t.w = fmaf(rate, s.w - t.w, t.w);
  store4<VECTOR>(target + i, t, left);
}

trn_status parameters_follow(float *target, const float *source, float rate, int64_t n) {
  if (n == 0) return TRN_OK;
  with_flag(takes_vectors(n, target, source), [&](auto flag) {
    TRN_LAUNCH(
      (follow_kernel<decltype(flag)::value>), static_cast<unsigned>(ceil_div(n, 4 * kThreads)), kThreads, 0, target,
      source, rate, n);
  });
  return launched();
}

// Blocks of a sum; a constant, so that the order of additions is the same on every device.
static constexpr int kSumBlocks = 1024;

template <bool VECTOR>
__global__ void __launch_bounds__(kThreads) squares_kernel(double *sums, const float *inp, int64_t n) {
  double sum = 0;
  for (int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * 4; i < n; i += int64_t{gridDim.x} * kThreads * 4) {
    const float4 v = load4<VECTOR>(inp + i, n - i);
    const double x = v.x, y = v.y, z = v.z, w = v.w;
    sum += (x * x + y * y) + (z * z + w * w);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads) total_kernel(double *total, const double *sums, int count) {
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) sum += sums[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *total = sum;
}

double sum_of_squares(const float *inp, int64_t n) {
  double *const sums = static_cast<double *>(workspace((kSumBlocks + 1) * sizeof(double)));
  if (sums == nullptr) return NAN;
  const int64_t wanted = ceil_div(n, 4 * kThreads);
  const int blocks = static_cast<int>(wanted < 1 ? 1 : wanted < kSumBlocks ? wanted : kSumBlocks);
  with_flag(takes_vectors(n, inp), [&](auto flag) {
    TRN_LAUNCH((squares_kernel<decltype(flag)::value>), static_cast<unsigned>(blocks), kThreads, 0, sums, inp, n);
  });
  if (launched() != TRN_OK) return NAN;
  TRN_LAUNCH(total_kernel, 1, kThreads, 0, sums + kSumBlocks, sums, blocks);
  double total = 0;
  if (launched() != TRN_OK || memory_download(&total, sums + kSumBlocks, sizeof total) != TRN_OK) return NAN;
  return total;
}

}  // namespace trn_cuda
