// What all sets of the processor share: ordinary memory, and no device that could be late.
#pragma once

#include "prelude.h"

trn_status host_memory_take(void **out, int64_t bytes);
void host_memory_release(void *memory, int64_t bytes);
trn_status host_memory_move(void *out, const void *inp, int64_t bytes);
trn_status host_memory_clear(void *out, int64_t bytes);
trn_status host_synchronize(void);
const char *host_last_error(void);
int64_t host_plan_bytes(trn_sequences sequences);
trn_status host_plan_write(void *plan, trn_sequences sequences);
trn_status host_values_round(float *out, const float *inp, int64_t n);
trn_status host_nucleus_restrict(
  float *out, const float *logits, int64_t ld, float inverse_temperature, double share, int64_t T,
  int64_t V, float *scratch);
trn_status host_answers_extend(
  trn_answers answers, const int32_t *tokens, const float *log_probs, const float *entropies);
