// cuBLASLt's products by OpenBLAS: column-major matrices of floats or bf16, sums in floats.

#include <cblas.h>

#include <cstdio>
#include <vector>

#include "fibres.h"
#include "include/cublasLt.h"
#include "include/cuda_bf16.h"

struct cublasLtContext {};
struct cublasLtMatmulDescOpaque_t {
  cublasOperation_t a, b;
};
struct cublasLtMatrixLayoutOpaque_t {
  cudaDataType type;
  uint64_t rows, columns;
  int64_t ld;
};
struct cublasLtMatmulPreferenceOpaque_t {};

using namespace cuda_emulation;

namespace {

using layout = cublasLtMatrixLayoutOpaque_t;

size_t extent(const layout &l) {
  const size_t elements = (l.columns - 1) * static_cast<size_t>(l.ld) + l.rows;
  return elements * (l.type == CUDA_R_32F ? 4 : 2);
}

std::vector<float> to_floats(const void *data, const layout &l) {
  std::vector<float> out(l.rows * l.columns);
  for (size_t c = 0; c < l.columns; c++)
    for (size_t r = 0; r < l.rows; r++) {
      const size_t at = c * static_cast<size_t>(l.ld) + r;
      out[c * l.rows + r] = l.type == CUDA_R_32F ? static_cast<const float *>(data)[at]
                                                 : __bfloat162float(static_cast<const __nv_bfloat16 *>(data)[at]);
    }
  return out;
}

void from_floats(void *data, const layout &l, const std::vector<float> &values) {
  for (size_t c = 0; c < l.columns; c++)
    for (size_t r = 0; r < l.rows; r++) {
      const size_t at = c * static_cast<size_t>(l.ld) + r;
      const float value = values[c * l.rows + r];
      if (l.type == CUDA_R_32F)
        static_cast<float *>(data)[at] = value;
      else
        static_cast<__nv_bfloat16 *>(data)[at] = __float2bfloat16(value);
    }
}

CBLAS_TRANSPOSE transposition(cublasOperation_t operation) {
  return operation == CUBLAS_OP_N ? CblasNoTrans : CblasTrans;
}

}  // namespace

size_t cublasLtGetVersion() { return 130000; }

const char *cublasLtGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? "CUBLAS_STATUS_SUCCESS" : "CUBLAS_STATUS_NOT_SUPPORTED";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *out) {
  *out = new cublasLtContext;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *out, cublasComputeType_t, cudaDataType) {
  *out = new cublasLtMatmulDescOpaque_t{CUBLAS_OP_N, CUBLAS_OP_N};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(
  cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute, const void *value, size_t bytes) {
  if (bytes != sizeof(cublasOperation_t)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(attribute == CUBLASLT_MATMUL_DESC_TRANSA ? &operation->a : &operation->b, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t operation) {
  delete operation;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(
  cublasLtMatrixLayout_t *out, cudaDataType type, uint64_t rows, uint64_t columns, int64_t ld) {
  *out = new layout{type, rows, columns, ld};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l) {
  delete l;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *out) {
  *out = new cublasLtMatmulPreferenceOpaque_t;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(
  cublasLtMatmulPreference_t, cublasLtMatmulPreferenceAttributes_t attribute, const void *, size_t bytes) {
  const size_t expected = attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES ? 8 : 4;
  return bytes == expected ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
  cublasLtHandle_t, cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
  cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t, cublasLtMatmulPreference_t, int,
  cublasLtMatmulHeuristicResult_t *out, int *count) {
  const uint64_t m = operation->a == CUBLAS_OP_N ? a->rows : a->columns;
  const uint64_t k = operation->a == CUBLAS_OP_N ? a->columns : a->rows;
  const uint64_t inner = operation->b == CUBLAS_OP_N ? b->rows : b->columns;
  const uint64_t n = operation->b == CUBLAS_OP_N ? b->columns : b->rows;
  if (m != c->rows || n != c->columns || k != inner) stop("cublasLtMatmulAlgoGetHeuristic: shapes do not fit");
  // Real ones refuse bf16 in rows of odd length.
  *count = 0;
  for (const layout *each : {a, b, c})
    if (each->type == CUDA_R_16BF && each->ld % 2 != 0) return CUBLAS_STATUS_NOT_SUPPORTED;
  *out = {};
  *count = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(
  cublasLtHandle_t, cublasLtMatmulDesc_t operation, const void *alpha, const void *a, cublasLtMatrixLayout_t a_layout,
  const void *b, cublasLtMatrixLayout_t b_layout, const void *beta, const void *c, cublasLtMatrixLayout_t c_layout,
  void *d, cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t *, void *workspace, size_t workspace_bytes,
  cudaStream_t stream) {
  const cublasLtMatmulDescOpaque_t op = *operation;
  const layout al = *a_layout, bl = *b_layout, cl = *c_layout, dl = *d_layout;
  const float by = *static_cast<const float *>(alpha), keep = *static_cast<const float *>(beta);
  check_memory("cublasLtMatmul", a, extent(al));
  check_memory("cublasLtMatmul", b, extent(bl));
  check_memory("cublasLtMatmul", c, extent(cl));
  check_memory("cublasLtMatmul", d, extent(dl));
  check_memory("cublasLtMatmul", workspace, workspace_bytes);
  enqueue(stream, [=] {
    const std::vector<float> left = to_floats(a, al), right = to_floats(b, bl);
    std::vector<float> out(dl.rows * dl.columns);
    if (keep != 0) out = to_floats(c, cl);
    const auto size = [](uint64_t n) { return static_cast<blasint>(n); };
    // Real ones sum in an order that depends on the shape; here few columns get the second half of the depth first.
    const uint64_t depth = op.a == CUBLAS_OP_N ? al.columns : al.rows;
    const uint64_t middle = dl.columns < 64 ? depth / 2 : 0;
    const auto add = [&](uint64_t from, uint64_t to, float kept) {
      cblas_sgemm(
        CblasColMajor, transposition(op.a), transposition(op.b), size(dl.rows), size(dl.columns), size(to - from), by,
        left.data() + from * (op.a == CUBLAS_OP_N ? al.rows : 1), size(al.rows),
        right.data() + from * (op.b == CUBLAS_OP_N ? 1 : bl.rows), size(bl.rows), kept, out.data(), size(dl.rows));
    };
    add(middle, depth, keep);
    if (middle > 0) add(0, middle, 1);
    from_floats(d, dl, out);
  });
  return CUBLAS_STATUS_SUCCESS;
}
