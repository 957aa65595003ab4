// The device, its one stream, and what all calls share.
#pragma once

#include "prelude.cuh"

namespace trn_cuda {

struct device_context {
  cudaStream_t stream;
  bool is_recording;
};

// Of the device that trn_cuda_open took; all calls hold the library's lock.
device_context &context();

// The status of the last launch.
trn_status launched();

// Keeps words for last_error and passes the status on.
trn_status fail(trn_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The same of a CUDA function's failure; TRN_OK for cudaSuccess.
trn_status check(cudaError_t error, const char *function);

// Memory for a call's intermediate results, good until the next call asks. Null, and words, when there is none: it
// does not grow while a graph is recorded.
void *workspace(int64_t bytes);

}  // namespace trn_cuda
