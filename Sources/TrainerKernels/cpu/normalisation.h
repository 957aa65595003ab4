// RMSNorm (Zhang and Sennrich, arXiv:1910.07467): y = x / sqrt(mean(x^2) + epsilon) * weight.

static constexpr float kNormEpsilon = 1e-6f;

// Four partial sums, so that a row's additions do not wait for each other.
TRN_INLINE float row_sum(const vf *partial) {
  return sum_lanes((partial[0] + partial[1]) + (partial[2] + partial[3]));
}

TRN_INLINE float row_rstd(float squares, int64_t C) {
  return 1.0f / std::sqrt(squares / static_cast<float>(C) + kNormEpsilon);
}

TRN_INLINE void norm_row(float *out, const float *row, const float *weight, float rstd, int64_t C) {
  for (int64_t c = 0; c < C; c += W) {
    const vf x = load_first(row + c, C - c);
    store_first(out + c, x * rstd * load_first(weight + c, C - c), C - c);
  }
}

static trn_status rmsnorm_forward(
  float *out, float *rstd, const float *inp, const float *weight, int64_t T, int64_t C) {
  for (int64_t t = 0; t < T; t++) {
    const float *row = inp + t * C;
    vf squares[4] = {0, 0, 0, 0};
    for (int64_t c = 0; c < C; c += W) {
      const vf x = load_first(row + c, C - c);
      vf &sum = squares[(c / W) & 3];
      sum = fma(x, x, sum);
    }
    rstd[t] = row_rstd(row_sum(squares), C);
    norm_row(out + t * C, row, weight, rstd[t], C);
  }
  return TRN_OK;
}

static trn_status residual_rmsnorm_forward(
  float *sum, float *out, float *rstd, const float *inp, const float *delta, const float *weight,
  int64_t T, int64_t C) {
  for (int64_t t = 0; t < T; t++) {
    float *row = sum + t * C;
    vf squares[4] = {0, 0, 0, 0};
    for (int64_t c = 0; c < C; c += W) {
      const vf x = load_first(inp + t * C + c, C - c) + load_first(delta + t * C + c, C - c);
      store_first(row + c, x, C - c);
      vf &part = squares[(c / W) & 3];
      part = fma(x, x, part);
    }
    rstd[t] = row_rstd(row_sum(squares), C);
    norm_row(out + t * C, row, weight, rstd[t], C);
  }
  return TRN_OK;
}

// With n = x rstd and g = dout weight: dx = rstd (g - n mean(g n)), dweight = sum over rows of dout n.
static trn_status rmsnorm_backward(
  float *dinp, float *dweight, float *out, const float *dout, const float *inp,
  const float *weight, const float *rstd, int64_t T, int64_t C) {
  for (int64_t t = 0; t < T; t++) {
    const float *row = inp + t * C;
    const float *dy = dout + t * C;
    const float scale = rstd[t];
    vf products[4] = {0, 0, 0, 0};
    for (int64_t c = 0; c < C; c += W) {
      const int64_t left = C - c;
      const vf w = load_first(weight + c, left);
      const vf d = load_first(dy + c, left);
      const vf n = load_first(row + c, left) * scale;
      store_first(out + t * C + c, n * w, left);
      store_first(dweight + c, fma(d, n, load_first(dweight + c, left)), left);
      vf &part = products[(c / W) & 3];
      part = fma(d * w, n, part);
    }
    const float mean = row_sum(products) / static_cast<float>(C);
    for (int64_t c = 0; c < C; c += W) {
      const int64_t left = C - c;
      const vf g = load_first(dy + c, left) * load_first(weight + c, left);
      const vf n = load_first(row + c, left) * scale;
      const vf dx = (g - n * mean) * scale;
      store_first(dinp + t * C + c, load_first(dinp + t * C + c, left) + dx, left);
    }
  }
  return TRN_OK;
}
