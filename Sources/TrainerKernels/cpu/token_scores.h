// Softmax over the vocabulary: log-probability of a chosen token, full entropy, their gradient, and sampling.

struct vocabulary_sums {
  float largest;      // of the scaled logits
  float log_sum;      // ln of the sum of exp(z - largest)
  float inverse_sum;  // 1 / that sum
  float entropy;      // nats
};

// H = ln S - sum(e^y y) / S with y = z - largest, S = sum(e^y).
TRN_INLINE vocabulary_sums vocabulary_row(const float *logits, float inverse_temperature, int64_t V) {
  const vf nothing = -std::numeric_limits<float>::infinity();
  vf top = nothing;
  for (int64_t v = 0; v < V; v += W) {
    const vf z = load_first(logits + v, V - v) * inverse_temperature;
    top = larger(top, select(first_lanes(V - v), z, nothing));
  }
  const float largest = max_lanes(top);
  vf sums = 0, weighted = 0;
  for (int64_t v = 0; v < V; v += W) {
    const vf y = load_first(logits + v, V - v) * inverse_temperature - largest;
    const vf e = select(first_lanes(V - v), exponential(y), vf(0.0f));
    sums += e;
    weighted = fma(e, y, weighted);
  }
  const float sum = sum_lanes(sums);
  const float log_sum = static_cast<float>(std::log(static_cast<double>(sum)));
  return {largest, log_sum, 1.0f / sum, log_sum - sum_lanes(weighted) / sum};
}

static trn_status token_scores_forward(
  float *log_probs, float *entropies, const float *logits, int64_t ld, const int32_t *targets,
  float inverse_temperature, int64_t T, int64_t V) {
  for (int64_t t = 0; t < T; t++) {
    const vocabulary_sums row = vocabulary_row(logits + t * ld, inverse_temperature, V);
    log_probs[t] = logits[t * ld + targets[t]] * inverse_temperature - row.largest - row.log_sum;
    entropies[t] = row.entropy;
  }
  return TRN_OK;
}

// With p = softmax(z): dlogp_a/dz_v = [v = a] - p_v, dH/dz_v = -p_v (ln p_v + H).
static trn_status token_scores_backward(
  float *logits, int64_t ld, const int32_t *targets, const float *d_log_probs,
  const float *d_entropies, float inverse_temperature, int64_t T, int64_t V) {
  for (int64_t t = 0; t < T; t++) {
    float *row = logits + t * ld;
    const vocabulary_sums sums = vocabulary_row(row, inverse_temperature, V);
    const float dl = d_log_probs[t] * inverse_temperature;
    const float dh = d_entropies == nullptr ? 0.0f : d_entropies[t] * inverse_temperature;
    const vf offset = sums.log_sum - sums.entropy;
    for (int64_t v = 0; v < V; v += W) {
      const vf y = load_first(row + v, V - v) * inverse_temperature - sums.largest;
      const vf p = exponential(y) * sums.inverse_sum;
      const vf d = -p * fma(vf(dh), y - offset, vf(dl));
      store_first(row + v, d, V - v);
    }
    row[targets[t]] += dl;
    for (int64_t v = V; v < ld; v++) row[v] = 0;
  }
  return TRN_OK;
}

static trn_status tokens_sample(
  int32_t *tokens, const float *logits, int64_t ld, const double *uniforms,
  float inverse_temperature, int64_t T, int64_t V, float *scratch) {
  for (int64_t t = 0; t < T; t++) {
    const float *row = logits + t * ld;
    const vocabulary_sums sums = vocabulary_row(row, inverse_temperature, V);
    for (int64_t v = 0; v < V; v += W) {
      const vf y = load_first(row + v, V - v) * inverse_temperature - sums.largest;
      store_first(scratch + v, exponential(y), V - v);
    }
    double total = 0;
    for (int64_t v = 0; v < V; v++) total += scratch[v];
    const double threshold = uniforms[t] * total;
    double sum = 0;
    int32_t chosen = 0;
    for (int64_t v = 0; v < V; v++) {
      if (scratch[v] == 0) continue;
      // Rounding can leave the last cumulative weight at the threshold; then the last possible token is drawn.
      chosen = static_cast<int32_t>(v);
      sum += scratch[v];
      if (sum > threshold) break;
    }
    tokens[t] = chosen;
  }
  return TRN_OK;
}

static trn_status tokens_argmax(
  int32_t *tokens, const float *logits, int64_t ld, int64_t T, int64_t V) {
  for (int64_t t = 0; t < T; t++) {
    const float *row = logits + t * ld;
    int32_t best = 0;
    for (int64_t v = 1; v < V; v++)
      if (row[v] > row[best]) best = static_cast<int32_t>(v);
    tokens[t] = best;
  }
  return TRN_OK;
}
