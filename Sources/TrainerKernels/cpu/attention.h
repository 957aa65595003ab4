// Causal attention over short packed sequences.
//
// Keys lie transposed, so that one vector holds W keys: a score is the sum over channels in order, whatever
// stands in the other lanes. The softmax's sum runs over keys by lane (key mod W), then over lanes; the weighted
// values are added key by key. attention_decode keeps exactly these orders, so both give the same bits.

// A vector of a head's channels from d on. WHOLE says that heads fill whole vectors, which spares the tail's test.
template <bool WHOLE>
TRN_INLINE vf load_channels(const float *p, int64_t left) {
  return WHOLE ? load(p) : load_first(p, left);
}

template <bool WHOLE>
TRN_INLINE void store_channels(float *p, vf v, int64_t left) {
  if (WHOLE)
    store(p, v);
  else
    store_first(p, v, left);
}

// Queries taken together: their scores share the loads of keys.
static constexpr int64_t QB = 8;

TRN_INLINE int64_t padded(int64_t tokens) { return round_up(tokens, W); }

static int64_t attention_scratch(int64_t longest, int64_t HS) {
  const int64_t L = round_up(longest, 16);
  return 2 * HS * L + 2 * QB * L + 2 * L * round_up(HS, 16);
}

// out[HS, ld] = transposed rows[L, HS] at `stride`; columns from L up to the next multiple of W become 0.
template <bool WHOLE>
TRN_INLINE void transpose_tokens(
  float *out, int64_t ld, const float *rows, int64_t stride, int64_t L, int64_t HS) {
  for (int64_t j = 0; j < L; j += W)
    for (int64_t d = 0; d < HS; d += W) {
      vf square[TRN_LANES];
      for (int64_t i = 0; i < W; i++)
        square[i] = j + i < L ? load_channels<WHOLE>(rows + (j + i) * stride + d, HS - d) : vf(0.0f);
      transpose_square(square);
      for (int64_t i = 0; i < W && (WHOLE || d + i < HS); i++) store(out + (d + i) * ld + j, square[i]);
    }
}

// scores[i, keys] = rows[i] . keys for N rows; keysT[HS, ld].
template <int64_t N>
TRN_INLINE void score_rows(
  float *scores, int64_t lds, const float *const *rows, const float *keysT, int64_t ld,
  int64_t keys, int64_t HS) {
  for (int64_t j = 0; j < keys; j += W) {
    vf sums[N];
    for (int64_t i = 0; i < N; i++) sums[i] = 0;
    for (int64_t d = 0; d < HS; d++) {
      const vf k = load(keysT + d * ld + j);
      for (int64_t i = 0; i < N; i++) sums[i] = fma(vf(rows[i][d]), k, sums[i]);
    }
    for (int64_t i = 0; i < N; i++) store(scores + i * lds + j, sums[i]);
  }
}

// out[i, HS] = sum over keys of weights[i, key] * values[key] for N rows, times factors[i].
template <int64_t N, bool WHOLE>
TRN_INLINE void weigh_rows(
  float *const *out, const float *weights, int64_t ldw, const float *values, int64_t stride,
  int64_t keys, int64_t HS, const float *factors, int64_t stored) {
  for (int64_t d = 0; d < HS; d += W) {
    vf sums[N];
    for (int64_t i = 0; i < N; i++) sums[i] = 0;
    for (int64_t j = 0; j < keys; j++) {
      const vf v = load_channels<WHOLE>(values + j * stride + d, HS - d);
      for (int64_t i = 0; i < N; i++) sums[i] = fma(vf(weights[i * ldw + j]), v, sums[i]);
    }
    for (int64_t i = 0; i < N; i++)
      if (i < stored) store_channels<WHOLE>(out[i] + d, sums[i] * factors[i], HS - d);
  }
}

struct softmax_sums {
  float largest;
  float sum;
};

// scores[0..<keys] become exp(score * scale - largest); the rest of their last vector becomes 0.
TRN_INLINE softmax_sums softmax_row(float *scores, int64_t keys, float scale) {
  const vf nothing = -std::numeric_limits<float>::infinity();
  vf largest = nothing;
  for (int64_t j = 0; j < keys; j += W) {
    const vf s = select(first_lanes(keys - j), load(scores + j) * scale, nothing);
    store(scores + j, s);
    largest = larger(largest, s);
  }
  const float top = max_lanes(largest);
  vf sums = 0;
  for (int64_t j = 0; j < keys; j += W) {
    const vf e = exponential(load(scores + j) - top);
    store(scores + j, e);
    sums += e;
  }
  return {top, sum_lanes(sums)};
}

TRN_INLINE void zero_row(float *row, int64_t n) {
  std::memset(row, 0, static_cast<size_t>(n) * sizeof(float));
}

TRN_INLINE float attention_scale(int64_t HS) { return 1.0f / std::sqrt(static_cast<float>(HS)); }

// One head of one sequence: queries q[L, HS] and values v[L, HS] at `stride`, keysT[HS, ld].
template <bool WHOLE>
TRN_INLINE void attention_head(
  float *out, int64_t ldo, float *log_sums, int64_t ldl, const float *q, const float *v,
  int64_t stride, const float *keysT, int64_t ld, int64_t L, int64_t HS, float *scores) {
  const float scale = attention_scale(HS);
  for (int64_t t = 0; t < L; t += QB) {
    const int64_t rows = std::min(QB, L - t);
    const int64_t keys = t + rows;
    const float *queries[QB];
    float *outputs[QB];
    float factors[QB] = {};
    for (int64_t i = 0; i < QB; i++) {
      // Rows past the end repeat the last one and are not stored.
      const int64_t row = t + std::min(i, rows - 1);
      queries[i] = q + row * stride;
      outputs[i] = out + row * ldo;
    }
    score_rows<QB>(scores, ld, queries, keysT, ld, keys, HS);
    for (int64_t i = 0; i < QB; i++) {
      const int64_t own = t + std::min(i, rows - 1) + 1;
      const softmax_sums sums = softmax_row(scores + i * ld, own, scale);
      for (int64_t j = padded(own); j < keys; j += W) store(scores + i * ld + j, vf(0.0f));
      factors[i] = 1.0f / sums.sum;
      if (i < rows) log_sums[(t + i) * ldl] = sums.largest + std::log(sums.sum);
    }
    weigh_rows<QB, WHOLE>(outputs, scores, ld, v, stride, keys, HS, factors, rows);
  }
}

template <bool WHOLE>
static void attention_sequences(
  float *out, float *log_sums, const float *qkv, trn_sequences sequences, trn_heads heads,
  float *scratch) {
  const int64_t NH = heads.query_heads, KVH = heads.key_heads, HS = heads.head_width;
  const int64_t S = (NH + 2 * KVH) * HS;
  for (int64_t n = 0; n < sequences.count; n++) {
    const int64_t first = sequences.offsets[n], L = sequences.offsets[n + 1] - first;
    if (L == 0) continue;
    const int64_t ld = padded(L);
    float *keysT = scratch, *scores = scratch + HS * ld;
    for (int64_t g = 0; g < KVH; g++) {
      const float *k = qkv + first * S + (NH + g) * HS;
      transpose_tokens<WHOLE>(keysT, ld, k, S, L, HS);
      for (int64_t h = g * (NH / KVH); h < (g + 1) * (NH / KVH); h++)
        attention_head<WHOLE>(
          out + first * NH * HS + h * HS, NH * HS, log_sums + first * NH + h, NH,
          qkv + first * S + h * HS, k + KVH * HS, S, keysT, ld, L, HS, scores);
    }
  }
}

static trn_status attention_forward(
  float *out, float *log_sums, const float *qkv, trn_sequences sequences, trn_heads heads,
  float *scratch) {
  if (heads.head_width % W == 0)
    attention_sequences<true>(out, log_sums, qkv, sequences, heads, scratch);
  else
    attention_sequences<false>(out, log_sums, qkv, sequences, heads, scratch);
  return TRN_OK;
}
