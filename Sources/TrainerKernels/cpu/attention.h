// Causal attention over short packed sequences, and over trees of them whose shared beginnings have rows only once.
//
// Keys lie transposed, so that one vector holds W keys: a score is the sum over channels in order, whatever
// stands in the other lanes. The softmax's sum runs over keys by lane (key mod W), then over lanes; the weighted
// values are added key by key. attention_decode keeps exactly these orders, so both give the same bits.
//
// In a tree, keys and values of the present path lie in a stack by position; depth-first order keeps it valid.

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

// Queries taken together: their scores share the loads of keys, and reductions take eight rows.
static constexpr int64_t QB = 8;

TRN_INLINE int64_t padded(int64_t tokens) { return round_up(tokens, W); }

static int64_t attention_scratch(int64_t longest, int64_t HS) {
  const int64_t L = round_up(longest, 16) + 16;
  return 2 * HS * L + 2 * QB * L + 3 * L * round_up(HS, 16) + L;
}

// One tree of runs: the runs `first`..<`end`, and the tokens of its longest path.
struct attention_tree {
  int64_t first, end, longest;
  bool is_single() const { return end == first + 1; }
};

TRN_INLINE int64_t run_start(const trn_sequences &runs, int64_t n) {
  return runs.starts == nullptr ? 0 : runs.starts[n];
}

TRN_INLINE int64_t run_length(const trn_sequences &runs, int64_t n) {
  return runs.offsets[n + 1] - runs.offsets[n];
}

TRN_INLINE attention_tree tree_at(const trn_sequences &runs, int64_t first) {
  attention_tree tree = {first, first + 1, run_length(runs, first)};
  for (; tree.end < runs.count && run_start(runs, tree.end) > 0; tree.end++)
    tree.longest =
      std::max(tree.longest, run_start(runs, tree.end) + run_length(runs, tree.end));
  return tree;
}

// Distance of the stack's channels: keys of a run are stored in whole vectors from its start on.
TRN_INLINE int64_t stack_width(const attention_tree &tree) {
  return padded(tree.longest) + (tree.is_single() ? 0 : W);
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

// Softmax of N <= 8 rows without the division: scores[i, 0..<own[i]] become exp(score * scale - largest), the rest of
// the first `keys` in whole vectors 0. largest, sums: [8], of which N are meant.
template <int64_t N>
TRN_INLINE void softmax_rows(
  float *scores, int64_t ld, const int64_t *own, int64_t keys, float scale, float *largest,
  float *sums) {
  const vf nothing = -std::numeric_limits<float>::infinity();
  vf rows[8] = {};
  for (int64_t i = 0; i < N; i++) {
    float *row = scores + i * ld;
    rows[i] = nothing;
    for (int64_t j = 0; j < keys; j += W) {
      const vf s = select(first_lanes(own[i] - j), load(row + j) * scale, nothing);
      store(row + j, s);
      rows[i] = larger(rows[i], s);
    }
  }
  reduce_eight<true>(largest, rows);
  for (int64_t i = 0; i < N; i++) {
    float *row = scores + i * ld;
    const vf top = largest[i];
    rows[i] = 0;
    for (int64_t j = 0; j < keys; j += W) {
      const vf e = exponential(load(row + j) - top);
      store(row + j, e);
      rows[i] += e;
    }
  }
  reduce_eight<false>(sums, rows);
}

TRN_INLINE void zero_row(float *row, int64_t n) {
  std::memset(row, 0, static_cast<size_t>(n) * sizeof(float));
}

// Asks for this group's share of a later tree's rows: by then they have left the inner caches, and heads reach
// into rows too far apart for the processor to foresee.
TRN_INLINE void prefetch_share(
  const float *p, int64_t row, int64_t rows, int64_t g, int64_t groups) {
  const int64_t begin = rows * g / groups * row, end = rows * (g + 1) / groups * row;
  for (int64_t i = begin; i < end; i += 16) __builtin_prefetch(p + i, 0, 2);
}


TRN_INLINE float attention_scale(int64_t HS) { return 1.0f / std::sqrt(static_cast<float>(HS)); }

// Keys and values of a path, by position: keysT[HS, ld], values[tokens, HS] at `stride`.
struct attention_path {
  float *keysT;
  int64_t ld;
  const float *values;
  int64_t stride;
};

// N queries of one head of one run, of which `rows` exist; `first` is the position of the first.
template <int64_t N, bool WHOLE>
static void attention_block(
  float *out, int64_t ldo, float *log_sums, int64_t ldl, const float *q, int64_t stride,
  const attention_path &path, int64_t first, int64_t rows, int64_t HS, float *scores) {
  const int64_t keys = first + rows;
  const float *queries[N];
  float *outputs[N], factors[8], largest[8], sums[8];
  int64_t own[N];
  for (int64_t i = 0; i < N; i++) {
    // Rows past the end repeat the last one and are not stored.
    const int64_t row = std::min(i, rows - 1);
    queries[i] = q + row * stride;
    outputs[i] = out + row * ldo;
    own[i] = first + row + 1;
  }
  score_rows<N>(scores, path.ld, queries, path.keysT, path.ld, keys, HS);
  softmax_rows<N>(scores, path.ld, own, keys, attention_scale(HS), largest, sums);
  for (int64_t i = 0; i < N; i += W) {
    const vf sum = load_first(sums + i, 8 - i);
    store_first(factors + i, 1.0f / sum, 8 - i);
    store_first(sums + i, load_first(largest + i, 8 - i) + logarithm(sum), 8 - i);
  }
  for (int64_t i = 0; i < N; i++)
    if (i < rows) log_sums[i * ldl] = sums[i];
  weigh_rows<N, WHOLE>(
    outputs, scores, path.ld, path.values, path.stride, keys, HS, factors, rows);
}

// One head of one run: queries q[L, HS] at `stride`, whose positions begin at `start`.
template <bool WHOLE>
TRN_INLINE void attention_head(
  float *out, int64_t ldo, float *log_sums, int64_t ldl, const float *q, int64_t stride,
  const attention_path &path, int64_t start, int64_t L, int64_t HS, float *scores) {
  for (int64_t t = 0; t < L; t += QB) {
    const int64_t rows = std::min(QB, L - t);
    const auto block = rows > 4 ? attention_block<8, WHOLE>
                       : rows > 2 ? attention_block<4, WHOLE>
                                  : attention_block<2, WHOLE>;
    block(
      out + t * ldo, ldo, log_sums + t * ldl, ldl, q + t * stride, stride, path, start + t, rows,
      HS, scores);
  }
}

// The heads over key head g of all runs of a tree.
template <bool WHOLE>
TRN_INLINE void attention_group(
  float *out, float *log_sums, const float *qkv, const trn_sequences &runs,
  const attention_tree &tree, trn_heads heads, int64_t g, float *scratch) {
  const int64_t NH = heads.query_heads, KVH = heads.key_heads, HS = heads.head_width;
  const int64_t S = (NH + 2 * KVH) * HS;
  const int64_t ld = stack_width(tree);
  float *scores = scratch + HS * ld, *stack = scores + QB * ld;
  attention_path path = {scratch, ld, stack, HS};
  for (int64_t n = tree.first; n < tree.end; n++) {
    const int64_t first = runs.offsets[n], L = run_length(runs, n), start = run_start(runs, n);
    const float *k = qkv + first * S + (NH + g) * HS, *v = k + KVH * HS;
    transpose_tokens<WHOLE>(path.keysT + start, ld, k, S, L, HS);
    if (tree.is_single()) {
      path.values = v;
      path.stride = S;
    } else {
      for (int64_t j = 0; j < L; j++) row_copy(stack + (start + j) * HS, v + j * S, HS);
    }
    for (int64_t h = g * (NH / KVH); h < (g + 1) * (NH / KVH); h++)
      attention_head<WHOLE>(
        out + first * NH * HS + h * HS, NH * HS, log_sums + first * NH + h, NH,
        qkv + first * S + h * HS, S, path, start, L, HS, scores);
  }
}

template <bool WHOLE>
static void attention_sequences(
  float *out, float *log_sums, const float *qkv, trn_sequences sequences, trn_heads heads,
  float *scratch) {
  for (int64_t n = 0; n < sequences.count;) {
    const attention_tree tree = tree_at(sequences, n);
    for (int64_t g = 0; g < heads.key_heads; g++)
      attention_group<WHOLE>(out, log_sums, qkv, sequences, tree, heads, g, scratch);
    n = tree.end;
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
