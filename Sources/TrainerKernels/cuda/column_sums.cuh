// Sums over rows, in an order that the shape alone settles: blocks of rows first, then those in turn.
#pragma once

#include "context.cuh"

namespace trn_cuda {

static constexpr int kSumLanes = 32, kSumRows = 8;

// partial[blockIdx.y, C] = sum over `depth` rows t of term(t, c, left), four columns from c on.
template <typename Term>
__global__ void __launch_bounds__(kSumLanes *kSumRows)
  partial_column_sums_kernel(float *partial, Term term, int64_t T, int64_t C, int64_t depth) {
  __shared__ float4 parts[kSumRows][kSumLanes];
  const int64_t c = (int64_t{blockIdx.x} * kSumLanes + threadIdx.x) * 4;
  const int64_t begin = blockIdx.y * depth, end = begin + depth < T ? begin + depth : T;
  float4 sum = make_float4(0, 0, 0, 0);
  if (c < C) {
#pragma unroll 4
    for (int64_t t = begin + threadIdx.y; t < end; t += kSumRows) sum = add4(sum, term(t, c, C - c));
  }
  parts[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || c >= C) return;
  for (int row = 1; row < kSumRows; row++) sum = add4(sum, parts[row][threadIdx.x]);
  store4<false>(partial + blockIdx.y * C + c, sum, C - c);
}

// out[C] += partial[0, C] + partial[1, C] + ...
__global__ static void add_column_sums_kernel(float *out, const float *partial, int64_t blocks, int64_t C) {
  const int64_t c = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (c >= C) return;
  float sum = partial[c];
#pragma unroll 8
  for (int64_t block = 1; block < blocks; block++) sum += partial[block * C + c];
  out[c] += sum;
}

template <typename Term>
trn_status add_column_sums(float *out, Term term, int64_t T, int64_t C) {
  if (T == 0 || C == 0) return TRN_OK;
  const int64_t depth = T > 128 * 64 ? ceil_div(T, 128) : 64, blocks = ceil_div(T, depth);
  float *const partial = static_cast<float *>(workspace(blocks * C * static_cast<int64_t>(sizeof(float))));
  if (partial == nullptr) return TRN_OUT_OF_MEMORY;
  const dim3 grid(static_cast<unsigned>(ceil_div(C, 4 * kSumLanes)), static_cast<unsigned>(blocks));
  TRN_LAUNCH(
    (partial_column_sums_kernel<Term>), grid, dim3(kSumLanes, kSumRows), 0, partial, term, T, C, depth);
  if (const trn_status status = launched()) return status;
  TRN_LAUNCH(add_column_sums_kernel, static_cast<unsigned>(ceil_div(C, 128)), 128, 0, out, partial, blocks, C);
  return launched();
}

}  // namespace trn_cuda
