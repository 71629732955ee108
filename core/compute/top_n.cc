// The n best items of every row, seen ones left out. A row is one task: its best n so far stand in a heap whose root
// is the worst of them, so most items cost one comparison.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/compute/ops_internal.h"

namespace heddle::cpu {
namespace {

struct Candidate {
  float score;  // NaN replaced by -infinity together with nan = true
  int32_t item;
  bool nan;
};

// Strict order, best first: score descending, item descending; NaN after all numbers, among themselves item descending.
bool better(const Candidate& a, const Candidate& b) {
  if (a.nan != b.nan) return b.nan;
  if (a.score != b.score) return a.score > b.score;
  return a.item > b.item;
}

struct Row {
  const float* scores;
  int64_t items, n;
  const int32_t* seen;
  int64_t seen_count;
  int32_t* out_items;
  float* out_scores;
};

void best_of(const Row& row, Arena& scratch) {
  ArenaScope scope(scratch);
  auto* seen = scratch.need<uint8_t>(row.items, "top_n");
  std::fill_n(seen, row.items, uint8_t{0});
  for (int64_t i = 0; i < row.seen_count; ++i) seen[row.seen[i]] = 1;
  auto* heap = scratch.need<Candidate>(row.n, "top_n");
  int64_t size = 0;
  for (int64_t v = 0; v < row.items; ++v) {
    const float score = row.scores[v];
    // Equal scores do get in: the later item wins the tie. NaN compares false and goes on to the exact test.
    if (size == row.n && !heap[0].nan && score < heap[0].score) continue;
    if (seen[v]) continue;
    const bool nan = std::isnan(score);
    const Candidate candidate{nan ? -std::numeric_limits<float>::infinity() : score, static_cast<int32_t>(v), nan};
    if (size < row.n) {
      heap[size++] = candidate;
      std::push_heap(heap, heap + size, better);
    } else if (row.n > 0 && better(candidate, heap[0])) {
      std::pop_heap(heap, heap + size, better);
      heap[size - 1] = candidate;
      std::push_heap(heap, heap + size, better);
    }
  }
  std::sort_heap(heap, heap + size, better);
  for (int64_t i = 0; i < row.n; ++i) {
    row.out_items[i] = i < size ? heap[i].item : -1;
    row.out_scores[i] = i >= size     ? -std::numeric_limits<float>::infinity()
                        : heap[i].nan ? std::numeric_limits<float>::quiet_NaN()
                                      : heap[i].score;
  }
}

void check_seen(const int64_t* offsets, const int32_t* items, int64_t rows, int64_t listed, int64_t catalogue) {
  if (offsets[0] != 0 || offsets[rows] > listed) {
    fail(HEDDLE_INVALID_ARGUMENT, "top_n: seen_offsets run from {} to {}; accepted: from 0 to at most {} (seen_items)",
         offsets[0], offsets[rows], listed);
  }
  for (int64_t b = 0; b < rows; ++b) {
    if (offsets[b + 1] < offsets[b]) fail(HEDDLE_INVALID_ARGUMENT, "top_n: seen_offsets fall at row {}", b);
  }
  for (int64_t i = 0; i < offsets[rows]; ++i) {
    if (items[i] < 0 || items[i] >= catalogue) {
      fail(HEDDLE_OUT_OF_RANGE, "top_n: seen_items[{}] is {}; accepted: 0 to {}", i, items[i], catalogue - 1);
    }
  }
}

}  // namespace

int32_t top_n(void* dc, const heddle_top_n* args, heddle_error* error) {
  return guarded(error, [&] {
    want_struct("top_n", args, args ? args->struct_size : 0, sizeof(heddle_top_n));
    want("top_n", "scores", args->scores, DType::f32, {kAny, kAny}, true);
    const int64_t rows = dim(args->scores, 0), items = dim(args->scores, 1);
    want("top_n", "items", args->items, DType::i32, {rows, kAny});
    const int64_t n = dim(args->items, 1);
    want("top_n", "top_scores", args->top_scores, DType::f32, {rows, n});
    const bool masked = args->seen_offsets != nullptr;
    if (masked) {
      want("top_n", "seen_offsets", args->seen_offsets, DType::i64, {rows + 1});
      want("top_n", "seen_items", args->seen_items, DType::i32, {kAny});
      check_seen(data<int64_t>(args->seen_offsets), data<int32_t>(args->seen_items), rows, dim(args->seen_items, 0),
                 items);
    }
    if (n == 0) return;
    CpuContext& ctx = context(dc);
    ctx.pool.run(rows, [&](int64_t b, int worker) {
      const int64_t begin = masked ? data<int64_t>(args->seen_offsets)[b] : 0,
                    end = masked ? data<int64_t>(args->seen_offsets)[b + 1] : 0;
      best_of({data<float>(args->scores) + b * row_stride(args->scores), items, n,
               masked ? data<int32_t>(args->seen_items) + begin : nullptr, end - begin,
               data<int32_t>(args->items) + b * n, data<float>(args->top_scores) + b * n},
              ctx.worker_arena(worker));
    });
  });
}

}  // namespace heddle::cpu
