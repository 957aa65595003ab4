// Gradient of attention_forward. With p = softmax(s), s = scale q.k, D = dout.out:
//   dv_j = sum_t p_tj dout_t,  ds_tj = p_tj (dout_t.v_j - D_t) scale,  dq_t = sum_j ds_tj k_j,  dk_j = sum_t ds_tj q_t.

// Lane by lane the parts of a . b.
template <bool WHOLE>
TRN_INLINE vf row_products(const float *a, const float *b, int64_t n) {
  vf sum = 0;
  for (int64_t i = 0; i < n; i += W)
    sum = fma(load_channels<WHOLE>(a + i, n - i), load_channels<WHOLE>(b + i, n - i), sum);
  return sum;
}

// inout[key, ld] += sum over N rows of weights[i, key] * rows[i].
template <int64_t N, bool WHOLE>
TRN_INLINE void outer_rows(
  float *inout, int64_t ld, const float *weights, int64_t ldw, const float *const *rows,
  int64_t keys, int64_t HS) {
  for (int64_t d = 0; d < HS; d += W) {
    vf r[N];
    for (int64_t i = 0; i < N; i++) r[i] = load_channels<WHOLE>(rows[i] + d, HS - d);
    for (int64_t j = 0; j < keys; j++) {
      vf sum = load(inout + j * ld + d);
      for (int64_t i = 0; i < N; i++) sum = fma(vf(weights[i * ldw + j]), r[i], sum);
      store(inout + j * ld + d, sum);
    }
  }
}

struct attention_workspace {
  float *keysT, *valuesT, *weights, *slopes, *dk, *dv, *stack;
  int32_t *rows;
  int64_t ld, ldd;
};

TRN_INLINE attention_workspace attention_layout(
  float *scratch, const attention_tree &tree, int64_t HS) {
  const int64_t L = tree.longest;
  attention_workspace w;
  w.ld = stack_width(tree);
  w.ldd = round_up(HS, W);
  w.keysT = scratch;
  w.valuesT = w.keysT + HS * w.ld;
  w.weights = w.valuesT + HS * w.ld;
  w.slopes = w.weights + QB * w.ld;
  w.dk = w.slopes + QB * w.ld;
  w.dv = w.dk + L * w.ldd;
  w.stack = w.dv + L * w.ldd;
  w.rows = reinterpret_cast<int32_t *>(w.stack + L * w.ldd);
  return w;
}

// weights become p, slopes (which hold dout.v) become ds; masked keys and rows past the end become 0.
TRN_INLINE void attention_slopes(
  float *weights, float *slopes, int64_t own, int64_t keys, float scale, float log_sum, float D) {
  for (int64_t j = 0; j < keys; j += W) {
    const vi seen = first_lanes(own - j);
    const vf p = select(seen, exponential(load(weights + j) * scale - log_sum), vf(0.0f));
    store(weights + j, p);
    store(slopes + j, select(seen, p * (load(slopes + j) - D) * scale, vf(0.0f)));
  }
}

// N queries of one head of one run, of which `rows` exist, the first at position `first`; k[path, HS] at `ldk`.
template <int64_t N, bool WHOLE>
static void attention_block_backward(
  float *dq, const float *dout, const float *out, int64_t ldo, const float *log_sums, int64_t ldl,
  const float *q, int64_t stride, const float *k, int64_t ldk, int64_t first, int64_t rows,
  int64_t HS, const attention_workspace &w) {
  const float scale = attention_scale(HS);
  const int64_t keys = first + rows;
  const float *queries[N], *gradients[N];
  float *outputs[N], factors[N], D[8];
  vf products[8] = {};
  for (int64_t i = 0; i < N; i++) {
    const int64_t row = std::min(i, rows - 1);
    queries[i] = q + row * stride;
    gradients[i] = dout + row * ldo;
    outputs[i] = dq + row * stride;
    factors[i] = 1.0f;
    products[i] = row_products<WHOLE>(gradients[i], out + row * ldo, HS);
  }
  reduce_eight<false>(D, products);
  score_rows<N>(w.weights, w.ld, queries, w.keysT, w.ld, keys, HS);
  score_rows<N>(w.slopes, w.ld, gradients, w.valuesT, w.ld, keys, HS);
  for (int64_t i = 0; i < N; i++) {
    const int64_t row = std::min(i, rows - 1);
    attention_slopes(
      w.weights + i * w.ld, w.slopes + i * w.ld, i < rows ? first + row + 1 : 0, keys, scale,
      log_sums[row * ldl], D[i]);
  }
  weigh_rows<N, WHOLE>(outputs, w.slopes, w.ld, k, ldk, keys, HS, factors, rows);
  outer_rows<N, WHOLE>(w.dk, w.ldd, w.slopes, w.ld, queries, keys, HS);
  outer_rows<N, WHOLE>(w.dv, w.ldd, w.weights, w.ld, gradients, keys, HS);
}

// One head of one run, whose positions begin at `start`.
template <bool WHOLE>
TRN_INLINE void attention_head_backward(
  float *dq, const float *dout, const float *out, int64_t ldo, const float *log_sums, int64_t ldl,
  const float *q, int64_t stride, const float *k, int64_t ldk, int64_t start, int64_t L,
  int64_t HS, const attention_workspace &w) {
  for (int64_t t = 0; t < L; t += QB) {
    const int64_t rows = std::min(QB, L - t);
    const auto block = rows > 4 ? attention_block_backward<8, WHOLE>
                       : rows > 2 ? attention_block_backward<4, WHOLE>
                                  : attention_block_backward<2, WHOLE>;
    block(
      dq + t * stride, dout + t * ldo, out + t * ldo, ldo, log_sums + t * ldl, ldl, q + t * stride,
      stride, k, ldk, start + t, rows, HS, w);
  }
}

// Writes the gradients of keys and values that no later run of the tree adds to: positions from..<to of the path.
TRN_INLINE void finish_keys(
  float *dkeys, int64_t S, int64_t to_values, const attention_workspace &w, int64_t from,
  int64_t to, int64_t HS) {
  for (int64_t j = from; j < to; j++) {
    float *row = dkeys + w.rows[j] * S;
    row_copy(row, w.dk + j * w.ldd, HS);
    row_copy(row + to_values, w.dv + j * w.ldd, HS);
  }
}

// The heads over key head g of all runs of a tree; row numbers count from the tree's first.
template <bool WHOLE>
TRN_INLINE void attention_group_backward(
  float *dqkv, const float *dout, const float *out, const float *log_sums, const float *qkv,
  const trn_sequences &runs, const attention_tree &tree, trn_heads heads, int64_t g,
  const attention_workspace &w) {
  const int64_t NH = heads.query_heads, KVH = heads.key_heads, HS = heads.head_width;
  const int64_t S = (NH + 2 * KVH) * HS, base = runs.offsets[tree.first];
  float *dkeys = dqkv + base * S + (NH + g) * HS;
  int64_t top = 0;
  for (int64_t n = tree.first; n < tree.end; n++) {
    const int64_t first = runs.offsets[n], L = run_length(runs, n), start = run_start(runs, n);
    finish_keys(dkeys, S, KVH * HS, w, start, top, HS);
    top = start + L;
    const float *k = qkv + first * S + (NH + g) * HS;
    transpose_tokens<WHOLE>(w.keysT + start, w.ld, k, S, L, HS);
    transpose_tokens<WHOLE>(w.valuesT + start, w.ld, k + KVH * HS, S, L, HS);
    zero_row(w.dk + start * w.ldd, L * w.ldd);
    zero_row(w.dv + start * w.ldd, L * w.ldd);
    for (int64_t j = 0; j < L; j++) w.rows[start + j] = static_cast<int32_t>(first - base + j);
    if (!tree.is_single())
      for (int64_t j = 0; j < L; j++) row_copy(w.stack + (start + j) * HS, k + j * S, HS);
    for (int64_t h = g * (NH / KVH); h < (g + 1) * (NH / KVH); h++)
      attention_head_backward<WHOLE>(
        dqkv + first * S + h * HS, dout + first * NH * HS + h * HS,
        out + first * NH * HS + h * HS, NH * HS, log_sums + first * NH + h, NH,
        qkv + first * S + h * HS, S, tree.is_single() ? k : w.stack,
        tree.is_single() ? S : HS, start, L, HS, w);
  }
  finish_keys(dkeys, S, KVH * HS, w, 0, top, HS);
}

template <bool WHOLE>
static void attention_sequences_backward(
  float *dqkv, const float *dout, const float *out, const float *log_sums, const float *qkv,
  trn_sequences sequences, trn_heads heads, float *scratch) {
  const int64_t NH = heads.query_heads, HS = heads.head_width;
  const int64_t S = (NH + 2 * heads.key_heads) * HS;
  for (int64_t n = 0; n < sequences.count;) {
    const attention_tree tree = tree_at(sequences, n);
    const attention_workspace w = attention_layout(scratch, tree, HS);
    const attention_tree next =
      tree.end < sequences.count ? tree_at(sequences, tree.end) : attention_tree{0, 0, 0};
    const int64_t from = sequences.offsets[next.first];
    const int64_t rows = sequences.offsets[next.end] - from;
    for (int64_t g = 0; g < heads.key_heads; g++) {
      prefetch_share(qkv + from * S, S, rows, g, heads.key_heads);
      prefetch_share(out + from * NH * HS, NH * HS, rows, g, heads.key_heads);
      attention_group_backward<WHOLE>(
        dqkv, dout, out, log_sums, qkv, sequences, tree, heads, g, w);
    }
    n = tree.end;
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
