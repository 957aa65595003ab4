// Gradient of attention_forward. With p = softmax(s), s = scale q.k, D = dout.out:
//   dv_j = sum_t p_tj dout_t,  ds_tj = p_tj (dout_t.v_j - D_t) scale,  dq_t = sum_j ds_tj k_j,  dk_j = sum_t ds_tj q_t.

template <bool WHOLE>
TRN_INLINE float row_dot(const float *a, const float *b, int64_t n) {
  vf sum = 0;
  for (int64_t i = 0; i < n; i += W)
    sum = fma(load_channels<WHOLE>(a + i, n - i), load_channels<WHOLE>(b + i, n - i), sum);
  return sum_lanes(sum);
}

// inout[key, ldw] += sum over the QB rows of weights[i, key] * rows[i].
template <bool WHOLE>
TRN_INLINE void outer_rows(
  float *inout, int64_t ld, const float *weights, int64_t ldw, const float *const *rows,
  int64_t keys, int64_t HS) {
  for (int64_t d = 0; d < HS; d += W) {
    vf r[QB];
    for (int64_t i = 0; i < QB; i++) r[i] = load_channels<WHOLE>(rows[i] + d, HS - d);
    for (int64_t j = 0; j < keys; j++) {
      vf sum = load(inout + j * ld + d);
      for (int64_t i = 0; i < QB; i++) sum = fma(vf(weights[i * ldw + j]), r[i], sum);
      store(inout + j * ld + d, sum);
    }
  }
}

struct attention_workspace {
  float *keysT, *valuesT, *weights, *slopes, *dk, *dv;
  int64_t ld, ldd;
};

TRN_INLINE attention_workspace attention_layout(float *scratch, int64_t L, int64_t HS) {
  attention_workspace w;
  w.ld = padded(L);
  w.ldd = round_up(HS, W);
  w.keysT = scratch;
  w.valuesT = w.keysT + HS * w.ld;
  w.weights = w.valuesT + HS * w.ld;
  w.slopes = w.weights + QB * w.ld;
  w.dk = w.slopes + QB * w.ld;
  w.dv = w.dk + L * w.ldd;
  return w;
}

// weights become p, slopes (which hold dout.v) become ds; masked keys and rows past the end become 0.
TRN_INLINE void attention_slopes(
  float *weights, float *slopes, int64_t own, int64_t keys, float scale, float log_sum, float D) {
  for (int64_t j = 0; j < keys; j += W) {
    const vf p = select(
      first_lanes(own - j), exponential(load(weights + j) * scale - log_sum), vf(0.0f));
    store(weights + j, p);
    store(slopes + j, p * (load(slopes + j) - D) * scale);
  }
}

template <bool WHOLE>
TRN_INLINE void attention_head_backward(
  float *dq, const float *dout, const float *out, int64_t ldo, const float *log_sums, int64_t ldl,
  const float *q, const float *k, int64_t stride, int64_t L, int64_t HS,
  const attention_workspace &w) {
  const float scale = attention_scale(HS);
  for (int64_t t = 0; t < L; t += QB) {
    const int64_t rows = std::min(QB, L - t);
    const int64_t keys = t + rows;
    const float *queries[QB], *gradients[QB];
    float *outputs[QB], factors[QB];
    for (int64_t i = 0; i < QB; i++) {
      const int64_t row = t + std::min(i, rows - 1);
      queries[i] = q + row * stride;
      gradients[i] = dout + row * ldo;
      outputs[i] = dq + row * stride;
      factors[i] = 1.0f;
    }
    score_rows<QB>(w.weights, w.ld, queries, w.keysT, w.ld, keys, HS);
    score_rows<QB>(w.slopes, w.ld, gradients, w.valuesT, w.ld, keys, HS);
    for (int64_t i = 0; i < QB; i++) {
      const int64_t row = t + std::min(i, rows - 1);
      const float D = row_dot<WHOLE>(dout + row * ldo, out + row * ldo, HS);
      attention_slopes(
        w.weights + i * w.ld, w.slopes + i * w.ld, i < rows ? row + 1 : 0, keys, scale,
        log_sums[row * ldl], D);
    }
    weigh_rows<QB, WHOLE>(outputs, w.slopes, w.ld, k, stride, keys, HS, factors, rows);
    outer_rows<WHOLE>(w.dk, w.ldd, w.slopes, w.ld, queries, keys, HS);
    outer_rows<WHOLE>(w.dv, w.ldd, w.weights, w.ld, gradients, keys, HS);
  }
}

// Asks for floats that the next sequence needs: by now they have left the inner caches, and heads reach
// into rows too far apart for the processor to foresee.
TRN_INLINE void prefetch(const float *p, int64_t n) {
  for (int64_t i = 0; i < n; i += 16) __builtin_prefetch(p + i);
}

template <bool WHOLE>
static void attention_sequences_backward(
  float *dqkv, const float *dout, const float *out, const float *log_sums, const float *qkv,
  trn_sequences sequences, trn_heads heads, float *scratch) {
  const int64_t NH = heads.query_heads, KVH = heads.key_heads, HS = heads.head_width;
  const int64_t S = (NH + 2 * KVH) * HS;
  for (int64_t n = 0; n < sequences.count; n++) {
    const int64_t first = sequences.offsets[n], L = sequences.offsets[n + 1] - first;
    if (L == 0) continue;
    const attention_workspace w = attention_layout(scratch, L, HS);
    if (n + 1 < sequences.count) {
      const int64_t next = first + L, rows = sequences.offsets[n + 2] - next;
      prefetch(qkv + next * S, rows * S);
      prefetch(out + next * NH * HS, rows * NH * HS);
    }
    for (int64_t g = 0; g < KVH; g++) {
      const float *k = qkv + first * S + (NH + g) * HS;
      transpose_tokens<WHOLE>(w.keysT, w.ld, k, S, L, HS);
      transpose_tokens<WHOLE>(w.valuesT, w.ld, k + KVH * HS, S, L, HS);
      zero_row(w.dk, 2 * L * w.ldd);
      for (int64_t h = g * (NH / KVH); h < (g + 1) * (NH / KVH); h++)
        attention_head_backward<WHOLE>(
          dqkv + first * S + h * HS, dout + first * NH * HS + h * HS,
          out + first * NH * HS + h * HS, NH * HS, log_sums + first * NH + h, NH,
          qkv + first * S + h * HS, k, S, L, HS, w);
      float *dk = dqkv + first * S + (NH + g) * HS;
      for (int64_t j = 0; j < L; j++) {
        row_copy(dk + j * S, w.dk + j * w.ldd, HS);
        row_copy(dk + KVH * HS + j * S, w.dv + j * w.ldd, HS);
      }
    }
  }
}

static trn_status attention_backward(
  float *dqkv, const float *dout, const float *out, const float *log_sums, const float *qkv,
  trn_sequences sequences, trn_heads heads, float *scratch) {
  if (heads.head_width % W == 0)
    attention_sequences_backward<true>(
      dqkv, dout, out, log_sums, qkv, sequences, heads, scratch);
  else
    attention_sequences_backward<false>(
      dqkv, dout, out, log_sums, qkv, sequences, heads, scratch);
  return TRN_OK;
}
