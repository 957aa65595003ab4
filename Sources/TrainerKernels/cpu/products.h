// Products with weights laid out beforehand: panels of one to three vectors of columns, each [K, columns].
//
// An element is one chain of fused additions over k in order, so a row's bits depend on that row and the weights alone.
// A block of kRows rows and a panel keeps its sums in registers; rows are read in place, so nothing is copied per call.

static constexpr int64_t kRows = TRN_LANES == 16 ? 8 : 4;
// Rows that go through all panels together, so that they stay in the innermost cache.
static constexpr int64_t kStrip = 64;
// Rows of a gradient's sum that are copied together; three vectors of each stay in the innermost cache.
static constexpr int64_t kDepth = 256;

// Vectors of the next panel when so many are left: three if it can be, never a single one after others.
TRN_INLINE int64_t panel_vectors(int64_t left) { return left == 3 || left >= 5 ? 3 : std::min<int64_t>(left, 2); }

static int64_t panels_bytes(int64_t K, int64_t N) {
  return K * round_up(N, W) * static_cast<int64_t>(sizeof(float));
}

// Columns beyond N are 0.
static trn_status panels_pack(
  void *out, const float *w, int64_t ldw, int32_t transposed, int64_t K, int64_t N) {
  float *panels = static_cast<float *>(out);
  for (int64_t n = 0; n < N;) {
    const int64_t columns = panel_vectors((N - n + W - 1) / W) * W;
    const int64_t filled = std::min(columns, N - n);
    if (transposed) {
      for (int64_t c = 0; c < columns; c++)
        for (int64_t k = 0; k < K; k++) panels[k * columns + c] = c < filled ? w[(n + c) * ldw + k] : 0;
    } else {
      for (int64_t k = 0; k < K; k++) {
        std::memcpy(panels + k * columns, w + k * ldw + n, static_cast<size_t>(filled) * sizeof(float));
        for (int64_t c = filled; c < columns; c++) panels[k * columns + c] = 0;
      }
    }
    panels += K * columns;
    n += columns;
  }
  return TRN_OK;
}

// y[rows, NV * W] = x[rows, K] times one panel; of the columns, `left` exist.
template <int NV>
TRN_INLINE void panel_block(
  float *y, int64_t ldy, const float *x, int64_t ldx, const float *panel, int64_t rows, int64_t K,
  int64_t left) {
  vf sums[kRows][NV];
  const float *row[kRows];
#pragma clang loop unroll(full)
  for (int64_t i = 0; i < kRows; i++) {
    // Rows past the end repeat the last one and are not stored.
    row[i] = x + std::min(i, rows - 1) * ldx;
#pragma clang loop unroll(full)
    for (int j = 0; j < NV; j++) sums[i][j] = 0;
  }
  for (int64_t k = 0; k < K; k++) {
    vf weights[NV];
#pragma clang loop unroll(full)
    for (int j = 0; j < NV; j++) weights[j] = load(panel + (k * NV + j) * W);
#pragma clang loop unroll(full)
    for (int64_t i = 0; i < kRows; i++) {
      const vf value = row[i][k];
#pragma clang loop unroll(full)
      for (int j = 0; j < NV; j++) sums[i][j] = fma(value, weights[j], sums[i][j]);
    }
  }
  if (rows == kRows && left >= NV * W) {
#pragma clang loop unroll(full)
    for (int64_t i = 0; i < kRows; i++)
#pragma clang loop unroll(full)
      for (int j = 0; j < NV; j++) store(y + i * ldy + j * W, sums[i][j]);
    return;
  }
#pragma clang loop unroll(full)
  for (int64_t i = 0; i < kRows; i++) {
    if (i >= rows) continue;
#pragma clang loop unroll(full)
    for (int j = 0; j < NV; j++)
      if (j * W < left) store_first(y + i * ldy + j * W, sums[i][j], left - j * W);
  }
}

template <int NV>
TRN_INLINE void panel_rows(
  float *y, int64_t ldy, const float *x, int64_t ldx, const float *panel, int64_t T, int64_t K,
  int64_t left) {
  for (int64_t t = 0; t < T; t += kRows)
    panel_block<NV>(y + t * ldy, ldy, x + t * ldx, ldx, panel, std::min(kRows, T - t), K, left);
}

static trn_status panels_multiply(
  float *y, int64_t ldy, const float *x, int64_t ldx, const void *panels, int64_t T, int64_t K,
  int64_t N) {
  for (int64_t t = 0; t < T; t += kStrip) {
    const int64_t rows = std::min(kStrip, T - t);
    const float *panel = static_cast<const float *>(panels);
    for (int64_t n = 0; n < N;) {
      const int64_t vectors = panel_vectors((N - n + W - 1) / W);
      float *out = y + t * ldy + n;
      if (vectors == 3)
        panel_rows<3>(out, ldy, x + t * ldx, ldx, panel, rows, K, N - n);
      else if (vectors == 2)
        panel_rows<2>(out, ldy, x + t * ldx, ldx, panel, rows, K, N - n);
      else
        panel_rows<1>(out, ldy, x + t * ldx, ldx, panel, rows, K, N - n);
      panel += vectors * W * K;
      n += vectors * W;
    }
  }
  return TRN_OK;
}

// dw[rows, NV * W] += transposed(x[T, rows]) panel[T, NV * W]; x is read with `rows` columns at distance ldx.
template <int NV>
TRN_INLINE void gradient_block(
  float *dw, int64_t ldw, const float *x, int64_t ldx, const float *panel, int64_t rows, int64_t T,
  int64_t left) {
  vf sums[kRows][NV];
  int64_t column[kRows];
#pragma clang loop unroll(full)
  for (int64_t i = 0; i < kRows; i++) {
    column[i] = std::min(i, rows - 1);
#pragma clang loop unroll(full)
    for (int j = 0; j < NV; j++) {
      sums[i][j] = 0;
      // The gradient is larger than the inner caches: it comes while the sums are formed.
      __builtin_prefetch(dw + column[i] * ldw + j * W, 1);
    }
  }
  const auto sum = [&](auto at) __attribute__((always_inline)) {
    for (int64_t t = 0; t < T; t++) {
      vf slopes[NV];
#pragma clang loop unroll(full)
      for (int j = 0; j < NV; j++) slopes[j] = load(panel + (t * NV + j) * W);
#pragma clang loop unroll(full)
      for (int64_t i = 0; i < kRows; i++) {
        const vf value = x[t * ldx + at(i)];
#pragma clang loop unroll(full)
        for (int j = 0; j < NV; j++) sums[i][j] = fma(value, slopes[j], sums[i][j]);
      }
    }
  };
  if (rows == kRows)
    sum([](int64_t i) { return i; });
  else
    sum([&](int64_t i) { return column[i]; });
  if (rows == kRows && left >= NV * W) {
#pragma clang loop unroll(full)
    for (int64_t i = 0; i < kRows; i++)
#pragma clang loop unroll(full)
      for (int j = 0; j < NV; j++) {
        float *place = dw + i * ldw + j * W;
        store(place, load(place) + sums[i][j]);
      }
    return;
  }
#pragma clang loop unroll(full)
  for (int64_t i = 0; i < kRows; i++) {
    if (i >= rows) continue;
#pragma clang loop unroll(full)
    for (int j = 0; j < NV; j++) {
      const int64_t lanes = left - j * W;
      float *place = dw + i * ldw + j * W;
      if (lanes > 0) store_first(place, load_first(place, lanes) + sums[i][j], lanes);
    }
  }
}

template <int NV>
TRN_INLINE void gradient_panel(
  float *dw, int64_t ldw, const float *x, int64_t ldx, const float *y, int64_t ldy, int64_t T,
  int64_t K, int64_t left) {
  alignas(64) float panel[kDepth * NV * W];
  for (int64_t t = 0; t < T; t++)
    for (int j = 0; j < NV; j++)
      store(panel + (t * NV + j) * W, load_first(y + t * ldy + j * W, std::max<int64_t>(left - j * W, 0)));
  for (int64_t k = 0; k < K; k += kRows)
    gradient_block<NV>(dw + k * ldw, ldw, x + k, ldx, panel, std::min(kRows, K - k), T, left);
}

static trn_status weight_gradient(
  float *dw, int64_t ldw, const float *x, int64_t ldx, const float *y, int64_t ldy, int64_t T,
  int64_t K, int64_t N) {
  // Chunks of even length: a short one would pay for the gradient's loads and stores with little work.
  const int64_t chunks = (T + kDepth - 1) / kDepth;
  for (int64_t chunk = 0; chunk < chunks; chunk++) {
    const int64_t t = T * chunk / chunks, depth = T * (chunk + 1) / chunks - t;
    const float *rows = x + t * ldx, *slopes = y + t * ldy;
    for (int64_t n = 0; n < N;) {
      const int64_t vectors = panel_vectors((N - n + W - 1) / W);
      if (vectors == 3)
        gradient_panel<3>(dw + n, ldw, rows, ldx, slopes + n, ldy, depth, K, N - n);
      else if (vectors == 2)
        gradient_panel<2>(dw + n, ldw, rows, ldx, slopes + n, ldy, depth, K, N - n);
      else
        gradient_panel<1>(dw + n, ldw, rows, ldx, slopes + n, ldy, depth, K, N - n);
      n += vectors * W;
    }
  }
  return TRN_OK;
}
