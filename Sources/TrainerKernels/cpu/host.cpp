#include "host.h"

#include <sys/mman.h>

// Page-aligned and zeroed; pages take memory when first touched.
trn_status host_memory_take(void **out, int64_t bytes) {
  *out = nullptr;
  if (bytes < 1) return TRN_BAD_ARGUMENT;
  const size_t size = static_cast<size_t>(bytes);
  void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return TRN_OUT_OF_MEMORY;
#ifdef MADV_HUGEPAGE
  // Large pages spare address translation in long buffers; refusal costs nothing.
  madvise(memory, size, MADV_HUGEPAGE);
#endif
  *out = memory;
  return TRN_OK;
}

void host_memory_release(void *memory, int64_t bytes) {
  if (memory != nullptr) munmap(memory, static_cast<size_t>(bytes));
}

trn_status host_memory_move(void *out, const void *inp, int64_t bytes) {
  if (bytes > 0) std::memmove(out, inp, static_cast<size_t>(bytes));
  return TRN_OK;
}

trn_status host_memory_clear(void *out, int64_t bytes) {
  if (bytes > 0) std::memset(out, 0, static_cast<size_t>(bytes));
  return TRN_OK;
}

trn_status host_synchronize(void) { return TRN_OK; }

const char *host_last_error(void) { return ""; }

int64_t host_plan_bytes(trn_sequences) { return 0; }

trn_status host_plan_write(void *, trn_sequences) { return TRN_OK; }

trn_status host_values_round(float *out, const float *inp, int64_t n) {
  return host_memory_move(out, inp, n * static_cast<int64_t>(sizeof(float)));
}

// Nucleus sampling (Holtzman et al., arXiv:1904.09751, section 3.1).
trn_status host_nucleus_restrict(
  float *out, const float *logits, int64_t ld, float inverse_temperature, double share, int64_t T,
  int64_t V, float *scratch) {
  // The weight of an excluded token underflows to 0.
  constexpr float excluded = -1e30f;
  double *weights = reinterpret_cast<double *>(scratch);
  int32_t *order = reinterpret_cast<int32_t *>(scratch + 2 * V);
  for (int64_t t = 0; t < T; t++) {
    const float *row = logits + t * ld;
    float *kept = out + t * ld;
    const float largest = *std::max_element(row, row + V);
    double sum = 0;
    for (int64_t v = 0; v < V; v++) {
      weights[v] = std::exp(static_cast<double>((row[v] - largest) * inverse_temperature));
      // What is no number comes last, so that there is an order.
      if (!(weights[v] >= 0)) weights[v] = 0;
      sum += weights[v];
      order[v] = static_cast<int32_t>(v);
    }
    std::sort(order, order + V, [weights](int32_t a, int32_t b) {
      return weights[a] != weights[b] ? weights[a] > weights[b] : a < b;
    });
    std::fill_n(kept, ld, excluded);
    double reached = 0;
    for (int64_t i = 0; i < V; i++) {
      kept[order[i]] = row[order[i]];
      reached += weights[order[i]];
      if (reached >= share * sum) break;
    }
  }
  return TRN_OK;
}

trn_status host_answers_extend(
  trn_answers a, const int32_t *tokens, const float *log_probs, const float *entropies) {
  const int64_t step = a.step[0];
  for (int64_t row = 0; row < a.rows; row++) {
    const int64_t place = step * a.rows + row;
    a.drawn_tokens[place] = tokens[row];
    a.drawn_log_probs[place] = log_probs[row];
    a.drawn_entropies[place] = entropies[row];
    if (step + 1 < a.round) a.uniforms[row] = a.uniforms_ahead[place + a.rows];
    if (a.complete[row] != 0) continue;
    a.lengths[row] += 1;
    a.positions[row] += 1;
    a.suffix_lengths[row] += 1;
    a.complete[row] = tokens[row] == a.end_token || a.lengths[row] >= a.longest ? 1 : 0;
  }
  a.step[0] += 1;
  return TRN_OK;
}
