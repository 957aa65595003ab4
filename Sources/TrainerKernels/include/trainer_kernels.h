#pragma once

// The numerical kernels of the trainer: a C ABI, row-major fp32 throughout.
//
// Letters in shapes: T rows (packed tokens), C channels, V vocabulary, H hidden width of SwiGLU,
// NH query heads, KVH key/value heads, HS channels of one head, L tokens of one sequence,
// S = (NH + 2 KVH) HS the width of a query-key-value row.
// Shapes are checked by the caller; pointers need no alignment beyond that of float.
// A result row never depends on the other rows, their number, or its place among them.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

#define TRN_ABI_VERSION 1

typedef int32_t trn_status;
enum {
  TRN_OK = 0,
  TRN_UNKNOWN_KERNEL_SET = 1,
  TRN_UNSUPPORTED_KERNEL_SET = 2,
  TRN_BAD_ARGUMENT = 3
};

/// Packed runs of tokens: run i has the rows offsets[i]..<offsets[i + 1].
/// A run whose start is 0 begins a sequence. Any other continues the first starts[i] tokens of the path that the runs
/// before it left: runs form trees, in depth-first order. Without starts all are 0.
typedef struct trn_sequences {
  const int64_t *offsets;
  const int32_t *_Nullable starts;
  int64_t count;
} trn_sequences;

/// The heads of an attention layer.
typedef struct trn_heads {
  int64_t query_heads;
  int64_t key_heads;
  int64_t head_width;
} trn_heads;

/// One layer's key-value cache: slots of fixed capacity (a multiple of 16 tokens).
/// keys: [slot, KVH, HS, capacity], values: [slot, KVH, capacity, HS].
typedef struct trn_cache {
  float *keys;
  float *values;
  int64_t capacity;
} trn_cache;

/// What each row of a decode step attends to: a shared prefix, then its own suffix.
typedef struct trn_decode_rows {
  const int32_t *prefix_slot;
  const int32_t *prefix_length;
  const int32_t *suffix_slot;
  /// Tokens in the suffix before this step; the row's own key and value are appended behind them.
  const int32_t *suffix_length;
  int64_t count;
} trn_decode_rows;

/// The hyperparameters of one AdamW step.
typedef struct trn_adamw {
  float learning_rate;
  float beta1;
  float beta2;
  float epsilon;
  float weight_decay;
  float bias_correction1;
  float bias_correction2_sqrt;
  float gradient_scale;
} trn_adamw;

/// One kernel set: the same functions compiled for one instruction set.
typedef struct trn_kernels {
  uint32_t abi_version;
  /// Floats in one vector register.
  int32_t lanes;
  const char *name;

  // out[T,C] = inp[T,C] * rstd[T] * weight[C],  rstd = 1 / sqrt(mean(inp^2) + 1e-6)
  trn_status (*rmsnorm_forward)(
    float *out, float *rstd, const float *inp, const float *weight, int64_t T, int64_t C);

  // sum[T,C] = inp[T,C] + delta[T,C], then the norm of sum
  trn_status (*residual_rmsnorm_forward)(
    float *sum, float *out, float *rstd, const float *inp, const float *delta,
    const float *weight, int64_t T, int64_t C);

  // dinp[T,C] += gradient of the norm; dweight[C] += its weights'; out[T,C] = the norm again
  trn_status (*rmsnorm_backward)(
    float *dinp, float *dweight, float *out, const float *dout, const float *inp,
    const float *weight, const float *rstd, int64_t T, int64_t C);

  // out[T,C] = table[tokens[T],C]
  trn_status (*embedding_forward)(
    float *out, const int32_t *tokens, const float *table, int64_t T, int64_t C);

  // dtable[tokens[T],C] += dout[T,C], in the order of the rows
  trn_status (*embedding_backward)(
    float *dtable, const int32_t *tokens, const float *dout, int64_t T, int64_t C);

  // out[i,C] = inp[rows[i],C] for i < n
  trn_status (*rows_gather)(
    float *out, const int32_t *rows, const float *inp, int64_t n, int64_t C);

  // out[rows[i],C] += inp[i,C] for i < n
  trn_status (*rows_scatter_add)(
    float *out, const int32_t *rows, const float *inp, int64_t n, int64_t C);

  // out[columns,ldo] = transposed inp[rows,columns]
  trn_status (*transpose)(
    float *out, int64_t ldo, const float *inp, int64_t rows, int64_t columns);

  // inout[T,C] += bias[C]
  trn_status (*bias_forward)(float *inout, const float *bias, int64_t T, int64_t C);

  // dbias[C] += sum over rows of dout[T,C]
  trn_status (*bias_backward)(float *dbias, const float *dout, int64_t T, int64_t C);

  // Turns the first `heads` heads of every row of inout[T,stride]; channel i of a head pairs with
  // channel i + HS/2. cosines, sines: [position, HS/2].
  trn_status (*rope_forward)(
    float *inout, int64_t stride, const int32_t *positions, const float *cosines,
    const float *sines, int64_t T, int64_t heads, int64_t HS);

  // The same turn backwards, which is the gradient of a turn.
  trn_status (*rope_backward)(
    float *inout, int64_t stride, const int32_t *positions, const float *cosines,
    const float *sines, int64_t T, int64_t heads, int64_t HS);

  // Causal attention within each sequence, or path of a tree: out[T,NH*HS], log_sums[T,NH] (natural log of the
  // softmax's denominator), qkv[T,S]. scratch: attention_scratch(longest, HS) floats. The sums run over keys by
  // position, so a row's bits do not depend on what its path shares with others.
  trn_status (*attention_forward)(
    float *out, float *log_sums, const float *qkv, trn_sequences sequences, trn_heads heads,
    float *scratch);

  // dqkv[T,S] = gradient of attention_forward, which gave out and log_sums.
  trn_status (*attention_backward)(
    float *dqkv, const float *dout, const float *out, const float *log_sums, const float *qkv,
    trn_sequences sequences, trn_heads heads, float *scratch);

  // Floats of scratch that paths up to `longest` tokens need.
  int64_t (*attention_scratch)(int64_t longest, int64_t HS);

  // Stores keys and values of whole sequences (qkv[T,S]) in the given slots, one per sequence; starts are 0.
  trn_status (*cache_store)(
    trn_cache cache, const float *qkv, trn_sequences sequences, const int32_t *slots,
    trn_heads heads);

  // One new token per row: appends its key and value to the suffix, attends to prefix and suffix.
  // out[B,NH*HS], qkv[B,S]. The sums run over keys in the order that attention_forward uses.
  trn_status (*attention_decode)(
    float *out, const float *qkv, trn_cache prefix, trn_cache suffix, trn_decode_rows rows,
    trn_heads heads, float *scratch);

  // out[T,H] = silu(gate_up[T,0..<H]) * gate_up[T,H..<2H]
  trn_status (*swiglu_forward)(float *out, const float *gate_up, int64_t T, int64_t H);

  // dgate_up[T,2H] from dout[T,H]; out[T,H] = the forward result again
  trn_status (*swiglu_backward)(
    float *dgate_up, float *out, const float *dout, const float *gate_up, int64_t T, int64_t H);

  // log_probs[T] of targets[T] and entropies[T] under softmax(logits[T,ld] * inverse_temperature)
  trn_status (*token_scores_forward)(
    float *log_probs, float *entropies, const float *logits, int64_t ld, const int32_t *targets,
    float inverse_temperature, int64_t T, int64_t V);

  // logits[T,ld] becomes the gradient of sum(d_log_probs * log_probs + d_entropies * entropies);
  // columns from V on become 0.
  trn_status (*token_scores_backward)(
    float *logits, int64_t ld, const int32_t *targets, const float *d_log_probs,
    const float *_Nullable d_entropies, float inverse_temperature, int64_t T, int64_t V);

  // tokens[T] drawn by uniforms[T] in [0,1) from softmax(logits[T,ld] * inverse_temperature):
  // the first token whose cumulative weight exceeds uniform * sum. scratch: V floats, rounded up to 16.
  trn_status (*tokens_sample)(
    int32_t *tokens, const float *logits, int64_t ld, const double *uniforms,
    float inverse_temperature, int64_t T, int64_t V, float *scratch);

  // tokens[T] = the first largest logit of each row
  trn_status (*tokens_argmax)(
    int32_t *tokens, const float *logits, int64_t ld, int64_t T, int64_t V);

  // Floats of the panels of a matrix [K,N].
  int64_t (*panels_size)(int64_t K, int64_t N);

  // Lays w[K,N] (leading dimension ldw) out for products; where `transposed` is not 0, w is stored as [N,K].
  trn_status (*panels_pack)(
    float *panels, const float *w, int64_t ldw, int32_t transposed, int64_t K, int64_t N);

  // y[T,N] = x[T,K] times panels, leading dimensions ldy, ldx. The bits of a row depend on that row and the panels
  // alone.
  trn_status (*panels_multiply)(
    float *y, int64_t ldy, const float *x, int64_t ldx, const float *panels, int64_t T, int64_t K,
    int64_t N);

  // dw[K,N] += transposed(x[T,K]) y[T,N], leading dimensions ldw, ldx, ldy.
  trn_status (*weight_gradient)(
    float *dw, int64_t ldw, const float *x, int64_t ldx, const float *y, int64_t ldy, int64_t T,
    int64_t K, int64_t N);

  // Sum of squares in double, in a fixed order.
  double (*sum_of_squares)(const float *inp, int64_t n);

  // Decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2).
  trn_status (*adamw_step)(
    float *parameters, float *first_moments, float *second_moments, const float *gradients,
    int64_t n, trn_adamw settings);

  // The two score kernels from the same source in double, for comparison with other programs.
  trn_status (*token_scores_forward_double)(
    double *log_probs, double *entropies, const double *logits, int64_t ld,
    const int32_t *targets, double inverse_temperature, int64_t T, int64_t V);
  trn_status (*token_scores_backward_double)(
    double *logits, int64_t ld, const int32_t *targets, const double *d_log_probs,
    const double *_Nullable d_entropies, double inverse_temperature, int64_t T, int64_t V);
} trn_kernels;

/// Finds the kernel set "avx512", "avx2" or "generic"; an error when the processor lacks it.
trn_status trn_select_kernel_set(const char *name, const trn_kernels *_Nullable *_Nonnull out);

/// Sets the threads that BLAS may use.
trn_status trn_blas_set_threads(int32_t threads);

/// OpenBLAS's own words on its build, and the kernels it runs.
const char *trn_blas_config(void);
const char *trn_blas_core_name(void);

/// y[T,N] = x[T,K] w[K,N] by BLAS.
trn_status trn_blas_gemm(
  float *y, const float *x, const float *w, int64_t T, int64_t K, int64_t N);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif
