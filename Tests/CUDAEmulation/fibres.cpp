// Blocks in turn, a fibre per thread that waits.
//
// A fibre runs one thread of the block after another until one waits; that one keeps the fibre's stack, and another
// fibre goes on. So a thread that never waits costs a call, and one that waits costs a switch of stacks.

#include "fibres.h"

#include <sys/mman.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "include/cuda_bf16.h"
#include "include/warp_matrix.h"

#ifdef TRN_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

// Stores the registers that a call preserves and the stack pointer in *from, and goes on where `to` was stored.
extern "C" void cuda_emulation_switch(void **from, void *to) __asm__("cuda_emulation_switch");
#if defined(__x86_64__)
__asm__(
  ".text\n"
  ".globl cuda_emulation_switch\n"
  "cuda_emulation_switch:\n"
  "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
  "  movq %rsp, (%rdi)\n"
  "  movq %rsi, %rsp\n"
  "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
  "  ret\n");
// A function begins 8 bytes off 16.
static constexpr size_t kSavedWords = 7, kReturnWord = 6, kEntryBytes = 8;
#elif defined(__aarch64__)
__asm__(
  ".text\n"
  ".globl cuda_emulation_switch\n"
  "cuda_emulation_switch:\n"
  "  sub sp, sp, #160\n"
  "  stp x19, x20, [sp]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n"
  "  stp x25, x26, [sp, #48]\n  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
  "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n"
  "  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
  "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
  "  ldp x19, x20, [sp]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n"
  "  ldp x25, x26, [sp, #48]\n  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
  "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n"
  "  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
  "  add sp, sp, #160\n"
  "  ret\n");
static constexpr size_t kSavedWords = 20, kReturnWord = 11, kEntryBytes = 0;
#else
#error "the emulation switches stacks on x86-64 and aarch64 only"
#endif
#if defined(__ELF__)
__asm__(".section .note.GNU-stack,\"\",%progbits\n.text\n");
#endif

namespace cuda_emulation {

namespace {

constexpr size_t kStackBytes = 256 << 10, kGuardBytes = 64 << 10;
constexpr unsigned kMostThreads = 1024;
constexpr size_t kMostShared = 227 << 10;

struct fibre {
  void *stack_pointer;
  void *stack;
  void *fake_stack;  // the address sanitizer's
};

enum collective { nothing, warp_barrier, shuffling, balloting, multiplying, loading_matrices };
const char *const kCollectiveNames[] = {
  "nothing", "__syncwarp", "a shuffle", "a ballot", "a matrix product", "ldmatrix"};
const char *const kBarrierNames[] = {
  "__syncthreads", "__syncthreads_or", "__syncthreads_and", "__syncthreads_count"};

struct copy {
  void *out;
  const void *inp;
  int bytes;
};

struct thread {
  fibre *on;
  uint3 place;
  bool has_ended, is_at_barrier;
  // A collective of the warp that this thread waits in.
  collective waits_in;
  unsigned mask;
  // What it brings and gets.
  uint64_t value, result;
  int argument, width;
  shuffle_kind kind;
  float *c;
  const uint32_t *a, *b;
  uint32_t *fragments;
  const void *row;
  bool transposed;
  // Copies to shared memory; -1 ends a group.
  std::vector<copy> copies;
};

struct block_state {
  const char *name;
  const std::function<void()> *body;
  unsigned count, started, ended, step, next;
  unsigned at_barrier;
  int barrier_kind, barrier_sum, barrier_result;
  thread threads[kMostThreads];
  unsigned current;
  // Threads that may go on, as bits. Those of one warp go first, another one's after each barrier of the block, so that
  // a warp runs ahead of the others as far as barriers let it.
  unsigned ready_warps, ready_lanes[kMostThreads / 32], favourite;
  unsigned waiting[kMostThreads / 32];
};

block_state block;
bool is_running;
fibre host;
fibre *present = &host;
std::vector<fibre *> &pool = *new std::vector<fibre *>;
alignas(128) unsigned char shared[kMostShared];
uint64_t random_state = 0x9e3779b97f4a7c15;

unsigned random_below(unsigned n) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return static_cast<unsigned>((random_state >> 33) % n);
}

// i -> (first + i step) mod n visits all of 0..<n.
unsigned random_step(unsigned n) {
  unsigned step;
  do step = n == 1 ? 1 : 1 + random_below(n - 1);
  while (std::gcd(step, n) != 1);
  return step;
}

#ifdef TRN_ADDRESS_SANITIZER
fibre *previous;
const void *host_stack;
size_t host_bytes;

void leave_stack(fibre *next) {
  previous = present;
  const bool to_host = next == &host;
  __sanitizer_start_switch_fiber(
    &present->fake_stack, to_host ? host_stack : next->stack, to_host ? host_bytes : kStackBytes);
}

void enter_stack(void *fake_stack) {
  const void *from;
  size_t bytes;
  __sanitizer_finish_switch_fiber(fake_stack, &from, &bytes);
  if (previous != &host) return;
  host_stack = from;
  host_bytes = bytes;
}
#else
void leave_stack(fibre *) {}
void enter_stack(void *) {}
#endif

void switch_to(fibre *next) {
  fibre *const last = present;
  leave_stack(next);
  present = next;
  cuda_emulation_switch(&last->stack_pointer, next->stack_pointer);
  enter_stack(last->fake_stack);
}

void resume_as(unsigned index) {
  block.current = index;
  threadIdx = block.threads[index].place;
}

[[noreturn]] void report_deadlock() {
  unsigned at_barrier = 0, in_warp = 0;
  collective waits_in = nothing;
  for (unsigned i = 0; i < block.count; i++) {
    at_barrier += block.threads[i].is_at_barrier;
    if (block.threads[i].waits_in == nothing) continue;
    in_warp++;
    waits_in = block.threads[i].waits_in;
  }
  stop(
    "%s, block (%u, %u, %u): of %u threads %u ended, %u wait at %s and %u for others of their warp in %s", block.name,
    blockIdx.x, blockIdx.y, blockIdx.z, block.count, block.ended, at_barrier,
    kBarrierNames[at_barrier > 0 ? block.barrier_kind : 0], in_warp, kCollectiveNames[waits_in]);
}

// The first bit that is set, from the favourite on.
unsigned first_from(unsigned bits, unsigned favourite) {
  const unsigned later = bits & (~0u << favourite);
  return static_cast<unsigned>(__builtin_ctz(later != 0 ? later : bits));
}

unsigned take_ready() {
  const unsigned warp = first_from(block.ready_warps, block.favourite / 32);
  const unsigned lane = first_from(block.ready_lanes[warp], block.favourite % 32);
  block.ready_lanes[warp] &= ~(1u << lane);
  if (block.ready_lanes[warp] == 0) block.ready_warps &= ~(1u << warp);
  return warp * 32 + lane;
}

void make_ready(unsigned warp, unsigned lanes) {
  if (lanes == 0) return;
  block.ready_lanes[warp] |= lanes;
  block.ready_warps |= 1u << warp;
}

[[noreturn]] void fibre_main() {
  enter_stack(nullptr);
  for (;;) {
    while (block.started++ < block.count) {
      const unsigned index = block.next;
      block.next += block.step;
      if (block.next >= block.count) block.next -= block.count;
      resume_as(index);
      block.threads[index].on = present;
      (*block.body)();
      block.threads[index].has_ended = true;
      block.ended++;
    }
    block.started = block.count;
    fibre *next = &host;
    if (block.ready_warps != 0)
      next = block.threads[take_ready()].on;
    else if (block.ended < block.count)
      report_deadlock();
    pool.push_back(present);
    switch_to(next);
  }
}

fibre *take_fibre() {
  if (!pool.empty()) {
    fibre *const last = pool.back();
    pool.pop_back();
    return last;
  }
  char *const memory = static_cast<char *>(mmap(
    nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (memory == MAP_FAILED || mprotect(memory, kGuardBytes, PROT_NONE) != 0) stop("no memory for a thread's stack");
  fibre *const created = new fibre{nullptr, memory + kGuardBytes, nullptr};
  // Stacks begin at different places of their pages, or all would want the same lines of the processor's cache.
  static size_t created_count;
  const size_t skew = created_count++ % 509 * 64;
  void **const saved =
    reinterpret_cast<void **>(memory + kGuardBytes + kStackBytes - 64 - skew - kEntryBytes) - kSavedWords;
  for (size_t i = 0; i < kSavedWords; i++) saved[i] = nullptr;
  saved[kReturnWord] = reinterpret_cast<void *>(&fibre_main);
  created->stack_pointer = saved;
  return created;
}

// The present thread, which somebody will make ready, waits.
void wait() {
  const unsigned index = block.current;
  if (block.ready_warps != 0)
    switch_to(block.threads[take_ready()].on);
  else if (block.started < block.count)
    switch_to(take_fibre());
  else
    report_deadlock();
  resume_as(index);
}

thread *warp_threads() { return block.threads + block.current / 32 * 32; }

// Waits until all lanes of the mask are here; the last one runs `exchange` for all of them.
template <typename Exchange>
void together(collective what, unsigned mask, Exchange exchange) {
  const unsigned index = block.current, warp = index / 32, lane = index % 32;
  thread &self = block.threads[index];
  if ((mask >> lane & 1) == 0) stop("%s: a thread is not in its own mask of %s", block.name, kCollectiveNames[what]);
  self.waits_in = what;
  self.mask = mask;
  const unsigned others = block.waiting[warp] & mask;
  if (others != 0) {
    const thread &other = warp_threads()[__builtin_ctz(others)];
    if (other.waits_in != what || other.mask != mask)
      stop(
        "%s: threads of one warp wait for each other in %s (%08x) and in %s (%08x)", block.name,
        kCollectiveNames[other.waits_in], other.mask, kCollectiveNames[what], mask);
  }
  block.waiting[warp] |= 1u << lane;
  if ((block.waiting[warp] & mask) != mask) {
    wait();
    return;
  }
  thread *const lanes = warp_threads();
  exchange(lanes);
  block.waiting[warp] &= ~mask;
  for (unsigned i = 0; i < 32; i++)
    if ((mask >> i & 1) != 0) lanes[i].waits_in = nothing;
  make_ready(warp, mask & ~(1u << lane));
}

thread &self() { return block.threads[block.current]; }

float bf16(uint32_t pair, unsigned which) { return __uint_as_float(which == 0 ? pair << 16 : pair & 0xffff0000u); }

}  // namespace

void stop(const char *format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  std::fputs("CUDA emulation: ", stderr);
  std::vfprintf(stderr, format, arguments);
  std::fputc('\n', stderr);
  va_end(arguments);
  std::abort();
}

bool in_kernel() { return is_running; }

void run_kernel(const char *name, dim3 grid, dim3 size, size_t shared_count, const std::function<void()> &body) {
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  gridDim = grid;
  blockDim = size;
  block.name = name;
  block.body = &body;
  block.count = size.x * size.y * size.z;
  block.step = random_step(block.count);
  for (unsigned t = 0; t < block.count; t++)
    block.threads[t].place = {t % size.x, t / size.x % size.y, t / (size.x * size.y)};
  const unsigned block_count = static_cast<unsigned>(blocks), block_step = random_step(block_count);
  is_running = true;
  for (unsigned i = 0; i < block_count; i++) {
    const unsigned index = static_cast<unsigned>(uint64_t{i} * block_step % block_count);
    blockIdx = {index % grid.x, index / grid.x % grid.y, index / (grid.x * grid.y)};
    std::memset(shared, 0xff, shared_count);
    block.next = random_below(block.count);
    block.started = block.ended = block.at_barrier = 0;
    block.barrier_sum = 0;
    for (unsigned t = 0; t < block.count; t++) {
      block.threads[t].has_ended = block.threads[t].is_at_barrier = false;
      block.threads[t].copies.clear();
    }
    switch_to(take_fibre());
  }
  is_running = false;
}

unsigned char *shared_bytes() { return shared; }

int sync_threads(int kind, int predicate) {
  if (block.at_barrier > 0 && block.barrier_kind != kind)
    stop("%s: threads wait at %s and at %s", block.name, kBarrierNames[block.barrier_kind], kBarrierNames[kind]);
  block.barrier_kind = kind;
  block.barrier_sum += predicate != 0;
  if (++block.at_barrier < block.count) {
    self().is_at_barrier = true;
    wait();
    return block.barrier_result;
  }
  const int all = static_cast<int>(block.count), sum = block.barrier_sum;
  block.barrier_result = kind == 1 ? sum > 0 : kind == 2 ? sum == all : sum;
  block.at_barrier = 0;
  block.barrier_sum = 0;
  for (unsigned i = 0; i < block.count; i++) {
    if (!block.threads[i].is_at_barrier) continue;
    block.threads[i].is_at_barrier = false;
    make_ready(i / 32, 1u << i % 32);
  }
  block.favourite = random_below(32 * ((block.count + 31) / 32));
  return block.barrier_result;
}

void sync_warp(unsigned mask) {
  together(warp_barrier, mask, [](thread *) {});
}

uint64_t shuffle(shuffle_kind kind, unsigned mask, uint64_t value, int argument, int width) {
  self().kind = kind;
  self().value = value;
  self().argument = argument;
  self().width = width;
  together(shuffling, mask, [mask](thread *lanes) {
    for (int lane = 0; lane < 32; lane++) {
      if ((mask >> lane & 1) == 0) continue;
      thread &to = lanes[lane];
      const int begin = lane & -to.width, end = begin + to.width;
      int source = lane;
      switch (to.kind) {
      case shuffle_index: source = begin + (to.argument & (to.width - 1)); break;
      case shuffle_up: source = lane - to.argument; break;
      case shuffle_down: source = lane + to.argument; break;
      case shuffle_xor: source = lane ^ to.argument; break;
      }
      if (source < begin || source >= end) source = lane;
      if ((mask >> source & 1) == 0) stop("%s: a shuffle reads a lane outside of its mask", block.name);
      to.result = lanes[source].value;
    }
  });
  return self().result;
}

unsigned ballot(unsigned mask, int predicate) {
  self().value = predicate != 0;
  together(balloting, mask, [mask](thread *lanes) {
    unsigned all = 0;
    for (unsigned lane = 0; lane < 32; lane++)
      if ((mask >> lane & 1) != 0 && lanes[lane].value != 0) all |= 1u << lane;
    for (unsigned lane = 0; lane < 32; lane++)
      if ((mask >> lane & 1) != 0) lanes[lane].result = all;
  });
  return static_cast<unsigned>(self().result);
}

void multiply_fragments(float *c, const uint32_t *a, const uint32_t *b) {
  self().c = c;
  self().a = a;
  self().b = b;
  together(multiplying, 0xffffffffu, [](thread *lanes) {
    float left[16][16], right[16][8], sums[16][8];
    for (int lane = 0; lane < 32; lane++) {
      const int group = lane / 4, pair = lane % 4 * 2;
      for (int i = 0; i < 4; i++)
        for (unsigned j = 0; j < 2; j++)
          left[group + i % 2 * 8][pair + static_cast<int>(j) + i / 2 * 8] = bf16(lanes[lane].a[i], j);
      for (int i = 0; i < 2; i++)
        for (unsigned j = 0; j < 2; j++) right[pair + static_cast<int>(j) + i * 8][group] = bf16(lanes[lane].b[i], j);
      for (int i = 0; i < 4; i++) sums[group + i / 2 * 8][pair + i % 2] = lanes[lane].c[i];
    }
    for (int m = 0; m < 16; m++)
      for (int k = 0; k < 16; k++)
        for (int n = 0; n < 8; n++) sums[m][n] += left[m][k] * right[k][n];
    for (int lane = 0; lane < 32; lane++)
      for (int i = 0; i < 4; i++) lanes[lane].c[i] = sums[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
  });
}

void load_matrices(uint32_t *fragments, const void *row, bool transposed) {
  if (reinterpret_cast<uintptr_t>(row) % 16 != 0) stop("%s: ldmatrix of a row that is not aligned", block.name);
  self().fragments = fragments;
  self().row = row;
  self().transposed = transposed;
  together(loading_matrices, 0xffffffffu, [](thread *lanes) {
    for (int lane = 0; lane < 32; lane++)
      for (int i = 0; i < 4; i++) {
        const auto at = [&](int r, int c) -> uint32_t {
          return static_cast<const uint16_t *>(lanes[8 * i + r].row)[c];
        };
        const int outer = lane / 4, inner = lane % 4 * 2;
        lanes[lane].fragments[i] = lanes[lane].transposed ? at(inner, outer) | at(inner + 1, outer) << 16
                                                          : at(outer, inner) | at(outer, inner + 1) << 16;
      }
  });
}

void copy_later(void *out, const void *inp, int bytes) {
  if (reinterpret_cast<uintptr_t>(out) % 16 != 0 || reinterpret_cast<uintptr_t>(inp) % 16 != 0)
    stop("%s: an asynchronous copy of 16 bytes that are not aligned", block.name);
  self().copies.push_back({out, inp, bytes});
}

void copies_commit() { self().copies.push_back({nullptr, nullptr, -1}); }

void copies_wait(int left) {
  std::vector<copy> &copies = self().copies;
  int groups = 0;
  for (const copy &each : copies) groups += each.bytes < 0;
  size_t done = 0;
  while (groups > left) {
    const copy &next = copies[done++];
    if (next.bytes < 0) {
      groups--;
      continue;
    }
    if (next.bytes > 0) std::memcpy(next.out, next.inp, static_cast<size_t>(next.bytes));
    std::memset(static_cast<char *>(next.out) + next.bytes, 0, static_cast<size_t>(16 - next.bytes));
  }
  copies.erase(copies.begin(), copies.begin() + static_cast<std::ptrdiff_t>(done));
}

}  // namespace cuda_emulation
