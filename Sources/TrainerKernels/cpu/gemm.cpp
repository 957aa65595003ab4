// Matrix products through OpenBLAS. What is promised about bits rests on measurements of OpenBLAS 0.3.21,
// which the tests repeat:
// - SkylakeX: a row's bits do not depend on its place, for any row count; they depend on the row count only
//   where N is no multiple of 16 or K > 384, because small and large products then sum in different orders.
// - every set: rows of a product of exactly 8 rows do not depend on their place; of 12 rows they do on Haswell.

#include <cblas.h>

#include <algorithm>
#include <cstring>

#include "../include/trainer_kernels.h"

namespace {

constexpr int64_t kBlockRows = 8;
// K beyond this is summed in slices of kSliceDepth, each in one go.
constexpr int64_t kLongestDepth = 352;
constexpr int64_t kSliceDepth = 256;
// OpenBLAS multiplies without packing up to this M*N*K on SkylakeX.
constexpr int64_t kSmallProduct = 1000000;

bool rows_are_free() {
  static const bool free_rows = std::strcmp(openblas_get_corename(), "SkylakeX") == 0;
  return free_rows;
}

blasint narrow(int64_t n) { return static_cast<blasint>(n); }

void product(
  float *y, int64_t ldy, const float *x, int64_t ldx, const float *w, int64_t T, int64_t K,
  int64_t N, float beta) {
  cblas_sgemm(
    CblasRowMajor, CblasNoTrans, CblasNoTrans, narrow(T), narrow(N), narrow(K), 1.0f, x,
    narrow(ldx), w, narrow(N), beta, y, narrow(ldy));
}

void slice(
  float *y, int64_t ldy, const float *x, int64_t ldx, const float *w, int64_t T, int64_t K,
  int64_t N, float beta) {
  int64_t step = kBlockRows;
  if (rows_are_free() && N % 16 == 0) {
    // Unpacked products are faster while their blocks have enough rows; the bits are the same.
    const int64_t small = kSmallProduct / (N * K) / kBlockRows * kBlockRows;
    step = small >= 64 ? std::min<int64_t>(small, 256) : T;
    for (int64_t t = 0; t < T; t += step)
      product(y + t * ldy, ldy, x + t * ldx, ldx, w, std::min(step, T - t), K, N, beta);
    return;
  }
  for (int64_t t = 0; t < T; t += step)
    product(y + t * ldy, ldy, x + t * ldx, ldx, w, step, K, N, beta);
}

}  // namespace

extern "C" {

trn_status trn_blas_set_threads(int32_t threads) {
  if (threads < 1) return TRN_BAD_ARGUMENT;
  openblas_set_num_threads(threads);
  return TRN_OK;
}

const char *trn_blas_config(void) { return openblas_get_config(); }

const char *trn_blas_core_name(void) { return openblas_get_corename(); }

trn_status trn_gemm_rows(
  float *y, int64_t ldy, const float *x, int64_t ldx, const float *w, int64_t T, int64_t K,
  int64_t N) {
  if (T == 0) return TRN_OK;
  if (K <= kLongestDepth) {
    slice(y, ldy, x, ldx, w, T, K, N, 0);
    return TRN_OK;
  }
  for (int64_t k = 0; k < K; k += kSliceDepth)
    slice(y, ldy, x + k, ldx, w + k * N, T, std::min(kSliceDepth, K - k), N, k == 0 ? 0.0f : 1.0f);
  return TRN_OK;
}

trn_status trn_gemm_transposed_weights(
  float *y, const float *x, const float *w, int64_t T, int64_t K, int64_t N) {
  if (T == 0) return TRN_OK;
  cblas_sgemm(
    CblasRowMajor, CblasNoTrans, CblasTrans, narrow(T), narrow(K), narrow(N), 1.0f, x, narrow(N),
    w, narrow(N), 0.0f, y, narrow(K));
  return TRN_OK;
}

trn_status trn_gemm(
  float *y, const float *x, int64_t ldx, const float *w, int64_t T, int64_t K, int64_t N) {
  if (T == 0) return TRN_OK;
  product(y, N, x, ldx, w, T, K, N, 0);
  return TRN_OK;
}

trn_status trn_gemm_weight_gradient(
  float *dw, const float *x, int64_t ldx, const float *y, int64_t T, int64_t K, int64_t N) {
  if (T == 0) return TRN_OK;
  cblas_sgemm(
    CblasRowMajor, CblasTrans, CblasNoTrans, narrow(K), narrow(N), narrow(T), 1.0f, x,
    narrow(ldx), y, narrow(N), 1.0f, dw, narrow(N));
  return TRN_OK;
}

trn_status trn_gemm_square(float *y, const float *a, const float *b, int64_t n) {
  product(y, n, a, n, b, n, n, n, 0);
  return TRN_OK;
}
}
