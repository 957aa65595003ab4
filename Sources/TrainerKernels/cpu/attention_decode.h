// Attention of single new tokens to cached keys and values, in attention_forward's orders of summation.

TRN_INLINE float *cache_keys(trn_cache cache, int64_t slot, int64_t g, trn_heads heads) {
  return cache.keys + (slot * heads.key_heads + g) * heads.head_width * cache.capacity;
}

TRN_INLINE float *cache_values(trn_cache cache, int64_t slot, int64_t g, trn_heads heads) {
  return cache.values + (slot * heads.key_heads + g) * heads.head_width * cache.capacity;
}

static trn_status cache_store(
  trn_cache cache, const float *qkv, trn_sequences sequences, const int32_t *slots,
  trn_heads heads) {
  const int64_t NH = heads.query_heads, KVH = heads.key_heads, HS = heads.head_width;
  const int64_t S = (NH + 2 * KVH) * HS;
  for (int64_t n = 0; n < sequences.count; n++) {
    const int64_t first = sequences.offsets[n], L = sequences.offsets[n + 1] - first;
    for (int64_t g = 0; g < KVH; g++) {
      const float *k = qkv + first * S + (NH + g) * HS;
      transpose_tokens<false>(
        cache_keys(cache, slots[n], g, heads), cache.capacity, k, S, L, HS);
      float *values = cache_values(cache, slots[n], g, heads);
      for (int64_t j = 0; j < L; j++) row_copy(values + j * HS, k + KVH * HS + j * S, HS);
    }
  }
  return TRN_OK;
}

TRN_INLINE void cache_append(
  trn_cache cache, int64_t slot, int64_t place, const float *row, trn_heads heads) {
  const int64_t NH = heads.query_heads, KVH = heads.key_heads, HS = heads.head_width;
  for (int64_t g = 0; g < KVH; g++) {
    float *keys = cache_keys(cache, slot, g, heads) + place;
    for (int64_t d = 0; d < HS; d++) keys[d * cache.capacity] = row[(NH + g) * HS + d];
    row_copy(cache_values(cache, slot, g, heads) + place * HS, row + (NH + KVH + g) * HS, HS);
  }
}

// Heads of one row taken together: their chains of dependent additions overlap.
static constexpr int64_t HB = 4;

struct decode_row {
  const float *qkv;
  float *out;
  int64_t before, own;  // tokens in prefix and suffix
  int64_t prefix_slot, suffix_slot;
};

// Scores of N heads against one cache: scores[i, 0..<keys] at distance lds, stored in whole vectors.
template <int64_t N>
TRN_INLINE void decode_scores(
  float *scores, int64_t lds, const float *const *queries, const float *const *keysT,
  int64_t capacity, int64_t keys, int64_t HS) {
  for (int64_t j = 0; j < keys; j += W) {
    vf sums[N];
    for (int64_t i = 0; i < N; i++) sums[i] = 0;
    for (int64_t d = 0; d < HS; d++)
      for (int64_t i = 0; i < N; i++)
        sums[i] = fma(vf(queries[i][d]), load(keysT[i] + d * capacity + j), sums[i]);
    for (int64_t i = 0; i < N; i++) store(scores + i * lds + j, sums[i]);
  }
}

// Adds weights[i, key] * values[i][key] to one vector of channels of N heads, key by key.
template <int64_t N, bool WHOLE>
TRN_INLINE void decode_weigh(
  vf *sums, const float *weights, int64_t ldw, const float *const *values, int64_t d, int64_t keys,
  int64_t HS) {
  for (int64_t j = 0; j < keys; j++)
    for (int64_t i = 0; i < N; i++)
      sums[i] = fma(
        vf(weights[i * ldw + j]), load_channels<WHOLE>(values[i] + j * HS + d, HS - d), sums[i]);
}

// scores[0..<keys] become exp(score * scale - largest), the rest of their last vector 0; returns their sum.
TRN_INLINE float softmax_row(float *scores, int64_t keys, float scale) {
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
  return sum_lanes(sums);
}

template <int64_t N, bool WHOLE>
TRN_INLINE void decode_heads(
  const decode_row &row, int64_t first, trn_cache prefix, trn_cache suffix, trn_heads heads,
  float *scratch) {
  const int64_t HS = heads.head_width, lds = round_up(row.before + row.own, W) + W;
  const float *queries[N], *prefix_keys[N], *suffix_keys[N], *prefix_values[N], *suffix_values[N];
  for (int64_t i = 0; i < N; i++) {
    const int64_t g = (first + i) / (heads.query_heads / heads.key_heads);
    queries[i] = row.qkv + (first + i) * HS;
    prefix_keys[i] = cache_keys(prefix, row.prefix_slot, g, heads);
    suffix_keys[i] = cache_keys(suffix, row.suffix_slot, g, heads);
    prefix_values[i] = cache_values(prefix, row.prefix_slot, g, heads);
    suffix_values[i] = cache_values(suffix, row.suffix_slot, g, heads);
  }
  // The suffix's scores land right behind the prefix's, over the unused lanes of its last vector.
  decode_scores<N>(scratch, lds, queries, prefix_keys, prefix.capacity, row.before, HS);
  decode_scores<N>(scratch + row.before, lds, queries, suffix_keys, suffix.capacity, row.own, HS);
  const float scale = attention_scale(HS);
  float factors[N];
  for (int64_t i = 0; i < N; i++)
    factors[i] = 1.0f / softmax_row(scratch + i * lds, row.before + row.own, scale);
  for (int64_t d = 0; d < HS; d += W) {
    vf sums[N];
    for (int64_t i = 0; i < N; i++) sums[i] = 0;
    decode_weigh<N, WHOLE>(sums, scratch, lds, prefix_values, d, row.before, HS);
    decode_weigh<N, WHOLE>(sums, scratch + row.before, lds, suffix_values, d, row.own, HS);
    for (int64_t i = 0; i < N; i++)
      store_channels<WHOLE>(row.out + (first + i) * HS + d, sums[i] * factors[i], HS - d);
  }
}

template <bool WHOLE>
static void attention_decode_rows(
  float *out, const float *qkv, trn_cache prefix, trn_cache suffix, trn_decode_rows rows,
  trn_heads heads, float *scratch) {
  const int64_t NH = heads.query_heads, HS = heads.head_width;
  const int64_t S = (NH + 2 * heads.key_heads) * HS;
  for (int64_t b = 0; b < rows.count; b++) {
    const decode_row row = {
      qkv + b * S,        out + b * NH * HS,   rows.prefix_length[b], rows.suffix_length[b] + 1,
      rows.prefix_slot[b], rows.suffix_slot[b],
    };
    cache_append(suffix, row.suffix_slot, row.own - 1, row.qkv, heads);
    int64_t h = 0;
    for (; NH - h >= HB; h += HB) decode_heads<HB, WHOLE>(row, h, prefix, suffix, heads, scratch);
    if (NH - h == 3) decode_heads<3, WHOLE>(row, h, prefix, suffix, heads, scratch);
    if (NH - h == 2) decode_heads<2, WHOLE>(row, h, prefix, suffix, heads, scratch);
    if (NH - h == 1) decode_heads<1, WHOLE>(row, h, prefix, suffix, heads, scratch);
  }
}

static trn_status attention_decode(
  float *out, const float *qkv, trn_cache prefix, trn_cache suffix, trn_decode_rows rows,
  trn_heads heads, float *scratch) {
  if (heads.head_width % W == 0)
    attention_decode_rows<true>(out, qkv, prefix, suffix, rows, heads, scratch);
  else
    attention_decode_rows<false>(out, qkv, prefix, suffix, rows, heads, scratch);
  return TRN_OK;
}
