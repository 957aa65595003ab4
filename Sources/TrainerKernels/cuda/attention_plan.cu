#include "attention_plan.cuh"

#include <algorithm>

#include "kernels.cuh"

namespace trn_cuda {

static int64_t start_of(const trn_sequences &runs, int64_t i) { return runs.starts == nullptr ? 0 : runs.starts[i]; }

static int64_t length_of(const trn_sequences &runs, int64_t i) { return runs.offsets[i + 1] - runs.offsets[i]; }

// Tiles of run i that the next run sees too.
static int64_t shared_tiles_of(const trn_sequences &runs, int64_t i) {
  if (i + 1 >= runs.count) return 0;
  const int64_t seen = std::min(start_of(runs, i + 1) - start_of(runs, i), length_of(runs, i));
  return ceil_div(std::max<int64_t>(seen, 0), kKeyTile);
}

// Calls body(tile, end) for the shared tiles of run i, the last first; end is the first run that does not see the tile.
template <typename Body>
static void for_shared_tiles(const trn_sequences &runs, int64_t i, Body body) {
  int64_t end = i + 1;
  for (int64_t tile = shared_tiles_of(runs, i) - 1; tile >= 0; tile--) {
    while (end < runs.count && start_of(runs, end) > start_of(runs, i) + tile * kKeyTile) end++;
    body(tile, end);
  }
}

// Whether run i needs a list of its own: a run that starts no later than the one before goes on from a part of its.
static bool has_list(const trn_sequences &runs, int64_t i) {
  return i > 0 && start_of(runs, i) > start_of(runs, i - 1);
}

attention_counts count_runs(const trn_sequences &runs) {
  attention_counts counts = {runs.count, 0, 0, 0, 0};
  if (runs.count == 0) return counts;
  counts.rows = runs.offsets[runs.count] - runs.offsets[0];
  for (int64_t i = 0; i < runs.count; i++) {
    if (has_list(runs, i)) counts.path_rows += start_of(runs, i);
    for_shared_tiles(runs, i, [&](int64_t tile, int64_t end) {
      counts.shared_tiles++;
      counts.cuts += ceil_div(runs.offsets[end] - runs.offsets[i] - tile * kKeyTile, kCutRows);
    });
  }
  return counts;
}

attention_plan plan_at(const void *memory, const attention_counts &counts) {
  attention_plan plan;
  plan.runs = static_cast<int>(counts.runs);
  plan.shared_tiles = static_cast<int>(counts.shared_tiles);
  plan.cuts = static_cast<int>(counts.cuts);
  plan.offsets = static_cast<const int32_t *>(memory);
  plan.starts = plan.offsets + counts.runs + 1;
  plan.paths = plan.starts + counts.runs;
  plan.shared = plan.paths + counts.runs;
  plan.tile_runs = plan.shared + counts.runs + 1;
  plan.tile_ends = plan.tile_runs + counts.shared_tiles;
  plan.tile_cuts = plan.tile_ends + counts.shared_tiles;
  plan.cut_tiles = plan.tile_cuts + counts.shared_tiles + 1;
  plan.rows = plan.cut_tiles + counts.cuts;
  return plan;
}

int64_t plan_bytes(trn_sequences sequences) {
  const attention_counts counts = count_runs(sequences);
  const int64_t numbers = 4 * counts.runs + 3 + 3 * counts.shared_tiles + counts.cuts + counts.path_rows;
  return numbers * static_cast<int64_t>(sizeof(int32_t));
}

trn_status plan_write(void *host_plan, trn_sequences runs) {
  const attention_plan plan = plan_at(host_plan, count_runs(runs));
  int32_t *const memory = static_cast<int32_t *>(host_plan);
  const auto put = [&](const int32_t *list, int64_t i, int64_t value) {
    memory[list - memory + i] = static_cast<int32_t>(value);
  };
  int64_t listed = 0, shared = 0, cuts = 0;
  put(plan.offsets, 0, 0);
  put(plan.shared, 0, 0);
  put(plan.tile_cuts, 0, 0);
  for (int64_t i = 0; i < runs.count; i++) {
    const int64_t first = runs.offsets[i] - runs.offsets[0], start = start_of(runs, i);
    put(plan.offsets, i + 1, first + length_of(runs, i));
    put(plan.starts, i, start);
    put(plan.paths, i, has_list(runs, i) ? listed : i > 0 ? plan.paths[i - 1] : 0);
    if (has_list(runs, i)) {
      // The path of the run before: its beginning, then its rows.
      const int64_t before = start_of(runs, i - 1), old = plan.paths[i - 1];
      for (int64_t t = 0; t < start; t++)
        put(plan.rows, listed + t, t < before ? plan.rows[old + t] : plan.offsets[i - 1] + t - before);
      listed += start;
    }
    for_shared_tiles(runs, i, [&](int64_t tile, int64_t end) {
      put(plan.tile_runs, shared + tile, i);
      put(plan.tile_ends, shared + tile, runs.offsets[end] - runs.offsets[0]);
    });
    shared += shared_tiles_of(runs, i);
    put(plan.shared, i + 1, shared);
  }
  for (int64_t tile = 0; tile < shared; tile++) {
    const int64_t run = plan.tile_runs[tile], begin = plan.offsets[run] + (tile - plan.shared[run]) * kKeyTile;
    const int64_t count = ceil_div(plan.tile_ends[tile] - begin, kCutRows);
    for (int64_t cut = 0; cut < count; cut++) put(plan.cut_tiles, cuts + cut, tile);
    cuts += count;
    put(plan.tile_cuts, tile + 1, cuts);
  }
  return TRN_OK;
}

int64_t attention_scratch(int64_t, int64_t) { return 0; }

}  // namespace trn_cuda
