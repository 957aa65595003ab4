// AdamW (Loshchilov and Hutter, arXiv:1711.05101), element by element, and the norm that clipping needs.

static double sum_of_squares(const float *inp, int64_t n) {
  vd sums[2] = {0, 0};
  for (int64_t i = 0; i < n; i += W) {
    const vd x = __builtin_convertvector(load_first(inp + i, n - i), vd);
    vd &sum = sums[(i / W) & 1];
    sum += x * x;
  }
  const vd all = sums[0] + sums[1];
  double total = 0;
  for (int64_t lane = 0; lane < W; lane++) total += all[lane];
  return total;
}

// p -= rate (m / c1) / (sqrt(v) / c2 + epsilon) after p *= 1 - rate decay; c1, c2 the bias corrections.
static trn_status adamw_step(
  float *parameters, float *first_moments, float *second_moments, const float *gradients,
  int64_t n, trn_adamw s) {
  const vf rate = s.learning_rate / s.bias_correction1;
  const vf root = 1.0f / s.bias_correction2_sqrt;
  const vf keep = 1.0f - s.learning_rate * s.weight_decay;
  const vf beta1 = s.beta1, beta2 = s.beta2;
  for (int64_t i = 0; i < n; i += W) {
    const int64_t left = n - i;
    const vf g = load_first(gradients + i, left) * s.gradient_scale;
    const vf m = fma(beta1, load_first(first_moments + i, left), (1.0f - beta1) * g);
    const vf v = fma(beta2, load_first(second_moments + i, left), (1.0f - beta2) * g * g);
    const vf denominator = fma(__builtin_elementwise_sqrt(v), root, vf(s.epsilon));
    const vf p = load_first(parameters + i, left) * keep - rate * m / denominator;
    store_first(first_moments + i, m, left);
    store_first(second_moments + i, v, left);
    store_first(parameters + i, p, left);
  }
  return TRN_OK;
}

static trn_status parameters_follow(float *target, const float *source, float rate, int64_t n) {
  for (int64_t i = 0; i < n; i++) target[i] += rate * (source[i] - target[i]);
  return TRN_OK;
}
