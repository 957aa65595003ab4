// The functions of the tables, as the header has them; A is the type of a set's values.
#pragma once

#include "context.cuh"

namespace trn_cuda {

// MARK: Context

trn_status memory_take(void **out, int64_t bytes);
void memory_release(void *memory, int64_t bytes);
trn_status memory_upload(void *device, const void *host, int64_t bytes);
trn_status memory_download(void *host, const void *device, int64_t bytes);
trn_status memory_copy(void *out, const void *inp, int64_t bytes);
trn_status memory_clear(void *out, int64_t bytes);
trn_status synchronize();
const char *last_error();
trn_status graph_begin();
trn_status graph_end(trn_graph **out);
trn_status graph_launch(trn_graph *graph);
void graph_release(trn_graph *graph);

// MARK: Rows

template <typename A>
trn_status values_round(A *out, const float *inp, int64_t n);
trn_status embedding_forward(float *out, const int32_t *tokens, const float *table, int64_t T, int64_t C);
trn_status embedding_backward(float *dtable, const int32_t *tokens, const float *dout, int64_t T, int64_t C);
trn_status rows_gather(void *out, const int32_t *rows, const void *inp, int64_t n, int64_t row_bytes);
trn_status rows_scatter(void *out, const int32_t *rows, const void *inp, int64_t n, int64_t row_bytes);
trn_status rows_scatter_add(float *out, const int32_t *rows, const float *inp, int64_t n, int64_t C);
template <typename A>
trn_status values_scatter_add(A *out, const int32_t *rows, const A *inp, int64_t n, int64_t C);
template <typename A>
trn_status bias_forward(A *inout, const float *bias, int64_t T, int64_t C);
template <typename A>
trn_status bias_backward(float *dbias, const A *dout, int64_t T, int64_t C);

// MARK: Normalisation, rotation, activation

template <typename A>
trn_status rmsnorm_forward(A *out, float *rstd, const float *inp, const float *weight, int64_t T, int64_t C);
template <typename A>
trn_status residual_rmsnorm_forward(
  float *sum, A *out, float *rstd, const float *inp, const A *delta, const float *weight, int64_t T, int64_t C);
template <typename A>
trn_status rmsnorm_backward(
  float *dinp, float *dweight, A *out, const A *dout, const float *inp, const float *weight, const float *rstd,
  int64_t T, int64_t C);
template <typename A>
trn_status rope_forward(
  A *inout, int64_t stride, const int32_t *positions, const float *cosines, const float *sines, int64_t T,
  int64_t heads, int64_t HS);
template <typename A>
trn_status rope_backward(
  A *inout, int64_t stride, const int32_t *positions, const float *cosines, const float *sines, int64_t T,
  int64_t heads, int64_t HS);
template <typename A>
trn_status swiglu_forward(A *out, const A *gate_up, int64_t T, int64_t H);
template <typename A>
trn_status swiglu_backward(A *dgate_up, A *out, const A *dout, const A *gate_up, int64_t T, int64_t H);

// MARK: Attention

int64_t plan_bytes(trn_sequences sequences);
trn_status plan_write(void *host_plan, trn_sequences sequences);
template <typename A>
trn_status attention_forward(
  A *out, float *log_sums, const A *qkv, trn_sequences sequences, trn_heads heads, float *scratch);
template <typename A>
trn_status attention_backward(
  A *dqkv, const A *dout, const A *out, const float *log_sums, const A *qkv, trn_sequences sequences,
  trn_heads heads, float *scratch);
int64_t attention_scratch(int64_t longest, int64_t HS);
template <typename A>
trn_status cache_store(
  trn_cache cache, const A *qkv, trn_sequences sequences, const int32_t *slots, trn_heads heads);
template <typename A>
trn_status attention_decode(
  A *out, const A *qkv, trn_cache prefix, trn_cache suffix, trn_decode_rows rows, trn_heads heads, float *scratch);

// MARK: Scores and sampling

trn_status token_scores_forward(
  float *log_probs, float *entropies, const float *logits, int64_t ld, const int32_t *targets,
  float inverse_temperature, int64_t T, int64_t V);
template <typename A>
trn_status token_scores_backward(
  A *dlogits, const float *logits, int64_t ld, const int32_t *targets, const float *d_log_probs,
  const float *d_entropies, float inverse_temperature, int64_t T, int64_t V);
trn_status state_values_forward(float *values, const float *outputs, int64_t ld, const float *bias, int64_t T);
template <typename A>
trn_status state_values_backward(A *doutputs, float *dbias, const float *d_values, int64_t ld, int64_t T);
trn_status nucleus_restrict(
  float *out, const float *logits, int64_t ld, float inverse_temperature, double share, int64_t T, int64_t V,
  float *scratch);
trn_status tokens_sample(
  int32_t *tokens, const float *logits, int64_t ld, const double *uniforms, float inverse_temperature, int64_t T,
  int64_t V, float *scratch);
trn_status tokens_argmax(int32_t *tokens, const float *logits, int64_t ld, int64_t T, int64_t V);
trn_status answers_extend(
  trn_answers answers, const int32_t *tokens, const float *log_probs, const float *entropies);

// MARK: Products; INVARIANT ones never use cuBLASLt

template <typename A>
int64_t panels_bytes(int64_t K, int64_t N);
template <typename A>
trn_status panels_pack(A *panels, const float *w, int64_t ldw, int32_t transposed, int64_t K, int64_t N);
template <typename A, bool INVARIANT>
trn_status panels_multiply(
  A *y, int64_t ldy, const A *x, int64_t ldx, const A *panels, int64_t T, int64_t K, int64_t N);
template <typename A, bool INVARIANT>
trn_status panels_multiply_float(
  float *y, int64_t ldy, const A *x, int64_t ldx, const A *panels, int64_t T, int64_t K, int64_t N);
template <typename A, bool INVARIANT>
trn_status weight_gradient(
  float *dw, int64_t ldw, const A *x, int64_t ldx, const A *y, int64_t ldy, int64_t T, int64_t K, int64_t N);

// MARK: Optimiser

double sum_of_squares(const float *inp, int64_t n);
trn_status parameters_follow(float *target, const float *source, float rate, int64_t n);
trn_status adamw_step(
  float *parameters, float *first_moments, float *second_moments, const float *gradients, int64_t n,
  trn_adamw settings);

}  // namespace trn_cuda
