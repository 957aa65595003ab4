// The kernel set "avx512".
#if defined(__x86_64__)

#define TRN_SET_NAME "avx512"
#define TRN_SET_TABLE trn_kernels_avx512
#define TRN_LANES 16
#define TRN_HAS_FMA 1

#include "host.h"

#pragma clang attribute push( \
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,bmi,bmi2,lzcnt"))), apply_to = function)
#include "kernel_set.h"
#pragma clang attribute pop

#endif
