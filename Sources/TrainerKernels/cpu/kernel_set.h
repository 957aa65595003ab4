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
  .rmsnorm_forward = rmsnorm_forward,
  .residual_rmsnorm_forward = residual_rmsnorm_forward,
  .rmsnorm_backward = rmsnorm_backward,
  .embedding_forward = embedding_forward,
  .embedding_backward = embedding_backward,
  .rows_gather = rows_gather,
  .rows_scatter_add = rows_scatter_add,
  .transpose = transpose,
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
  .tokens_sample = tokens_sample,
  .tokens_argmax = tokens_argmax,
  .panels_size = panels_size,
  .panels_pack = panels_pack,
  .panels_multiply = panels_multiply,
  .weight_gradient = weight_gradient,
  .sum_of_squares = sum_of_squares,
  .adamw_step = adamw_step,
  .token_scores_forward_double = token_scores_forward<double>,
  .token_scores_backward_double = token_scores_backward<double>,
};
