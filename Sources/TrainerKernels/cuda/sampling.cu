// Choosing tokens: a draw from the softmax, the likeliest, the nucleus; and answers that grow by what was drawn.

#include <cfloat>

#include "kernels.cuh"
#include "vocabulary.cuh"

namespace trn_cuda {

template <bool VECTOR>
__device__ __forceinline__ float row_largest(const float *row, float inverse_temperature, int64_t V) {
  float largest = -FLT_MAX;
  for (int64_t v = threadIdx.x * 4; v < V; v += blockDim.x * 4) {
    const int64_t left = V - v;
    const float4 z = map4([=](float x) { return x * inverse_temperature; }, load4<VECTOR>(row + v, left));
    largest = fmaxf(largest, z.x);
    if (left > 1) largest = fmaxf(largest, z.y);
    if (left > 2) largest = fmaxf(largest, z.z);
    if (left > 3) largest = fmaxf(largest, z.w);
  }
  return block_max(largest);
}

// Calls `body` with the four weights e^(z - largest) from v on; those behind the row are 0.
template <bool VECTOR>
__device__ __forceinline__ float4
row_weights(const float *row, float inverse_temperature, float largest, int64_t v, int64_t V) {
  const int64_t left = V - v;
  float4 e =
    map4([=](float x) { return expf(x * inverse_temperature - largest); }, load4<VECTOR>(row + v, left));
  if (left < 4) e.w = 0;
  if (left < 3) e.z = 0;
  if (left < 2) e.y = 0;
  return e;
}

// MARK: Drawing

// The row is cut into a segment per warp. The warps sum theirs, all find the segment in which the threshold lies, and
// that one's warp walks through it in order.
template <bool VECTOR>
__global__ void __launch_bounds__(kMostThreads) sample_kernel(
  int32_t *tokens, const float *logits, int64_t ld, const double *uniforms, float inverse_temperature, int64_t V) {
  __shared__ double parts[kMostThreads / 32];
  const int64_t t = blockIdx.x;
  const float *const row = logits + t * ld;
  const float largest = row_largest<VECTOR>(row, inverse_temperature, V);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int warps = static_cast<int>(blockDim.x) / 32;
  const int64_t length = round_up(ceil_div(V, warps), 128);
  const int64_t begin = warp * length, end = begin + length < V ? begin + length : V;
  double sum = 0;
  for (int64_t v = begin + lane * 4; v < end; v += 128) {
    const float4 e = row_weights<VECTOR>(row, inverse_temperature, largest, v, V);
    const double x = e.x, y = e.y, z = e.z, w = e.w;
    sum += (x + y) + (z + w);
  }
  sum = warp_sum(sum);
  if (lane == 0) parts[warp] = sum;
  __syncthreads();
  double total = 0;
  for (int i = 0; i < warps; i++) total += parts[i];
  const double threshold = uniforms[t] * total;
  // Rounding can leave the last cumulative weight at the threshold; then the last possible token is drawn.
  double before = 0, cumulative = 0;
  int segment = 0;
  for (int i = 0; i < warps; i++) {
    if (parts[i] == 0) continue;
    segment = i;
    before = cumulative;
    cumulative += parts[i];
    if (cumulative > threshold) break;
  }
  if (warp != segment) return;
  int64_t chosen = 0;
  for (int64_t base = begin; base < end; base += 32) {
    const int64_t v = base + lane;
    const float weight = v < end ? expf(row[v] * inverse_temperature - largest) : 0;
    double upto = weight;
#pragma unroll
    for (int step = 1; step < 32; step *= 2) {
      const double other = __shfl_up_sync(kAllLanes, upto, static_cast<unsigned>(step));
      if (lane >= step) upto += other;
    }
    const unsigned possible = __ballot_sync(kAllLanes, weight != 0);
    const unsigned above = __ballot_sync(kAllLanes, weight != 0 && before + upto > threshold);
    if (above != 0) {
      chosen = base + __ffs(static_cast<int>(above)) - 1;
      break;
    }
    if (possible != 0) chosen = base + 31 - __clz(static_cast<int>(possible));
    before += __shfl_sync(kAllLanes, upto, 31);
  }
  if (lane == 0) tokens[t] = static_cast<int32_t>(chosen);
}

trn_status tokens_sample(
  int32_t *tokens, const float *logits, int64_t ld, const double *uniforms, float inverse_temperature, int64_t T,
  int64_t V, float *) {
  if (T == 0) return TRN_OK;
  with_flag(takes_logits(ld, logits), [&](auto flag) {
    TRN_LAUNCH(
      (sample_kernel<decltype(flag)::value>), static_cast<unsigned>(T), vocabulary_threads(V), 0, tokens, logits, ld,
      uniforms, inverse_temperature, V);
  });
  return launched();
}

// MARK: The likeliest

struct candidate {
  float logit;
  int32_t index;
};

// The larger, of equal ones the first.
__device__ __forceinline__ candidate better(candidate a, candidate b) {
  return b.logit > a.logit || (b.logit == a.logit && b.index < a.index) ? b : a;
}

__device__ __forceinline__ candidate from_lane(candidate a, int bits) {
  return {from_lane(a.logit, bits), from_lane(a.index, bits)};
}

__global__ void __launch_bounds__(kMostThreads)
  argmax_kernel(int32_t *tokens, const float *logits, int64_t ld, int64_t V) {
  const int64_t t = blockIdx.x;
  const float *const row = logits + t * ld;
  candidate best = {row[0], 0};
  for (int64_t v = threadIdx.x; v < V; v += blockDim.x)
    if (row[v] > best.logit) best = {row[v], static_cast<int32_t>(v)};
  best = block_combine(best, [](candidate a, candidate b) { return better(a, b); });
  if (threadIdx.x == 0) tokens[t] = best.index;
}

trn_status tokens_argmax(int32_t *tokens, const float *logits, int64_t ld, int64_t T, int64_t V) {
  if (T == 0) return TRN_OK;
  TRN_LAUNCH(argmax_kernel, static_cast<unsigned>(T), vocabulary_threads(V), 0, tokens, logits, ld, V);
  return launched();
}

// MARK: The nucleus

static constexpr unsigned kDigits = 16;
// The weight of an excluded token underflows to 0.
static constexpr float kExcluded = -1e30f;

// A token's key is the bit pattern of -ln of its weight, which is not negative: likelier tokens have smaller keys.
__device__ __forceinline__ unsigned nucleus_key(float logit, float inverse_temperature, float largest) {
  return __float_as_uint(fabsf((logit - largest) * inverse_temperature));
}

__device__ __forceinline__ float key_weight(unsigned key) { return expf(-__uint_as_float(key)); }

// Digit by digit, this finds the key of the least likely token of the nucleus: the digit at which the sum of the
// weights so far reaches the target. Then the sum of all larger weights is known, and so is how many tokens of exactly
// that key belong.
template <bool VECTOR>
__global__ void __launch_bounds__(kMostThreads) nucleus_kernel(
  float *out, const float *logits, int64_t ld, float inverse_temperature, double share, int64_t V) {
  __shared__ double parts[kMostThreads / 32][kDigits];
  __shared__ int counts[kMostThreads / 32];
  const int64_t t = blockIdx.x;
  const float *const row = logits + t * ld;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int warps = static_cast<int>(blockDim.x) / 32;
  const float largest = row_largest<VECTOR>(row, 1.0f, V);

  double above = 0, target = 0;
  unsigned least = 0;
  for (int shift = 28; shift >= 0; shift -= 4) {
    double sums[kDigits] = {};
    for (int64_t v = threadIdx.x * 4; v < V; v += blockDim.x * 4) {
      const float4 x = load4<VECTOR>(row + v, V - v);
      const float logit[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const unsigned key = nucleus_key(logit[i], inverse_temperature, largest);
        if (v + i >= V || ((key ^ least) >> shift) >= kDigits) continue;
        const unsigned digit = key >> shift & (kDigits - 1);
        const double weight = key_weight(key);
#pragma unroll
        for (unsigned d = 0; d < kDigits; d++)
          if (d == digit) sums[d] += weight;
      }
    }
#pragma unroll
    for (unsigned d = 0; d < kDigits; d++) {
      const double sum = warp_sum(sums[d]);
      if (lane == 0) parts[warp][d] = sum;
    }
    __syncthreads();
    double total = 0;
#pragma unroll
    for (unsigned d = 0; d < kDigits; d++) {
      sums[d] = 0;
      for (int i = 0; i < warps; i++) sums[d] += parts[i][d];
      total += sums[d];
    }
    if (shift == 28) target = share * total;
    // Where rounding keeps the sum below the target, the last digit that occurs.
    double reached = above;
    unsigned chosen = 0;
    bool is_found = false;
#pragma unroll
    for (unsigned d = 0; d < kDigits; d++) {
      if (is_found || sums[d] == 0) continue;
      above = reached;
      chosen = d;
      reached += sums[d];
      is_found = reached >= target;
    }
    least |= chosen << shift;
    __syncthreads();
  }

  const double needed = ceil((target - above) / key_weight(least));
  int64_t wanted = needed < 1 ? 1 : needed < static_cast<double>(V) ? static_cast<int64_t>(needed) : V;
  for (int64_t base = 0; base < ld; base += blockDim.x) {
    const int64_t v = base + threadIdx.x;
    const float logit = v < V ? row[v] : 0;
    const unsigned key = nucleus_key(logit, inverse_temperature, largest);
    const bool is_equal = v < V && key == least;
    const unsigned lanes = __ballot_sync(kAllLanes, is_equal);
    if (lane == 0) counts[warp] = __popc(lanes);
    __syncthreads();
    int64_t rank = __popc(lanes & ((1u << lane) - 1)), count = 0;
    for (int i = 0; i < warps; i++) {
      if (i < warp) rank += counts[i];
      count += counts[i];
    }
    const bool is_inside = (v < V && key < least) || (is_equal && rank < wanted);
    if (v < ld) out[t * ld + v] = is_inside ? logit : kExcluded;
    wanted -= count;
    __syncthreads();
  }
}

trn_status nucleus_restrict(
  float *out, const float *logits, int64_t ld, float inverse_temperature, double share, int64_t T, int64_t V,
  float *) {
  if (T == 0) return TRN_OK;
  with_flag(takes_logits(ld, logits), [&](auto flag) {
    TRN_LAUNCH(
      (nucleus_kernel<decltype(flag)::value>), static_cast<unsigned>(T), vocabulary_threads(V), 0, out, logits, ld,
      inverse_temperature, share, V);
  });
  return launched();
}

// MARK: Answers

static constexpr int kAnswerThreads = 1024;

// One block, so that all rows have read the step before it is counted up.
__global__ void __launch_bounds__(kAnswerThreads)
  answers_kernel(trn_answers a, const int32_t *tokens, const float *log_probs, const float *entropies) {
  const int64_t step = *a.step;
  for (int64_t r = threadIdx.x; r < a.rows; r += kAnswerThreads) {
    const int64_t place = step * a.rows + r;
    a.drawn_tokens[place] = tokens[r];
    a.drawn_log_probs[place] = log_probs[r];
    a.drawn_entropies[place] = entropies[r];
    if (step + 1 < a.round) a.uniforms[r] = a.uniforms_ahead[place + a.rows];
    if (a.complete[r] != 0) continue;
    const int32_t length = a.lengths[r] + 1;
    a.lengths[r] = length;
    a.positions[r]++;
    a.suffix_lengths[r]++;
    a.complete[r] = tokens[r] == a.end_token || length >= a.longest;
  }
  __syncthreads();
  if (threadIdx.x == 0) *a.step = static_cast<int32_t>(step + 1);
}

trn_status answers_extend(
  trn_answers answers, const int32_t *tokens, const float *log_probs, const float *entropies) {
  if (answers.rows == 0) return TRN_OK;
  TRN_LAUNCH(answers_kernel, 1, kAnswerThreads, 0, answers, tokens, log_probs, entropies);
  return launched();
}

}  // namespace trn_cuda
