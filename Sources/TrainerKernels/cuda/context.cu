#include "context.cuh"

#include <dlfcn.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <vector>

#include "kernels.cuh"

struct trn_graph {
  cudaGraphExec_t exec;
};

namespace trn_cuda {

#ifdef TRN_EMULATED
static constexpr int32_t kIsEmulated = 1;
#else
static constexpr int32_t kIsEmulated = 0;
#endif

// Uploads go through pinned chunks, so that the host's memory is free while they are under way. There are many, so that
// the host rarely waits for one: it is in use until all that was enqueued before its upload is done.
static constexpr int kChunks = 64;
static constexpr int64_t kChunkBytes = 256 << 10;

namespace {

struct private_state {
  char words[512];
  // The first failure of the device since the last wait.
  trn_status first_failure;
  bool is_open;
  void *workspace;
  int64_t workspace_bytes;
  void *chunks;
  cudaEvent_t chunk_is_free[kChunks];
  int next_chunk;
  // Released while a graph was recorded.
  std::vector<void *> released;
};

private_state &state() {
  static private_state *const all = new private_state{};
  return *all;
}

}  // namespace

device_context &context() {
  static device_context all{};
  return all;
}

std::recursive_mutex &library_lock() {
  static std::recursive_mutex *const lock = new std::recursive_mutex;
  return *lock;
}

trn_status fail(trn_status status, const char *format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(state().words, sizeof state().words, format, arguments);
  va_end(arguments);
  if (status == TRN_DEVICE_FAILED && state().first_failure == TRN_OK) state().first_failure = status;
  return status;
}

trn_status check(cudaError_t error, const char *function) {
  if (error == cudaSuccess) return TRN_OK;
  cudaGetLastError();  // or the next launch would be blamed
  return fail(
    error == cudaErrorMemoryAllocation ? TRN_OUT_OF_MEMORY : TRN_DEVICE_FAILED, "%s: %s", function,
    cudaGetErrorString(error));
}

trn_status launched() { return check(cudaGetLastError(), "a kernel's launch"); }

const char *last_error() { return state().words; }

// MARK: Opening

// Says at once whether the library has code for the device.
__global__ void probe_kernel() {}

static void write_uuid(char *out, size_t bytes, const cudaUUID_t &uuid) {
  const unsigned char *b = reinterpret_cast<const unsigned char *>(uuid.bytes);
  std::snprintf(
    out, bytes, "GPU-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
    b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

// What compiles the library says which sources it has; see scripts/source-fingerprint.
#ifndef TRN_CUDA_SOURCES
#define TRN_CUDA_SOURCES ""
#endif

static trn_status look_up(trn_cuda_facts *facts) {
  *facts = {};
  facts->is_emulated = kIsEmulated;
  std::snprintf(facts->sources, sizeof facts->sources, "%s", TRN_CUDA_SOURCES);
  int driver = 0, runtime = 0, count = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  facts->driver_version = driver;
  facts->runtime_version = runtime;
  const cudaError_t error = cudaGetDeviceCount(&count);
  facts->device_count = error == cudaSuccess ? count : 0;
  if (error != cudaSuccess) cudaGetLastError();
  if (driver == 0) return fail(TRN_NO_DEVICE, "no NVIDIA driver was found");
  if (error == cudaErrorInsufficientDriver)
    return fail(
      TRN_NO_DEVICE, "the NVIDIA driver is for CUDA %d.%d, and the kernels need one for CUDA %d.%d", driver / 1000,
      driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0))
    return fail(TRN_NO_DEVICE, "no CUDA device is visible");
  if (error != cudaSuccess) return fail(TRN_NO_DEVICE, "CUDA finds no device: %s", cudaGetErrorString(error));

  cudaDeviceProp device;
  if (const trn_status status = check(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties")) return status;
  std::snprintf(facts->name, sizeof facts->name, "%s", device.name);
  write_uuid(facts->uuid, sizeof facts->uuid, device.uuid);
  facts->compute_major = device.major;
  facts->compute_minor = device.minor;
  facts->multiprocessors = device.multiProcessorCount;
  cudaFuncAttributes attributes;
  if (cudaFuncGetAttributes(&attributes, probe_kernel) != cudaSuccess) {
    cudaGetLastError();
    return fail(
      TRN_UNSUPPORTED_KERNEL_SET, "the kernels were not compiled for %s (compute capability %d.%d)", device.name,
      device.major, device.minor);
  }
  // What the widest heads need for their gradient; cards of the compute capabilities 8.6, 8.9 and 12 have less.
  constexpr size_t kLeastShared = 136064;
  if (device.sharedMemPerBlockOptin < kLeastShared)
    return fail(
      TRN_UNSUPPORTED_KERNEL_SET, "%s (compute capability %d.%d) has %zu bytes of shared memory for a block, and the "
      "kernels need %zu", device.name, device.major, device.minor, device.sharedMemPerBlockOptin, kLeastShared);
  size_t free = 0, total = 0;
  if (const trn_status status = check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo")) return status;
  facts->memory_bytes = static_cast<int64_t>(total);
  facts->free_bytes = static_cast<int64_t>(free);
  return TRN_OK;
}

static trn_status take_stream() {
  private_state &all = state();
  if (context().stream == nullptr) {
    const cudaError_t error = cudaStreamCreateWithFlags(&context().stream, cudaStreamNonBlocking);
    if (const trn_status status = check(error, "cudaStreamCreateWithFlags")) return status;
  }
  if (all.chunks == nullptr) {
    const cudaError_t error = cudaMallocHost(&all.chunks, kChunks * kChunkBytes);
    if (const trn_status status = check(error, "cudaMallocHost")) return status;
  }
  for (cudaEvent_t &event : all.chunk_is_free) {
    if (event != nullptr) continue;
    const cudaError_t error = cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    if (const trn_status status = check(error, "cudaEventCreateWithFlags")) return status;
  }
  return workspace(kWorkspaceBytes) == nullptr ? TRN_OUT_OF_MEMORY : TRN_OK;
}

trn_status open_device(trn_cuda_facts *facts) {
  if (const trn_status status = look_up(facts)) return status;
  if (!state().is_open) {
    if (const trn_status status = take_stream()) return status;
    state().is_open = true;
  }
  if (open_blas() == TRN_OK) facts->blas_version = static_cast<int64_t>(context().blas.version());
  return TRN_OK;
}

#ifdef TRN_EMULATED
template <typename F>
static bool find(void *, F *out, const char *, F stand_in) {
  *out = stand_in;
  return true;
}
static void *open_library() { return context().blas_handle; }
static bool is_library(void *) { return true; }
#define TRN_FIND(library, member, name) find(library, &found.member, #name, &name)
#else
template <typename F>
static bool find(void *library, F *out, const char *name) {
  *out = reinterpret_cast<F>(dlsym(library, name));
  return *out != nullptr;
}
static void *open_library() {
  void *const newest = dlopen("libcublasLt.so.13", RTLD_NOW | RTLD_LOCAL);
  return newest != nullptr ? newest : dlopen("libcublasLt.so.12", RTLD_NOW | RTLD_LOCAL);
}
static bool is_library(void *library) { return library != nullptr; }
#define TRN_FIND(library, member, name) find(library, &found.member, #name)
#endif

trn_status open_blas() {
  if (context().blas_handle != nullptr) return TRN_OK;
  void *const library = open_library();
  if (!is_library(library))
    return fail(TRN_UNSUPPORTED_KERNEL_SET, "neither libcublasLt.so.13 nor libcublasLt.so.12 was found");
  blas_functions found{};
  const bool is_whole =
    TRN_FIND(library, create, cublasLtCreate) && TRN_FIND(library, version, cublasLtGetVersion) &&
    TRN_FIND(library, words, cublasLtGetStatusString) && TRN_FIND(library, multiply, cublasLtMatmul) &&
    TRN_FIND(library, choose, cublasLtMatmulAlgoGetHeuristic) &&
    TRN_FIND(library, operation_create, cublasLtMatmulDescCreate) &&
    TRN_FIND(library, operation_set, cublasLtMatmulDescSetAttribute) &&
    TRN_FIND(library, operation_destroy, cublasLtMatmulDescDestroy) &&
    TRN_FIND(library, layout_create, cublasLtMatrixLayoutCreate) &&
    TRN_FIND(library, layout_destroy, cublasLtMatrixLayoutDestroy) &&
    TRN_FIND(library, preference_create, cublasLtMatmulPreferenceCreate) &&
    TRN_FIND(library, preference_set, cublasLtMatmulPreferenceSetAttribute) &&
    TRN_FIND(library, preference_destroy, cublasLtMatmulPreferenceDestroy);
  if (!is_whole) return fail(TRN_UNSUPPORTED_KERNEL_SET, "libcublasLt lacks functions that the kernels use");
  const cublasStatus_t status = found.create(&context().blas_handle);
  if (status != CUBLAS_STATUS_SUCCESS) {
    context().blas_handle = nullptr;
    return fail(TRN_UNSUPPORTED_KERNEL_SET, "cublasLtCreate: %s", found.words(status));
  }
  context().blas = found;
  return TRN_OK;
}

// MARK: Memory

static trn_status refuse_while_recording(const char *what) {
  if (!context().is_recording) return TRN_OK;
  return fail(TRN_BAD_ARGUMENT, "%s while a graph is recorded", what);
}

void *workspace(int64_t bytes) {
  private_state &all = state();
  if (bytes <= all.workspace_bytes) return all.workspace;
  if (refuse_while_recording("more workspace")) return nullptr;
  // The former one stays: graphs know its address.
  void *grown = nullptr;
  const int64_t size = bytes > 2 * all.workspace_bytes ? bytes : 2 * all.workspace_bytes;
  if (check(cudaMalloc(&grown, static_cast<size_t>(size)), "cudaMalloc of workspace")) return nullptr;
  all.workspace = grown;
  all.workspace_bytes = size;
  return grown;
}

trn_status memory_take(void **out, int64_t bytes) {
  *out = nullptr;
  if (const trn_status status = refuse_while_recording("memory_take")) return status;
  void *memory = nullptr;
  const cudaError_t error = cudaMalloc(&memory, static_cast<size_t>(bytes > 0 ? bytes : 1));
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    return fail(
      TRN_OUT_OF_MEMORY, "cudaMalloc of %lld bytes: %s; %zu of %zu are free", static_cast<long long>(bytes),
      cudaGetErrorString(error), free, total);
  }
  if (const trn_status status = check(error, "cudaMalloc")) return status;
  if (const trn_status status = memory_clear(memory, bytes)) {
    cudaFree(memory);
    return status;
  }
  *out = memory;
  return TRN_OK;
}

// cudaFree waits for the device first.
void memory_release(void *memory, int64_t) {
  if (context().is_recording)
    state().released.push_back(memory);
  else
    check(cudaFree(memory), "cudaFree");
}

trn_status memory_upload(void *device, const void *host, int64_t bytes) {
  if (const trn_status status = refuse_while_recording("memory_upload")) return status;
  private_state &all = state();
  for (int64_t done = 0; done < bytes; done += kChunkBytes) {
    const int i = all.next_chunk;
    all.next_chunk = (i + 1) % kChunks;
    const size_t count = static_cast<size_t>(bytes - done < kChunkBytes ? bytes - done : kChunkBytes);
    const cudaError_t waited = cudaEventSynchronize(all.chunk_is_free[i]);
    if (const trn_status status = check(waited, "cudaEventSynchronize")) return status;
    char *const chunk = static_cast<char *>(all.chunks) + i * kChunkBytes;
    std::memcpy(chunk, static_cast<const char *>(host) + done, count);
    const cudaError_t error = cudaMemcpyAsync(
      static_cast<char *>(device) + done, chunk, count, cudaMemcpyHostToDevice, context().stream);
    if (const trn_status status = check(error, "cudaMemcpyAsync to the device")) return status;
    if (const trn_status status = check(cudaEventRecord(all.chunk_is_free[i], context().stream), "cudaEventRecord"))
      return status;
  }
  return TRN_OK;
}

trn_status memory_download(void *host, const void *device, int64_t bytes) {
  if (const trn_status status = refuse_while_recording("memory_download")) return status;
  const cudaError_t error =
    cudaMemcpyAsync(host, device, static_cast<size_t>(bytes), cudaMemcpyDeviceToHost, context().stream);
  if (const trn_status status = check(error, "cudaMemcpyAsync to the host")) return status;
  return synchronize();
}

trn_status memory_copy(void *out, const void *inp, int64_t bytes) {
  const cudaError_t error =
    cudaMemcpyAsync(out, inp, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, context().stream);
  return check(error, "cudaMemcpyAsync on the device");
}

trn_status memory_clear(void *out, int64_t bytes) {
  return check(cudaMemsetAsync(out, 0, static_cast<size_t>(bytes), context().stream), "cudaMemsetAsync");
}

trn_status synchronize() {
  if (const trn_status status = refuse_while_recording("synchronize")) return status;
  check(cudaStreamSynchronize(context().stream), "cudaStreamSynchronize");
  const trn_status first = state().first_failure;
  state().first_failure = TRN_OK;
  return first;
}

// MARK: Graphs

trn_status graph_begin() {
  if (const trn_status status = refuse_while_recording("graph_begin")) return status;
  const cudaError_t error = cudaStreamBeginCapture(context().stream, cudaStreamCaptureModeThreadLocal);
  if (const trn_status status = check(error, "cudaStreamBeginCapture")) return status;
  // graph_end, on the same thread, gives the lock back.
  library_lock().lock();
  context().is_recording = true;
  return TRN_OK;
}

trn_status graph_end(trn_graph **out) {
  *out = nullptr;
  if (!context().is_recording) return fail(TRN_BAD_ARGUMENT, "graph_end without graph_begin");
  cudaGraph_t recorded = nullptr;
  trn_status status = check(cudaStreamEndCapture(context().stream, &recorded), "cudaStreamEndCapture");
  context().is_recording = false;
  library_lock().unlock();
  cudaGraphExec_t exec = nullptr;
  if (status == TRN_OK) status = check(cudaGraphInstantiate(&exec, recorded, 0), "cudaGraphInstantiate");
  if (recorded != nullptr) cudaGraphDestroy(recorded);
  for (void *const memory : state().released) check(cudaFree(memory), "cudaFree");
  state().released.clear();
  if (status == TRN_OK) *out = new trn_graph{exec};
  return status;
}

trn_status graph_launch(trn_graph *graph) {
  return check(cudaGraphLaunch(graph->exec, context().stream), "cudaGraphLaunch");
}

void graph_release(trn_graph *graph) {
  // Destroying a graph that is still running is allowed: it is done afterwards.
  check(cudaGraphExecDestroy(graph->exec), "cudaGraphExecDestroy");
  delete graph;
}

}  // namespace trn_cuda
