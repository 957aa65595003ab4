#pragma once

// Matrix products of a warp and copies to shared memory that are under way until waited for, as PTX documents them.

#include <cstdint>

namespace cuda_emulation {

// c[16,8] += a[16,16] b[16,8] of bf16, all 32 lanes together; fragments as in mma.sync.aligned.m16n8k16.row.col.
void multiply_fragments(float *c, const uint32_t *a, const uint32_t *b);
// Four 8x8 matrices of bf16, whose rows (16 bytes, aligned) the lanes name: matrix i by lanes 8i..<8i+8.
void load_matrices(uint32_t *fragments, const void *row, bool transposed);

// Copies the bytes, then zeros up to 16, when they are waited for.
void copy_later(void *out, const void *inp, int bytes);
void copies_commit();
// Waits for all but the last `left` committed groups.
void copies_wait(int left);

}  // namespace cuda_emulation
