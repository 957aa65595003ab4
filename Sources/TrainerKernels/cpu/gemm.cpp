// What is asked of OpenBLAS: one product, against which our own are tested and whose rate speed is measured by.
// Training does not go through it, since the bits of its rows depend on their number and place.

#include <cblas.h>

#include "../include/trainer_kernels.h"

extern "C" {

trn_status trn_blas_set_threads(int32_t threads) {
  if (threads < 1) return TRN_BAD_ARGUMENT;
  openblas_set_num_threads(threads);
  return TRN_OK;
}

const char *trn_blas_config(void) { return openblas_get_config(); }

const char *trn_blas_core_name(void) { return openblas_get_corename(); }

trn_status trn_blas_gemm(
  float *y, const float *x, const float *w, int64_t T, int64_t K, int64_t N) {
  const auto narrow = [](int64_t n) { return static_cast<blasint>(n); };
  cblas_sgemm(
    CblasRowMajor, CblasNoTrans, CblasNoTrans, narrow(T), narrow(N), narrow(K), 1.0f, x,
    narrow(K), w, narrow(N), 0.0f, y, narrow(N));
  return TRN_OK;
}
}
