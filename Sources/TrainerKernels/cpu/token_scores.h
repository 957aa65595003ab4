// Softmax over the vocabulary: log-probability of a chosen token, full entropy, their gradient, and sampling.
// Scores are a template over float, which trains, and double, which shows that the formulas are right.

template <typename S>
struct vocabulary_sums {
  S largest;      // of the scaled logits
  S log_sum;      // ln of the sum of exp(z - largest)
  S inverse_sum;  // 1 / that sum
  S entropy;      // nats
};

// H = ln S - sum(e^y y) / S with y = z - largest, S = sum(e^y).
template <typename S>
TRN_INLINE vocabulary_sums<S> vocabulary_row(const S *logits, S inverse_temperature, int64_t V) {
  using vector = typename lanes_of<S>::vector;
  constexpr int64_t W = lanes_of<S>::count;
  const vector nothing = -std::numeric_limits<S>::infinity();
  vector top = nothing;
  for (int64_t v = 0; v < V; v += W) {
    const vector z = load_first(logits + v, V - v) * inverse_temperature;
    top = larger(top, first_or(V - v, z, nothing));
  }
  const S largest = max_lanes(top);
  vector sums = 0, weighted = 0;
  for (int64_t v = 0; v < V; v += W) {
    const vector y = load_first(logits + v, V - v) * inverse_temperature - largest;
    const vector e = first_or(V - v, exponential(y), vector(S(0)));
    sums += e;
    weighted = fma(e, y, weighted);
  }
  const S sum = sum_lanes(sums);
  const S log_sum = static_cast<S>(std::log(static_cast<double>(sum)));
  return {largest, log_sum, S(1) / sum, log_sum - sum_lanes(weighted) / sum};
}

template <typename S>
static trn_status token_scores_forward(
  S *log_probs, S *entropies, const S *logits, int64_t ld, const int32_t *targets,
  S inverse_temperature, int64_t T, int64_t V) {
  for (int64_t t = 0; t < T; t++) {
    const vocabulary_sums<S> row = vocabulary_row(logits + t * ld, inverse_temperature, V);
    log_probs[t] = logits[t * ld + targets[t]] * inverse_temperature - row.largest - row.log_sum;
    entropies[t] = row.entropy;
  }
  return TRN_OK;
}

// With p = softmax(z): dlogp_a/dz_v = [v = a] - p_v, dH/dz_v = -p_v (ln p_v + H).
template <typename S>
static trn_status token_scores_backward(
  S *dlogits, const S *logits, int64_t ld, const int32_t *targets, const S *d_log_probs, const S *d_entropies,
  S inverse_temperature, int64_t T, int64_t V) {
  using vector = typename lanes_of<S>::vector;
  constexpr int64_t W = lanes_of<S>::count;
  for (int64_t t = 0; t < T; t++) {
    const S *row = logits + t * ld;
    S *drow = dlogits + t * ld;
    const vocabulary_sums<S> sums = vocabulary_row<S>(row, inverse_temperature, V);
    const S dl = d_log_probs[t] * inverse_temperature;
    const S dh = d_entropies == nullptr ? S(0) : d_entropies[t] * inverse_temperature;
    const vector offset = sums.log_sum - sums.entropy;
    for (int64_t v = 0; v < V; v += W) {
      const vector y = load_first(row + v, V - v) * inverse_temperature - sums.largest;
      const vector p = exponential(y) * sums.inverse_sum;
      const vector d = -p * fma(vector(dh), y - offset, vector(dl));
      store_first(drow + v, d, V - v);
    }
    drow[targets[t]] += dl;
    for (int64_t v = V; v < ld; v++) drow[v] = 0;
  }
  return TRN_OK;
}

static trn_status token_scores_backward_double(
  double *logits, int64_t ld, const int32_t *targets, const double *d_log_probs,
  const double *d_entropies, double inverse_temperature, int64_t T, int64_t V) {
  return token_scores_backward<double>(
    logits, logits, ld, targets, d_log_probs, d_entropies, inverse_temperature, T, V);
}

// What a critic says of a state is the first of its outputs.
static trn_status state_values_forward(
  float *values, const float *outputs, int64_t ld, const float *bias, int64_t T) {
  for (int64_t t = 0; t < T; t++) values[t] = outputs[t * ld] + bias[0];
  return TRN_OK;
}

static trn_status state_values_backward(
  float *doutputs, float *dbias, const float *d_values, int64_t ld, int64_t T) {
  for (int64_t t = 0; t < T; t++) {
    std::fill_n(doutputs + t * ld, ld, 0.0f);
    doutputs[t * ld] = d_values[t];
    dbias[0] += d_values[t];
  }
  return TRN_OK;
}

static trn_status tokens_sample(
  int32_t *tokens, const float *logits, int64_t ld, const double *uniforms,
  float inverse_temperature, int64_t T, int64_t V, float *scratch) {
  for (int64_t t = 0; t < T; t++) {
    const float *row = logits + t * ld;
    const vocabulary_sums<float> sums = vocabulary_row(row, inverse_temperature, V);
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
