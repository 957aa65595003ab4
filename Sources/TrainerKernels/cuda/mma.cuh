// Matrix products of a warp in bf16 with fp32 sums, and copies that run beside them.
#pragma once

#include "prelude.cuh"

#ifdef TRN_EMULATED
#include <warp_matrix.h>
#endif

namespace trn_cuda {

// c[16,8] += a[16,16] b[16,8]. With g = lane / 4 and q = 2 (lane % 4), a lane holds
//   a: {a[g][q..q+1], a[g+8][q..], a[g][q+8..], a[g+8][q+8..]}, b: {b[q..q+1][g], b[q+8..][g]},
//   c: {c[g][q], c[g][q+1], c[g+8][q], c[g+8][q+1]}.
__device__ __forceinline__ void mma_16x8x16(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#ifdef TRN_EMULATED
  cuda_emulation::multiply_fragments(c, a, b);
#else
  // volatile: it may not be moved into code that not all lanes reach.
  asm volatile(
    "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
    : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Four 8x8 matrices from shared memory: lanes 8i..<8i+8 name the rows (16 bytes, aligned) of matrix i. A lane gets
// elements [lane / 4][2 (lane % 4)..] of each, or of their transposes.
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void *row) {
#ifdef TRN_EMULATED
  cuda_emulation::load_matrices(r, row, false);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(static_cast<uint32_t>(__cvta_generic_to_shared(row)))
               : "memory");
#endif
}

__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void *row) {
#ifdef TRN_EMULATED
  cuda_emulation::load_matrices(r, row, true);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(static_cast<uint32_t>(__cvta_generic_to_shared(row)))
               : "memory");
#endif
}

// Copies `bytes` (0...16) from global to shared memory, both 16-byte aligned, and fills up to 16 with zeros.
__device__ __forceinline__ void cp_async_16(void *shared, const void *global, int bytes = 16) {
#ifdef TRN_EMULATED
  cuda_emulation::copy_later(shared, global, bytes);
#else
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                 static_cast<uint32_t>(__cvta_generic_to_shared(shared))),
               "l"(global), "r"(bytes)
               : "memory");
#endif
}

__device__ __forceinline__ void cp_async_commit() {
#ifdef TRN_EMULATED
  cuda_emulation::copies_commit();
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for all but the last `LEFT` groups of this thread; others' copies need a barrier besides.
template <int LEFT>
__device__ __forceinline__ void cp_async_wait() {
#ifdef TRN_EMULATED
  cuda_emulation::copies_wait(LEFT);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
#endif
}

}  // namespace trn_cuda
