// SwiGLU (Shazeer, arXiv:2002.05202): silu(gate) * up, silu(g) = g * sigmoid(g).

TRN_INLINE vf sigmoid(vf x) { return 1.0f / (1.0f + exponential(-x)); }

static trn_status swiglu_forward(float *out, const float *gate_up, int64_t T, int64_t H) {
  for (int64_t t = 0; t < T; t++) {
    const float *gate = gate_up + t * 2 * H;
    const float *up = gate + H;
    for (int64_t i = 0; i < H; i += W) {
      const vf g = load_first(gate + i, H - i);
      store_first(out + t * H + i, g * sigmoid(g) * load_first(up + i, H - i), H - i);
    }
  }
  return TRN_OK;
}

// silu'(g) = s (1 + g (1 - s)) with s = sigmoid(g).
static trn_status swiglu_backward(
  float *dgate_up, float *out, const float *dout, const float *gate_up, int64_t T, int64_t H) {
  for (int64_t t = 0; t < T; t++) {
    const float *gate = gate_up + t * 2 * H;
    const float *up = gate + H;
    float *dgate = dgate_up + t * 2 * H;
    float *dup = dgate + H;
    for (int64_t i = 0; i < H; i += W) {
      const int64_t left = H - i;
      const vf g = load_first(gate + i, left);
      const vf u = load_first(up + i, left);
      const vf d = load_first(dout + t * H + i, left);
      const vf s = sigmoid(g);
      const vf silu = g * s;
      store_first(out + t * H + i, silu * u, left);
      store_first(dup + i, d * silu, left);
      // s + silu (1 - s) = s (1 + g (1 - s))
      store_first(dgate + i, d * u * fma(silu, 1.0f - s, s), left);
    }
  }
  return TRN_OK;
}
