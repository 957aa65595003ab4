// The host's functions of the emulated device: memory, one stream, its capture, graphs.

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "fibres.h"

#ifdef TRN_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, bytes) ((void)(memory), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(memory, bytes) ((void)(memory), (void)(bytes))
#endif

struct CUgraph_st {
  std::vector<std::function<void()>> calls;
};
struct CUgraphExec_st {
  std::vector<std::function<void()>> calls;
};
struct CUstream_st {
  CUgraph_st *capture = nullptr;
};
struct CUevent_st {};

namespace cuda_emulation {

namespace {

constexpr size_t kArenaBytes = size_t{64} << 30, kPage = 4096, kLargePage = 2 << 20, kSlack = 64;
constexpr size_t kDeviceBytes = size_t{8} << 30;

std::recursive_mutex mutex;
using guard = std::lock_guard<std::recursive_mutex>;

thread_local cudaError_t last_error = cudaSuccess;

cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

struct allocation {
  size_t bytes, pages_bytes;
};

// Addresses are never used twice, so what is freed stays out of reach.
char *arena;
size_t arena_used;
std::map<char *, allocation> allocations;
size_t allocated_bytes;
std::map<const void *, int> shared_allowances;
CUstream_st *capturing;
int open_depth;

void protect(int protection) {
  for (auto each = allocations.begin(); each != allocations.end();) {
    char *const begin = each->first;
    char *end = begin;
    for (; each != allocations.end() && each->first == end; ++each) end += each->second.pages_bytes;
    if (mprotect(begin, static_cast<size_t>(end - begin), protection) != 0) stop("mprotect failed");
  }
}

// Closing takes most of the time where much memory is allocated: after so many calls only one in 32 does it.
constexpr int64_t kAlwaysClosed = 4000;
int64_t closings;
bool is_open;

// Device memory can be touched while one of these lives.
struct opened_memory {
  guard lock{mutex};
  opened_memory() {
    if (open_depth++ == 0 && !is_open) protect(PROT_READ | PROT_WRITE);
    is_open = true;
  }
  ~opened_memory() {
    if (--open_depth > 0 || (++closings > kAlwaysClosed && closings % 32 != 0)) return;
    protect(PROT_NONE);
    is_open = false;
  }
};

}  // namespace

void enqueue(cudaStream_t stream, std::function<void()> work) {
  const guard lock(mutex);
  if (stream == nullptr) stop("work for the default stream");
  if (stream->capture != nullptr) {
    stream->capture->calls.push_back(std::move(work));
    return;
  }
  const opened_memory open;
  work();
}

void enqueue_kernel(
  cudaStream_t stream, const char *name, const void *kernel, dim3 grid, dim3 block, size_t shared_bytes,
  std::function<void()> thread) {
  const guard lock(mutex);
  const auto allowance = shared_allowances.find(kernel);
  const size_t most_shared = allowance == shared_allowances.end() ? 48 << 10 : static_cast<size_t>(allowance->second);
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (
    threads == 0 || threads > 1024 || block.z > 64 || grid.x == 0 || grid.x > 0x7fffffff || grid.y == 0 ||
    grid.y > 65535 || grid.z == 0 || grid.z > 65535 || shared_bytes > most_shared)
    stop(
      "%s: a launch of (%u, %u, %u) blocks of (%u, %u, %u) threads with %zu bytes of shared memory", name, grid.x,
      grid.y, grid.z, block.x, block.y, block.z, shared_bytes);
  enqueue(stream, [=] { run_kernel(name, grid, block, shared_bytes, thread); });
}

void allow_shared(const void *kernel, int bytes) {
  const guard lock(mutex);
  if (bytes < 0 || bytes > 227 << 10) stop("a kernel wants %d bytes of shared memory", bytes);
  shared_allowances[kernel] = bytes;
}

void check_memory(const char *user, const void *memory, size_t bytes) {
  const guard lock(mutex);
  const char *const begin = static_cast<const char *>(memory);
  auto next = allocations.upper_bound(const_cast<char *>(begin));
  if (next == allocations.begin()) stop("%s: %p is not the device's memory", user, memory);
  --next;
  const size_t offset = static_cast<size_t>(begin - next->first);
  if (offset > next->second.bytes + kSlack || (bytes > 1 && offset + bytes > next->second.bytes))
    stop("%s: %zu bytes at %p are not the device's memory", user, bytes, memory);
}

}  // namespace cuda_emulation

using namespace cuda_emulation;

cudaError_t cudaGetDeviceCount(int *count) {
  *count = 1;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *out, int) {
  *out = {};
  std::snprintf(out->name, sizeof out->name, "emulation on the processor");
  out->totalGlobalMem = kDeviceBytes;
  out->sharedMemPerBlockOptin = 227 << 10;
  out->major = 8;
  out->multiProcessorCount = 1;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
  const guard lock(mutex);
  *total = kDeviceBytes;
  *free = kDeviceBytes - allocated_bytes;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}

const char *cudaGetErrorString(cudaError_t error) {
  switch (error) {
  case cudaSuccess: return "no error";
  case cudaErrorInvalidValue: return "invalid argument";
  case cudaErrorMemoryAllocation: return "out of memory";
  case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
  default: return "unknown error";
  }
}

cudaError_t cudaMalloc(void **out, size_t bytes) {
  const guard lock(mutex);
  *out = nullptr;
  if (capturing != nullptr) return result(cudaErrorStreamCaptureUnsupported);
  if (arena == nullptr) {
    void *const addresses = mmap(
      nullptr, kArenaBytes + kLargePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (addresses == MAP_FAILED) stop("no addresses for the device's memory");
    const uintptr_t first = reinterpret_cast<uintptr_t>(addresses) + kLargePage - 1;
    arena = reinterpret_cast<char *>(first / kLargePage * kLargePage);
  }
  // Large pages are quicker to close and open.
  const size_t page = bytes < kLargePage ? kPage : kLargePage;
  const size_t pages_bytes = (bytes + kSlack + page - 1) / page * page;
  if (allocated_bytes + pages_bytes > kDeviceBytes || bytes > kDeviceBytes) return result(cudaErrorMemoryAllocation);
  arena_used = (arena_used + page - 1) / page * page;
  if (arena_used + pages_bytes > kArenaBytes) stop("all addresses of the device's memory were used");
  char *const memory = arena + arena_used;
  arena_used += pages_bytes;
  allocated_bytes += pages_bytes;
  allocations[memory] = {bytes, pages_bytes};
  if (page == kLargePage) madvise(memory, pages_bytes, MADV_HUGEPAGE);
  const bool was_open = is_open;
  const opened_memory open;
  if (was_open && mprotect(memory, pages_bytes, PROT_READ | PROT_WRITE) != 0) stop("mprotect failed");
  std::memset(memory, 0xff, pages_bytes);
  ASAN_POISON_MEMORY_REGION(memory + bytes, pages_bytes - bytes);
  *out = memory;
  return cudaSuccess;
}

cudaError_t cudaFree(void *memory) {
  const guard lock(mutex);
  if (memory == nullptr) return cudaSuccess;
  if (capturing != nullptr) return result(cudaErrorStreamCaptureUnsupported);
  const auto found = allocations.find(static_cast<char *>(memory));
  if (found == allocations.end()) stop("cudaFree of %p, which was not allocated", memory);
  const auto [bytes, pages_bytes] = found->second;
  {
    const opened_memory open;
    ASAN_UNPOISON_MEMORY_REGION(memory, pages_bytes);
    for (size_t i = bytes; i < pages_bytes; i++)
      if (static_cast<unsigned char *>(memory)[i] != 0xff)
        stop("a kernel wrote %zu bytes behind an allocation of %zu", i - bytes, bytes);
    madvise(memory, pages_bytes, MADV_DONTNEED);
  }
  mprotect(memory, pages_bytes, PROT_NONE);
  ASAN_POISON_MEMORY_REGION(memory, pages_bytes);
  allocated_bytes -= pages_bytes;
  allocations.erase(found);
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void **out, size_t bytes) {
  *out = std::malloc(bytes);
  return *out == nullptr ? result(cudaErrorMemoryAllocation) : cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *out, const void *inp, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  if (kind != cudaMemcpyDeviceToHost) check_memory("cudaMemcpyAsync", out, bytes);
  if (kind != cudaMemcpyHostToDevice) check_memory("cudaMemcpyAsync", inp, bytes);
  enqueue(stream, [=] { std::memcpy(out, inp, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *out, int value, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  check_memory("cudaMemsetAsync", out, bytes);
  enqueue(stream, [=] { std::memset(out, value, bytes); });
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned) {
  *out = new CUstream_st;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const guard lock(mutex);
  return stream->capture == nullptr ? cudaSuccess : result(cudaErrorStreamCaptureUnsupported);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned) {
  *out = new CUevent_st;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const guard lock(mutex);
  if (stream->capture != nullptr) return result(cudaErrorInvalidValue);
  stream->capture = new CUgraph_st;
  capturing = stream;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *out) {
  const guard lock(mutex);
  *out = stream->capture;
  stream->capture = nullptr;
  capturing = nullptr;
  return *out == nullptr ? result(cudaErrorInvalidValue) : cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t graph, unsigned long long) {
  *out = new CUgraphExec_st{graph->calls};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  const guard lock(mutex);
  const opened_memory open;
  for (const std::function<void()> &call : graph->calls) enqueue(stream, call);
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete graph;
  return cudaSuccess;
}
