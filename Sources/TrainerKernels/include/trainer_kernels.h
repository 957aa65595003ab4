#pragma once

// The numerical kernels of the trainer: one C ABI, implemented for processors (linked) and for CUDA devices (a shared
// library that is looked for at run time).
//
// Arrays are row-major. Numbers are fp32, but for `trn_value`: activations between products, which are fp32 or bf16 as
// the kernel set says. Statistics, the residual stream, weights, their gradients and moments, logits,
// log-probabilities and entropies are fp32 in every set.
//
// Pointers are to the device's memory unless a comment says "host"; of a kernel set whose `host_memory` is 1 that is
// ordinary memory. What a set of another memory is asked for may still be under way when the call returns: calls run
// in their order, and `memory_download`, `synchronize` and the functions that return numbers wait.
//
// Letters in shapes: T rows (packed tokens), C channels, V vocabulary, H hidden width of SwiGLU,
// NH query heads, KVH key/value heads, HS channels of one head, L tokens of one sequence,
// S = (NH + 2 KVH) HS the width of a query-key-value row.
// Shapes are checked by the caller; pointers need no alignment beyond that of float.
// A result row never depends on the other rows, their number, or its place among them, except where `batch_invariant`
// is 0: there products may.

#include <stdint.h>

// Whether a pointer may be null is said in clang's words, which other compilers pass over.
#ifndef __clang__
#define _Nonnull
#define _Nullable
#endif

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

#define TRN_ABI_VERSION 2

typedef int32_t trn_status;
enum {
  TRN_OK = 0,
  TRN_UNKNOWN_KERNEL_SET = 1,
  TRN_UNSUPPORTED_KERNEL_SET = 2,
  TRN_BAD_ARGUMENT = 3,
  TRN_OUT_OF_MEMORY = 4,
  /// The device or its driver failed; `last_error` has the words.
  TRN_DEVICE_FAILED = 5,
  TRN_OTHER_ABI = 6,
  TRN_NO_DEVICE = 7
};

/// An activation: float where the kernel set's `value_bytes` is 4, bfloat16 where it is 2. Who implements sets of one
/// type alone may name it.
#ifndef TRN_VALUE
#define TRN_VALUE void
#endif
typedef TRN_VALUE trn_value;

/// Packed runs of tokens: run i has the rows offsets[i]..<offsets[i + 1]; offsets[0] is 0.
/// A run whose start is 0 begins a sequence. Any other continues the first starts[i] tokens of the path that the runs
/// before it left: runs form trees, in depth-first order. Without starts all are 0.
/// Offsets and starts are in host memory. A set whose `plan_bytes` is above 0 needs what `plan_write` makes of them, in
/// the device's memory, besides.
typedef struct trn_sequences {
  const int64_t *offsets;
  const int32_t *_Nullable starts;
  int64_t count;
  const void *_Nullable plan;
} trn_sequences;

/// The heads of an attention layer.
typedef struct trn_heads {
  int64_t query_heads;
  int64_t key_heads;
  int64_t head_width;
} trn_heads;

/// One layer's key-value cache: slots of fixed capacity (a multiple of 16 tokens).
/// Each has slots * KVH * HS * capacity elements; their order within a slot is the set's own.
typedef struct trn_cache {
  trn_value *keys;
  trn_value *values;
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

/// Answers that grow by a token per decode step; `rows` of them, of which `round` steps are recorded between two looks
/// of the host. All pointers are to lists of one entry per row unless said otherwise.
typedef struct trn_answers {
  /// [round, rows]: what each step drew.
  int32_t *drawn_tokens;
  float *drawn_log_probs;
  float *drawn_entropies;
  /// [round, rows]: what each step draws by; `uniforms` are those of the present step.
  const double *uniforms_ahead;
  double *uniforms;
  /// One number: steps of this round recorded so far.
  int32_t *step;
  /// Tokens of the answer so far, those drawn included.
  int32_t *lengths;
  /// Position of the last token drawn, and the tokens of the answer before it, whose keys are cached: -1 before the first.
  int32_t *positions;
  int32_t *suffix_lengths;
  /// 1 for a row whose answer is complete: it stands still.
  int32_t *complete;
  int64_t rows;
  int64_t round;
  int32_t longest;
  int32_t end_token;
} trn_answers;

/// What a captured sequence of calls is known by.
typedef struct trn_graph trn_graph;

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
  /// Floats in one vector register; 1 where there is none.
  int32_t lanes;
  const char *name;
  /// 1 where host pointers and the device's are the same; else memory goes through the functions below.
  int32_t host_memory;
  /// Bytes of a `trn_value`: 4 or 2.
  int32_t value_bytes;
  /// 1 where a row's bits depend on that row alone in products too.
  int32_t batch_invariant;
  /// Decode steps that are enqueued between two looks of the host at the tokens.
  int32_t round_steps;
  /// Rows of training, sequences of sampling, and floats of logits that are best computed together.
  int64_t tile_rows;
  int64_t live_rows;
  int64_t logit_floats;

  // Zeroed memory of the device; TRN_OUT_OF_MEMORY leaves *out NULL.
  trn_status (*memory_take)(void *_Nullable *_Nonnull out, int64_t bytes);
  void (*memory_release)(void *_Nullable memory, int64_t bytes);
  // host -> device; the host's memory is free again on return
  trn_status (*memory_upload)(void *device, const void *host, int64_t bytes);
  // device -> host, behind everything enqueued before; waits
  trn_status (*memory_download)(void *host, const void *device, int64_t bytes);
  // device -> device
  trn_status (*memory_copy)(void *out, const void *inp, int64_t bytes);
  trn_status (*memory_clear)(void *out, int64_t bytes);
  // Waits for everything enqueued; the first failure since the last wait is its status.
  trn_status (*synchronize)(void);
  // Words on the last failure of the device (host memory, until the next one).
  const char *_Nonnull (*_Nonnull last_error)(void);

  // Calls between begin and end are recorded and not run; a launch runs them as they were recorded, with the same
  // pointers and counts. NULL in sets that have no such thing. Memory may not be moved or waited for while recording,
  // which one thread begins and ends.
  trn_status (*_Nullable graph_begin)(void);
  trn_status (*_Nullable graph_end)(trn_graph *_Nullable *_Nonnull out);
  trn_status (*_Nullable graph_launch)(trn_graph *graph);
  void (*_Nullable graph_release)(trn_graph *graph);

  // Bytes of the plan of some runs, 0 where the set needs none; and the plan, written to host memory for uploading.
  int64_t (*plan_bytes)(trn_sequences sequences);
  trn_status (*plan_write)(void *host_plan, trn_sequences sequences);

  // out[n] = inp[n] as values; sets whose values are floats never need it.
  trn_status (*values_round)(trn_value *out, const float *inp, int64_t n);

  // out[T,C] = inp[T,C] * rstd[T] * weight[C],  rstd = 1 / sqrt(mean(inp^2) + 1e-6)
  trn_status (*rmsnorm_forward)(
    trn_value *out, float *rstd, const float *inp, const float *weight, int64_t T, int64_t C);

  // sum[T,C] = inp[T,C] + delta[T,C], then the norm of sum
  trn_status (*residual_rmsnorm_forward)(
    float *sum, trn_value *out, float *rstd, const float *inp, const trn_value *delta,
    const float *weight, int64_t T, int64_t C);

  // dinp[T,C] += gradient of the norm; dweight[C] += its weights'; out[T,C] = the norm again
  trn_status (*rmsnorm_backward)(
    float *dinp, float *dweight, trn_value *out, const trn_value *dout, const float *inp,
    const float *weight, const float *rstd, int64_t T, int64_t C);

  // out[T,C] = table[tokens[T],C]
  trn_status (*embedding_forward)(
    float *out, const int32_t *tokens, const float *table, int64_t T, int64_t C);

  // dtable[tokens[T],C] += dout[T,C], in the order of the rows
  trn_status (*embedding_backward)(
    float *dtable, const int32_t *tokens, const float *dout, int64_t T, int64_t C);

  // out[i] = inp[rows[i]] for i < n: rows of row_bytes, a multiple of 2
  trn_status (*rows_gather)(
    void *out, const int32_t *rows, const void *inp, int64_t n, int64_t row_bytes);

  // out[rows[i]] = inp[i] for i < n, where no row comes twice
  trn_status (*rows_scatter)(
    void *out, const int32_t *rows, const void *inp, int64_t n, int64_t row_bytes);

  // out[rows[i],C] += inp[i,C] for i < n, in their order
  trn_status (*rows_scatter_add)(
    float *out, const int32_t *rows, const float *inp, int64_t n, int64_t C);

  // The same of values; each sum is rounded once.
  trn_status (*values_scatter_add)(
    trn_value *out, const int32_t *rows, const trn_value *inp, int64_t n, int64_t C);

  // inout[T,C] += bias[C]
  trn_status (*bias_forward)(trn_value *inout, const float *bias, int64_t T, int64_t C);

  // dbias[C] += sum over rows of dout[T,C]
  trn_status (*bias_backward)(float *dbias, const trn_value *dout, int64_t T, int64_t C);

  // Turns the first `heads` heads of every row of inout[T,stride]; channel i of a head pairs with
  // channel i + HS/2. cosines, sines: [position, HS/2].
  trn_status (*rope_forward)(
    trn_value *inout, int64_t stride, const int32_t *positions, const float *cosines,
    const float *sines, int64_t T, int64_t heads, int64_t HS);

  // The same turn backwards, which is the gradient of a turn.
  trn_status (*rope_backward)(
    trn_value *inout, int64_t stride, const int32_t *positions, const float *cosines,
    const float *sines, int64_t T, int64_t heads, int64_t HS);

  // Causal attention within each sequence, or path of a tree: out[T,NH*HS], log_sums[T,NH] (natural log of the
  // softmax's denominator), qkv[T,S]. scratch: attention_scratch(longest, HS) floats. The sums run over keys by
  // position, so a row's bits do not depend on what its path shares with others.
  trn_status (*attention_forward)(
    trn_value *out, float *log_sums, const trn_value *qkv, trn_sequences sequences, trn_heads heads,
    float *scratch);

  // dqkv[T,S] = gradient of attention_forward, which gave out and log_sums.
  trn_status (*attention_backward)(
    trn_value *dqkv, const trn_value *dout, const trn_value *out, const float *log_sums,
    const trn_value *qkv, trn_sequences sequences, trn_heads heads, float *scratch);

  // Floats of scratch that paths up to `longest` tokens need.
  int64_t (*attention_scratch)(int64_t longest, int64_t HS);

  // Stores keys and values of whole sequences (qkv[T,S]) in the given slots, one per sequence; starts are 0.
  trn_status (*cache_store)(
    trn_cache cache, const trn_value *qkv, trn_sequences sequences, const int32_t *slots,
    trn_heads heads);

  // One new token per row: appends its key and value to the suffix, attends to prefix and suffix.
  // out[B,NH*HS], qkv[B,S]. The sums run over keys in the order that attention_forward uses.
  trn_status (*attention_decode)(
    trn_value *out, const trn_value *qkv, trn_cache prefix, trn_cache suffix, trn_decode_rows rows,
    trn_heads heads, float *scratch);

  // out[T,H] = silu(gate_up[T,0..<H]) * gate_up[T,H..<2H]
  trn_status (*swiglu_forward)(
    trn_value *out, const trn_value *gate_up, int64_t T, int64_t H);

  // dgate_up[T,2H] from dout[T,H]; out[T,H] = the forward result again
  trn_status (*swiglu_backward)(
    trn_value *dgate_up, trn_value *out, const trn_value *dout, const trn_value *gate_up,
    int64_t T, int64_t H);

  // log_probs[T] of targets[T] and entropies[T] under softmax(logits[T,ld] * inverse_temperature)
  trn_status (*token_scores_forward)(
    float *log_probs, float *entropies, const float *logits, int64_t ld, const int32_t *targets,
    float inverse_temperature, int64_t T, int64_t V);

  // dlogits[T,ld] = the gradient of sum(d_log_probs * log_probs + d_entropies * entropies), whose columns from V on are
  // 0. It may be the logits' own memory where values are floats.
  trn_status (*token_scores_backward)(
    trn_value *dlogits, const float *logits, int64_t ld, const int32_t *targets,
    const float *d_log_probs, const float *_Nullable d_entropies, float inverse_temperature,
    int64_t T, int64_t V);

  // values[T] = outputs[T,0] + bias[0] of outputs[T,ld]: a critic's
  trn_status (*state_values_forward)(
    float *values, const float *outputs, int64_t ld, const float *bias, int64_t T);

  // doutputs[T,ld] = d_values[T] in column 0, else 0; dbias[0] += their sum, in the order of the rows
  trn_status (*state_values_backward)(
    trn_value *doutputs, float *dbias, const float *d_values, int64_t ld, int64_t T);

  // out[T,ld] = logits[T,ld], with -1e30 for tokens outside the nucleus of softmax(logits * inverse_temperature): the
  // likeliest tokens, equal ones in the order of their index, up to the one that brings their sum to `share`.
  // scratch: 4 V floats.
  trn_status (*nucleus_restrict)(
    float *out, const float *logits, int64_t ld, float inverse_temperature, double share, int64_t T,
    int64_t V, float *scratch);

  // tokens[T] drawn by uniforms[T] in [0,1) from softmax(logits[T,ld] * inverse_temperature):
  // the first token whose cumulative weight exceeds uniform * sum. scratch: V floats, rounded up to 16.
  trn_status (*tokens_sample)(
    int32_t *tokens, const float *logits, int64_t ld, const double *uniforms,
    float inverse_temperature, int64_t T, int64_t V, float *scratch);

  // tokens[T] = the first largest logit of each row
  trn_status (*tokens_argmax)(
    int32_t *tokens, const float *logits, int64_t ld, int64_t T, int64_t V);

  // Records what a step drew; rows that are not complete grow by that token, also in positions and suffix_lengths, and
  // are complete if it ends them (by length or as end token). Lays out the uniforms of the next step of the round.
  trn_status (*answers_extend)(
    trn_answers answers, const int32_t *tokens, const float *log_probs, const float *entropies);

  // Bytes of the panels of a matrix [K,N].
  int64_t (*panels_bytes)(int64_t K, int64_t N);

  // Lays w[K,N] (leading dimension ldw) out for products; where `transposed` is not 0, w is stored as [N,K].
  trn_status (*panels_pack)(
    void *panels, const float *w, int64_t ldw, int32_t transposed, int64_t K, int64_t N);

  // y[T,N] = x[T,K] times panels, leading dimensions ldy, ldx. Where `batch_invariant` is 1 the bits of a row depend on
  // that row and the panels alone.
  trn_status (*panels_multiply)(
    trn_value *y, int64_t ldy, const trn_value *x, int64_t ldx, const void *panels, int64_t T,
    int64_t K, int64_t N);

  // The same with sums that are not rounded to values: logits.
  trn_status (*panels_multiply_float)(
    float *y, int64_t ldy, const trn_value *x, int64_t ldx, const void *panels, int64_t T,
    int64_t K, int64_t N);

  // dw[K,N] += transposed(x[T,K]) y[T,N], leading dimensions ldw, ldx, ldy.
  trn_status (*weight_gradient)(
    float *dw, int64_t ldw, const trn_value *x, int64_t ldx, const trn_value *y, int64_t ldy,
    int64_t T, int64_t K, int64_t N);

  // Sum of squares in double, in a fixed order; waits. NaN where the device failed.
  double (*sum_of_squares)(const float *inp, int64_t n);

  // target[n] += rate * (source[n] - target[n])
  trn_status (*parameters_follow)(float *target, const float *source, float rate, int64_t n);

  // Decoupled weight decay (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2).
  trn_status (*adamw_step)(
    float *parameters, float *first_moments, float *second_moments, const float *gradients,
    int64_t n, trn_adamw settings);

  // The two score kernels from the same source in double, for comparison with other programs; host memory, NULL in sets
  // of another memory.
  trn_status (*_Nullable token_scores_forward_double)(
    double *log_probs, double *entropies, const double *logits, int64_t ld,
    const int32_t *targets, double inverse_temperature, int64_t T, int64_t V);
  trn_status (*_Nullable token_scores_backward_double)(
    double *logits, int64_t ld, const int32_t *targets, const double *d_log_probs,
    const double *_Nullable d_entropies, double inverse_temperature, int64_t T, int64_t V);
} trn_kernels;

/// Finds the kernel set "avx512", "avx2" or "generic"; an error when the processor lacks it.
trn_status trn_select_kernel_set(const char *name, const trn_kernels *_Nullable *_Nonnull out);

/// What is known of a CUDA device.
typedef struct trn_cuda_facts {
  char name[256];
  char uuid[64];
  /// The processor's own emulation of the kernels, for tests.
  int32_t is_emulated;
  /// Hash of the sources the library was compiled from, in hexadecimal digits; empty where it was built with the program.
  char sources[72];
  int32_t device_count;
  int32_t compute_major;
  int32_t compute_minor;
  int32_t multiprocessors;
  /// As CUDA writes versions: 1000 * major + 10 * minor.
  int32_t driver_version;
  int32_t runtime_version;
  int64_t blas_version;
  int64_t memory_bytes;
  int64_t free_bytes;
} trn_cuda_facts;

/// The function a CUDA library exports under the name "trn_cuda_open": takes the first visible device and finds the
/// kernel set "cuda-bf16", "cuda-bf16-invariant", "cuda-fp32" or "cuda-fp32-invariant". Without a device, or with one
/// that does not fit, `error` gets one sentence without a full stop. `out` may be NULL: then only facts are looked up.
typedef trn_status (*trn_cuda_open_function)(
  uint32_t abi_version, const char *name, const trn_kernels *_Nullable *_Nullable out,
  trn_cuda_facts *facts, char *error, int64_t error_bytes);

/// Sets the threads that BLAS may use.
trn_status trn_blas_set_threads(int32_t threads);

/// OpenBLAS's own words on its build, and the kernels it runs.
const char *trn_blas_config(void);
const char *trn_blas_core_name(void);

/// y[T,N] = x[T,K] w[K,N] by BLAS.
trn_status trn_blas_gemm(
  float *y, const float *x, const float *w, int64_t T, int64_t K, int64_t N);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#ifdef __cplusplus
}
#endif
