#pragma once

// What the emulation's own files share.

#include "include/cuda_runtime.h"

#if defined(__SANITIZE_ADDRESS__)
#define TRN_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TRN_ADDRESS_SANITIZER 1
#endif
#endif

namespace cuda_emulation {

// Ends the program with a sentence.
[[noreturn]] void stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Runs all blocks of a kernel, one after another.
void run_kernel(const char *name, dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()> &thread);

// Whether the caller is a thread of a kernel.
bool in_kernel();

}  // namespace cuda_emulation
