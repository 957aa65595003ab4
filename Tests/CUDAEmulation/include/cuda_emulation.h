#pragma once

// The CUDA kernels compiled for the processor, behind the same function that the CUDA library exports.
//
// Blocks run one after another, threads as fibres that switch where they wait. Barriers, shuffles and matrix products
// of a warp are what CUDA documents; a barrier that not all reach ends the program with a sentence. The device's memory
// can be touched while the device works, and by nobody else.

#include "../../../Sources/TrainerKernels/include/trainer_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

trn_status trn_cuda_open(
  uint32_t abi_version, const char *name, const trn_kernels *_Nullable *_Nullable out,
  trn_cuda_facts *facts, char *error, int64_t error_bytes);

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif
