// Where the rows of packed runs lie, for kernels: see `trn_sequences` for the trees that runs form.
#pragma once

#include "prelude.cuh"

namespace trn_cuda {

// Rows of a tile of keys, as the plan counts them, and rows that see a tile of keys in one cut (below).
static constexpr int kKeyTile = 64, kCutRows = 512;

// Lists of 32-bit numbers, one behind the other in the order of their names; all rows count from the first run's.
//
// A run's path begins with the rows that earlier runs left: those of its first starts[i] positions are
// rows[paths[i]]... Siblings share one list, so a tree of many answers to a prompt has the prompt's rows once.
//
// Keys that later runs see as well are shared: the tiles of a run's first positions, where the next run starts behind
// them. The rows that see such a tile end at tile_ends[tile]; they follow on the tile's own without a gap, since trees
// are depth-first. They may be many, so they are cut: each cut is another block's work.
struct attention_plan {
  int runs, shared_tiles, cuts;
  const int32_t *offsets;    // [runs + 1]
  const int32_t *starts;     // [runs]
  const int32_t *paths;      // [runs]
  const int32_t *shared;     // [runs + 1]: shared tiles of the runs before
  const int32_t *tile_runs;  // [shared_tiles]
  const int32_t *tile_ends;  // [shared_tiles]
  const int32_t *tile_cuts;  // [shared_tiles + 1]: cuts of the tiles before
  const int32_t *cut_tiles;  // [cuts]
  const int32_t *rows;

  // Tiles of `tokens` rows have numbers in which those of run i begin at offsets[i] / tokens + i: that leaves enough
  // for each, some unused, and needs no list. The run of a tile's number:
  __device__ int run_of(int number, int tokens) const {
    return last_run([&](int i) { return offsets[i] / tokens + i <= number; });
  }
  // Of empty runs that begin at a row, and the one that has it, the latter comes last.
  __device__ int run_of_row(int row) const {
    return last_run([&](int i) { return offsets[i] <= row; });
  }
  // The place of the tile within its run, which may lie behind the run's end.
  __device__ int place_of(int number, int run, int tokens) const { return number - offsets[run] / tokens - run; }

 private:
  // The last run of which `is_before` is true; it is of the first, and of none behind one of which it is not.
  template <typename Test>
  __device__ int last_run(Test is_before) const {
    int low = 0, high = runs;
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      if (is_before(middle))
        low = middle;
      else
        high = middle;
    }
    return low;
  }
};

// What the host knows of the plan without reading it.
struct attention_counts {
  int64_t runs, rows, shared_tiles, cuts, path_rows;
  int64_t numbers(int64_t tokens) const { return rows / tokens + runs; }
};

attention_counts count_runs(const trn_sequences &sequences);
attention_plan plan_at(const void *memory, const attention_counts &counts);

}  // namespace trn_cuda
