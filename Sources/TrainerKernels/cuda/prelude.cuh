// What every kernel includes: launches, values, reductions. Fused additions are written out, never implied, so that
// one formula gives the same bits wherever it is compiled into.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "../include/trainer_kernels.h"

#ifdef TRN_EMULATED
#define TRN_LAUNCH(kernel, grid, block, shared_bytes, ...) \
  cuda_emulation::launch(#kernel, kernel, grid, block, shared_bytes, context().stream, __VA_ARGS__)
#define TRN_SHARED_BYTES(name) unsigned char *const name = cuda_emulation::shared_bytes()
#else
#define TRN_LAUNCH(kernel, grid, block, shared_bytes, ...) \
  kernel<<<grid, block, shared_bytes, context().stream>>>(__VA_ARGS__)
#define TRN_SHARED_BYTES(name) extern __shared__ __align__(16) unsigned char name[]
#endif

// Lets a kernel have more than 48 KiB of dynamic shared memory.
#define TRN_ALLOW_SHARED(kernel, bytes) \
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes))

namespace trn_cuda {

typedef __nv_bfloat16 bf16;

static constexpr unsigned kAllLanes = 0xffffffffu;

__host__ __device__ constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
__host__ __device__ constexpr int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

// MARK: Values

__device__ __forceinline__ float to_float(float value) { return value; }
__device__ __forceinline__ float to_float(bf16 value) { return __bfloat162float(value); }

template <typename A>
__device__ __forceinline__ A from_float(float value);
template <>
__device__ __forceinline__ float from_float<float>(float value) {
  return value;
}
template <>
__device__ __forceinline__ bf16 from_float<bf16>(float value) {
  return __float2bfloat16(value);
}

// Rows are taken four values at a time. Whether these are loaded together (VECTOR) or one by one changes no bit; of the
// latter, those from `left` on are 0 and not stored.
template <bool VECTOR>
__device__ __forceinline__ float4 load4(const float *p, int64_t left) {
  if constexpr (VECTOR) return *reinterpret_cast<const float4 *>(p);
  return make_float4(p[0], left > 1 ? p[1] : 0, left > 2 ? p[2] : 0, left > 3 ? p[3] : 0);
}

template <bool VECTOR>
__device__ __forceinline__ float4 load4(const bf16 *p, int64_t left) {
  if constexpr (VECTOR) {
    const uint2 pairs = *reinterpret_cast<const uint2 *>(p);
    return make_float4(
      __uint_as_float(pairs.x << 16), __uint_as_float(pairs.x & 0xffff0000u), __uint_as_float(pairs.y << 16),
      __uint_as_float(pairs.y & 0xffff0000u));
  }
  return make_float4(
    to_float(p[0]), left > 1 ? to_float(p[1]) : 0, left > 2 ? to_float(p[2]) : 0, left > 3 ? to_float(p[3]) : 0);
}

// Two values as they lie in memory, the first in the lower half.
__device__ __forceinline__ uint32_t pack_bf16(float first, float second) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(first, second);
  uint32_t bits;
  memcpy(&bits, &pair, sizeof bits);
  return bits;
}

__device__ __forceinline__ void put4(float *p, float4 v) { *reinterpret_cast<float4 *>(p) = v; }
__device__ __forceinline__ void put4(bf16 *p, float4 v) {
  *reinterpret_cast<uint2 *>(p) = make_uint2(pack_bf16(v.x, v.y), pack_bf16(v.z, v.w));
}

template <bool VECTOR, typename A>
__device__ __forceinline__ void store4(A *p, float4 v, int64_t left) {
  if constexpr (VECTOR) {
    put4(p, v);
    return;
  }
  p[0] = from_float<A>(v.x);
  if (left > 1) p[1] = from_float<A>(v.y);
  if (left > 2) p[2] = from_float<A>(v.z);
  if (left > 3) p[3] = from_float<A>(v.w);
}

__device__ __forceinline__ float4 add4(float4 a, float4 b) {
  return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
}

// One function of four values, element by element.
template <typename F, typename... V>
__device__ __forceinline__ float4 map4(F f, V... v) {
  return make_float4(f(v.x...), f(v.y...), f(v.z...), f(v.w...));
}

template <typename A>
bool is_aligned(const A *p, int64_t values) {
  return reinterpret_cast<uintptr_t>(p) % (static_cast<uintptr_t>(values) * sizeof(A)) == 0;
}

// Whether rows of this width (or stride) at these places can be taken by VECTOR.
template <typename... P>
bool takes_vectors(int64_t width, const P *...rows) {
  return width % 4 == 0 && (is_aligned(rows, 4) && ...);
}

// Calls `body` with std::true_type or std::false_type.
template <typename Body>
void with_flag(bool flag, Body body) {
  if (flag)
    body(std::true_type{});
  else
    body(std::false_type{});
}

// A grid over T rows of `groups` items: row blockIdx.x blockDim.y + threadIdx.y, item blockIdx.y blockDim.x +
// threadIdx.x.
struct row_grid {
  dim3 grid, block;
  row_grid(int64_t T, int64_t groups) {
    unsigned width = 1;
    while (width < groups && width < 256) width *= 2;
    block = dim3(width, 256 / width);
    grid = dim3(static_cast<unsigned>(ceil_div(T, block.y)), static_cast<unsigned>(ceil_div(groups, width)));
  }
};

__device__ __forceinline__ int64_t grid_row() { return int64_t{blockIdx.x} * blockDim.y + threadIdx.y; }
__device__ __forceinline__ int64_t grid_item() { return int64_t{blockIdx.y} * blockDim.x + threadIdx.x; }

// MARK: Reductions, whose order is the same in every block and lane

template <typename T>
__device__ __forceinline__ T warp_sum(T value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(kAllLanes, value, step);
  return value;
}

__device__ __forceinline__ float warp_max(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, step));
  return value;
}

// The value of the lane whose number differs by `bits`; types of more than one number have their own.
template <typename T>
__device__ __forceinline__ T from_lane(T value, int bits) {
  return __shfl_xor_sync(kAllLanes, value, bits);
}

// Combines the values of all threads of a one-dimensional block of whole warps, at most 32; all get the result.
// `combine` must be commutative to the bit. Ends with a barrier of the block where it has more than one warp.
template <typename T, typename Combine>
__device__ __forceinline__ T block_combine(T value, Combine combine) {
#pragma unroll
  for (int bits = 16; bits > 0; bits /= 2) value = combine(value, from_lane(value, bits));
  const int warps = static_cast<int>(blockDim.x) / 32;
  if (warps == 1) return value;
  __shared__ T parts[32];
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = value;
  __syncthreads();
  value = parts[0];
  for (int warp = 1; warp < warps; warp++) value = combine(value, parts[warp]);
  __syncthreads();
  return value;
}

template <typename T>
__device__ __forceinline__ T block_sum(T value) {
  return block_combine(value, [](T a, T b) { return a + b; });
}

__device__ __forceinline__ float block_max(float value) {
  return block_combine(value, [](float a, float b) { return fmaxf(a, b); });
}

}  // namespace trn_cuda
