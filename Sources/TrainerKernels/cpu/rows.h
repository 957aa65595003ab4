// Moving and adding whole rows: embeddings, gathers, biases.

// Rows are short: a loop over vectors is faster than a call.
TRN_INLINE void row_copy(float *out, const float *inp, int64_t C) {
  for (int64_t c = 0; c < C; c += W) store_first(out + c, load_first(inp + c, C - c), C - c);
}

TRN_INLINE void row_add(float *inout, const float *inp, int64_t C) {
  for (int64_t c = 0; c < C; c += W)
    store_first(inout + c, load_first(inout + c, C - c) + load_first(inp + c, C - c), C - c);
}

static trn_status embedding_forward(
  float *out, const int32_t *tokens, const float *table, int64_t T, int64_t C) {
  for (int64_t t = 0; t < T; t++) row_copy(out + t * C, table + tokens[t] * C, C);
  return TRN_OK;
}

static trn_status embedding_backward(
  float *dtable, const int32_t *tokens, const float *dout, int64_t T, int64_t C) {
  for (int64_t t = 0; t < T; t++) row_add(dtable + tokens[t] * C, dout + t * C, C);
  return TRN_OK;
}

static trn_status rows_gather(
  void *out, const int32_t *rows, const void *inp, int64_t n, int64_t row_bytes) {
  const int64_t C = row_bytes / static_cast<int64_t>(sizeof(float));
  float *to = static_cast<float *>(out);
  const float *from = static_cast<const float *>(inp);
  for (int64_t i = 0; i < n; i++) row_copy(to + i * C, from + rows[i] * C, C);
  return TRN_OK;
}

static trn_status rows_scatter(
  void *out, const int32_t *rows, const void *inp, int64_t n, int64_t row_bytes) {
  const int64_t C = row_bytes / static_cast<int64_t>(sizeof(float));
  float *to = static_cast<float *>(out);
  const float *from = static_cast<const float *>(inp);
  for (int64_t i = 0; i < n; i++) row_copy(to + rows[i] * C, from + i * C, C);
  return TRN_OK;
}

static trn_status rows_scatter_add(
  float *out, const int32_t *rows, const float *inp, int64_t n, int64_t C) {
  for (int64_t i = 0; i < n; i++) row_add(out + rows[i] * C, inp + i * C, C);
  return TRN_OK;
}

static trn_status bias_forward(float *inout, const float *bias, int64_t T, int64_t C) {
  for (int64_t t = 0; t < T; t++) row_add(inout + t * C, bias, C);
  return TRN_OK;
}

static trn_status bias_backward(float *dbias, const float *dout, int64_t T, int64_t C) {
  for (int64_t t = 0; t < T; t++) row_add(dbias, dout + t * C, C);
  return TRN_OK;
}
