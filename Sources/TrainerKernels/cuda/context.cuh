// The device, its one stream, and what all calls share.
#pragma once

#include <cublasLt.h>

#include <mutex>

#include "prelude.cuh"

namespace trn_cuda {

// cuBLASLt's functions, looked up at run time; all null where it is missing.
struct blas_functions {
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtGetVersion) version;
  decltype(&cublasLtGetStatusString) words;
  decltype(&cublasLtMatmul) multiply;
  decltype(&cublasLtMatmulAlgoGetHeuristic) choose;
  decltype(&cublasLtMatmulDescCreate) operation_create;
  decltype(&cublasLtMatmulDescSetAttribute) operation_set;
  decltype(&cublasLtMatmulDescDestroy) operation_destroy;
  decltype(&cublasLtMatrixLayoutCreate) layout_create;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
};

struct device_context {
  cudaStream_t stream;
  bool is_recording;
  blas_functions blas;
  cublasLtHandle_t blas_handle;
};

// Bytes of workspace() that there always are.
static constexpr int64_t kWorkspaceBytes = 64 << 20;

// Of the device that open_device took; all calls hold the library's lock.
device_context &context();
std::recursive_mutex &library_lock();

// Takes the first visible device, once, and looks up its facts.
trn_status open_device(trn_cuda_facts *facts);
// Loads cuBLASLt, once.
trn_status open_blas();

// The status of the last launch.
trn_status launched();

// Keeps words for last_error and passes the status on.
trn_status fail(trn_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
// The same of a CUDA function's failure; TRN_OK for cudaSuccess.
trn_status check(cudaError_t error, const char *function);

// Memory for a call's intermediate results, good until the next call. Null, and words, when there is none: it does not
// grow while a graph is recorded.
void *workspace(int64_t bytes);

}  // namespace trn_cuda
