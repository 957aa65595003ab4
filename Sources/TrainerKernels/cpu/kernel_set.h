// One kernel set, compiled once per instruction set by the .cpp files beside it; no include guard on purpose.
// Everything is static to its file, so that no two sets share a function.

#include "vector.h"

#include "reductions.h"

#include "normalisation.h"
#include "rows.h"
#include "rope.h"
#include "swiglu.h"
#include "attention.h"
#include "attention_backward.h"
#include "attention_decode.h"
#include "token_scores.h"
#include "adamw.h"
#include "products.h"

extern const trn_kernels TRN_SET_TABLE;
const trn_kernels TRN_SET_TABLE = {
  .abi_version = TRN_ABI_VERSION,
  .lanes = TRN_LANES,
  .name = TRN_SET_NAME,
  .host_memory = 1,
  .value_bytes = sizeof(float),
  .batch_invariant = 1,
  .round_steps = 1,
  // Enough rows for fast products, few enough that what belongs to them stays in the cache.
  .tile_rows = 256,
  .live_rows = 192,
  .logit_floats = 1 << 18,
  .memory_take = host_memory_take,
  .memory_release = host_memory_release,
  .memory_upload = host_memory_move,
  .memory_download = host_memory_move,
  .memory_copy = host_memory_move,
  .memory_clear = host_memory_clear,
  .synchronize = host_synchronize,
  .last_error = host_last_error,
  .graph_begin = nullptr,
  .graph_end = nullptr,
  .graph_launch = nullptr,
  .graph_release = nullptr,
  .plan_bytes = host_plan_bytes,
  .plan_write = host_plan_write,
  .values_round = host_values_round,
  .rmsnorm_forward = rmsnorm_forward,
  .residual_rmsnorm_forward = residual_rmsnorm_forward,
  .rmsnorm_backward = rmsnorm_backward,
  .embedding_forward = embedding_forward,
  .embedding_backward = embedding_backward,
  .rows_gather = rows_gather,
  .rows_scatter = rows_scatter,
  .rows_scatter_add = rows_scatter_add,
  .values_scatter_add = rows_scatter_add,
  .bias_forward = bias_forward,
  .bias_backward = bias_backward,
  .rope_forward = rope_forward,
  .rope_backward = rope_backward,
  .attention_forward = attention_forward,
  .attention_backward = attention_backward,
  .attention_scratch = attention_scratch,
  .cache_store = cache_store,
  .attention_decode = attention_decode,
  .swiglu_forward = swiglu_forward,
  .swiglu_backward = swiglu_backward,
  .token_scores_forward = token_scores_forward<float>,
  .token_scores_backward = token_scores_backward<float>,
  .state_values_forward = state_values_forward,
  .state_values_backward = state_values_backward,
  .nucleus_restrict = host_nucleus_restrict,
  .tokens_sample = tokens_sample,
  .tokens_argmax = tokens_argmax,
  .answers_extend = host_answers_extend,
  .panels_bytes = panels_bytes,
  .panels_pack = panels_pack,
  .panels_multiply = panels_multiply,
  .panels_multiply_float = panels_multiply,
  .weight_gradient = weight_gradient,
  .sum_of_squares = sum_of_squares,
  .parameters_follow = parameters_follow,
  .adamw_step = adamw_step,
  .token_scores_forward_double = token_scores_forward<double>,
  .token_scores_backward_double = token_scores_backward_double,
};
