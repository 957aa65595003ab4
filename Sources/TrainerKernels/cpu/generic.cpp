// The kernel set "generic": four lanes, no instruction beyond the platform's baseline. ARM's has fused additions.
#define TRN_SET_NAME "generic"
#define TRN_SET_TABLE trn_kernels_generic
#define TRN_LANES 4
#if defined(__aarch64__)
#define TRN_HAS_FMA 1
#else
#define TRN_HAS_FMA 0
#endif

#include "host.h"

#include "kernel_set.h"
