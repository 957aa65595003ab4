// The kernel set "generic": four lanes, no instruction beyond the platform's baseline.
#define TRN_SET_NAME "generic"
#define TRN_SET_TABLE trn_kernels_generic
#define TRN_LANES 4
#define TRN_HAS_FMA 0

#include "prelude.h"

#include "kernel_set.h"
