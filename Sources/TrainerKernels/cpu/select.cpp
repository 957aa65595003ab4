#include <cstring>

#include "../include/trainer_kernels.h"

extern const trn_kernels trn_kernels_generic;
#if defined(__x86_64__)
extern const trn_kernels trn_kernels_avx2;
extern const trn_kernels trn_kernels_avx512;
#endif

namespace {

#if defined(__x86_64__)
bool supports_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool supports_avx512() {
  return supports_avx2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

trn_status offer(const trn_kernels *_Nullable *_Nonnull out, const trn_kernels &set, bool supported) {
  if (!supported) return TRN_UNSUPPORTED_KERNEL_SET;
  *out = &set;
  return TRN_OK;
}

}  // namespace

extern "C" trn_status trn_select_kernel_set(
  const char *name, const trn_kernels *_Nullable *_Nonnull out) {
  *out = nullptr;
  if (std::strcmp(name, "generic") == 0) return offer(out, trn_kernels_generic, true);
#if defined(__x86_64__)
  if (std::strcmp(name, "avx2") == 0) return offer(out, trn_kernels_avx2, supports_avx2());
  if (std::strcmp(name, "avx512") == 0) return offer(out, trn_kernels_avx512, supports_avx512());
#else
  if (std::strcmp(name, "avx2") == 0 || std::strcmp(name, "avx512") == 0)
    return TRN_UNSUPPORTED_KERNEL_SET;
#endif
  return TRN_UNKNOWN_KERNEL_SET;
}
