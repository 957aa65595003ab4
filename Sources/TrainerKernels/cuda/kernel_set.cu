// The four tables, and the function by which the library is opened.

#include <cstdio>
#include <cstring>

#include "kernels.cuh"

namespace trn_cuda {

// A kernel's function as the table wants it: values without a type, and the library's lock held.
template <auto FUNCTION, typename Entry>
struct locked;

template <typename R, typename... P, R (*FUNCTION)(P...), typename... Q>
struct locked<FUNCTION, R (*)(Q...)> {
  static R call(Q... arguments) {
    const std::lock_guard<std::recursive_mutex> lock(library_lock());
    return FUNCTION(static_cast<P>(arguments)...);
  }
};

template <auto FUNCTION, typename Entry>
static void put(Entry &entry) {
  entry = locked<FUNCTION, Entry>::call;
}

template <typename A, bool INVARIANT>
static trn_kernels make_table(const char *name) {
  trn_kernels k{};
  k.abi_version = TRN_ABI_VERSION;
  k.lanes = 1;
  k.name = name;
  k.host_memory = 0;
  k.value_bytes = sizeof(A);
  k.batch_invariant = INVARIANT;
  k.round_steps = 16;
  // Enough rows and floats that every kernel fills a large device several times.
  k.tile_rows = 16384;
  k.live_rows = 1024;
  k.logit_floats = int64_t{1} << 28;

  put<memory_take>(k.memory_take);
  put<memory_release>(k.memory_release);
  put<memory_upload>(k.memory_upload);
  put<memory_download>(k.memory_download);
  put<memory_copy>(k.memory_copy);
  put<memory_clear>(k.memory_clear);
  put<synchronize>(k.synchronize);
  put<last_error>(k.last_error);
  put<graph_begin>(k.graph_begin);
  put<graph_end>(k.graph_end);
  put<graph_launch>(k.graph_launch);
  put<graph_release>(k.graph_release);

  put<values_round<A>>(k.values_round);
  put<rmsnorm_forward<A>>(k.rmsnorm_forward);
  put<residual_rmsnorm_forward<A>>(k.residual_rmsnorm_forward);
  put<rmsnorm_backward<A>>(k.rmsnorm_backward);
  put<embedding_forward>(k.embedding_forward);
  put<embedding_backward>(k.embedding_backward);
  put<rows_gather>(k.rows_gather);
  put<rows_scatter>(k.rows_scatter);
  put<rows_scatter_add>(k.rows_scatter_add);
  put<values_scatter_add<A>>(k.values_scatter_add);
  put<bias_forward<A>>(k.bias_forward);
  put<bias_backward<A>>(k.bias_backward);
  put<rope_forward<A>>(k.rope_forward);
  put<rope_backward<A>>(k.rope_backward);
  put<plan_bytes>(k.plan_bytes);
  put<plan_write>(k.plan_write);
  put<attention_forward<A>>(k.attention_forward);
  put<attention_backward<A>>(k.attention_backward);
  put<attention_scratch>(k.attention_scratch);
  put<cache_store<A>>(k.cache_store);
  put<attention_decode<A>>(k.attention_decode);
  put<swiglu_forward<A>>(k.swiglu_forward);
  put<swiglu_backward<A>>(k.swiglu_backward);
  put<token_scores_forward>(k.token_scores_forward);
  put<token_scores_backward<A>>(k.token_scores_backward);
  put<state_values_forward>(k.state_values_forward);
  put<state_values_backward<A>>(k.state_values_backward);
  put<nucleus_restrict>(k.nucleus_restrict);
  put<tokens_sample>(k.tokens_sample);
  put<tokens_argmax>(k.tokens_argmax);
  put<answers_extend>(k.answers_extend);
  put<panels_bytes<A>>(k.panels_bytes);
  put<panels_pack<A>>(k.panels_pack);
  put<panels_multiply<A, INVARIANT>>(k.panels_multiply);
  put<panels_multiply_float<A, INVARIANT>>(k.panels_multiply_float);
  put<weight_gradient<A, INVARIANT>>(k.weight_gradient);
  put<sum_of_squares>(k.sum_of_squares);
  put<parameters_follow>(k.parameters_follow);
  put<adamw_step>(k.adamw_step);
  return k;
}

static const trn_kernels *find_table(const char *name) {
  static const trn_kernels tables[] = {
    make_table<bf16, false>("cuda-bf16"), make_table<bf16, true>("cuda-bf16-invariant"),
    make_table<float, false>("cuda-fp32"), make_table<float, true>("cuda-fp32-invariant")};
  for (const trn_kernels &table : tables)
    if (std::strcmp(table.name, name) == 0) return &table;
  return nullptr;
}

static trn_status open(uint32_t abi_version, const char *name, const trn_kernels **out, trn_cuda_facts *facts) {
  if (abi_version != TRN_ABI_VERSION)
    return fail(
      TRN_OTHER_ABI, "the CUDA library has ABI %d, and the program wants %u", TRN_ABI_VERSION, abi_version);
  *facts = {};
  const trn_kernels *const table = out == nullptr ? nullptr : find_table(name);
  if (out != nullptr && table == nullptr)
    return fail(TRN_UNKNOWN_KERNEL_SET, "the CUDA library has no kernel set '%s'", name);
  if (const trn_status status = open_device(facts)) return status;
  if (table != nullptr && table->batch_invariant == 0)
    if (const trn_status status = open_blas()) return status;
  if (out != nullptr) *out = table;
  return TRN_OK;
}

}  // namespace trn_cuda

extern "C" __attribute__((visibility("default"))) trn_status trn_cuda_open(
  uint32_t abi_version, const char *name, const trn_kernels **out, trn_cuda_facts *facts, char *error,
  int64_t error_bytes) {
  const std::lock_guard<std::recursive_mutex> lock(trn_cuda::library_lock());
  if (out != nullptr) *out = nullptr;
  const trn_status status = trn_cuda::open(abi_version, name, out, facts);
  if (error_bytes > 0)
    std::snprintf(error, static_cast<size_t>(error_bytes), "%s", status == TRN_OK ? "" : trn_cuda::last_error());
  return status;
}
