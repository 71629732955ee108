// The n best items of every row, seen ones left out. A row is one task.
//
// Bound: reading the scores, which a product has just left in L2 or L3. The first reading of a row keeps the largest unseen
// score of each of 64 columns (items v, v + 64, ...): the n-th largest of those is a score that n items reach, so that
// the second reading, from L2, has hardly more than n items to look at: a heap whose root is the worst of the n best so far
// takes them. Measured on one thread of a Zen 5: 4 us per row of 18,345 scores in L3.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/compute/ops_internal.h"
#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/top_n.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
constexpr int64_t kBlockItems = 64;
constexpr int64_t kVectors = kBlockItems / kLanes;

// maxima[c] = the largest of scores[c + 64 i] that is not seen, -infinity where there is none; NaN is never larger.
// seen: one bit per item, in whole words of 64.
void ColumnMaxima(const float* HWY_RESTRICT scores, const uint64_t* HWY_RESTRICT seen, int64_t items,
                  float* HWY_RESTRICT maxima) {
  const D d;
  hn::Vec<D> best[kVectors];
  for (int64_t j = 0; j < kVectors; ++j) best[j] = hn::Set(d, -__builtin_inff());
  const auto* bits = reinterpret_cast<const uint8_t*>(seen);
  int64_t v = 0;
  for (; v + kBlockItems <= items; v += kBlockItems) {
    for (int64_t j = 0; j < kVectors; ++j) {
      const auto score = hn::LoadU(d, scores + v + j * kLanes);
      const auto hidden = hn::LoadMaskBits(d, bits + (v + j * kLanes) / 8);
      best[j] = hn::IfThenElse(hn::AndNot(hidden, hn::Gt(score, best[j])), score, best[j]);
    }
  }
  for (int64_t j = 0; j < kVectors; ++j) hn::StoreU(best[j], d, maxima + j * kLanes);
  for (int64_t c = 0; v < items; ++v, ++c) {
    if ((seen[v / 64] >> (v % 64) & 1) == 0 && scores[v] > maxima[c]) maxima[c] = scores[v];
  }
}

// The first block of 64 items at or after `block` that has a score >= limit, and which of them; items / 64 where none is left.
int64_t NextBlock(const float* HWY_RESTRICT scores, int64_t blocks, int64_t block, float limit, uint64_t* which) {
  const D d;
  const auto bound = hn::Set(d, limit);
  for (; block < blocks; ++block) {
    const float* from = scores + block * kBlockItems;
    auto any = hn::Ge(hn::LoadU(d, from), bound);
    for (int64_t j = 1; j < kVectors; ++j) any = hn::Or(any, hn::Ge(hn::LoadU(d, from + j * kLanes), bound));
    if (hn::AllFalse(d, any)) continue;
    uint8_t bytes[sizeof *which + 8];
    for (int64_t j = 0; j < kVectors; ++j)
      hn::StoreMaskBits(d, hn::Ge(hn::LoadU(d, from + j * kLanes), bound), bytes + j * kLanes / 8);
    __builtin_memcpy(which, bytes, sizeof *which);
    break;
  }
  return block;
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(ColumnMaxima);
HWY_EXPORT(NextBlock);

namespace {

constexpr int64_t kColumns = 64;
// A longer list shares columns too often for a useful bound.
constexpr int64_t kBoundedList = 32;
constexpr float kNone = -std::numeric_limits<float>::infinity();

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

// The n best so far.
struct Best {
  Candidate* heap;  // room for n; the worst in front
  int64_t n, size = 0;

  void offer(float score, int64_t item) {
    const bool nan = std::isnan(score);
    const Candidate candidate{nan ? kNone : score, static_cast<int32_t>(item), nan};
    if (size < n) {
      heap[size++] = candidate;
      std::push_heap(heap, heap + size, better);
    } else if (better(candidate, heap[0])) {
      std::pop_heap(heap, heap + size, better);
      heap[size - 1] = candidate;
      std::push_heap(heap, heap + size, better);
    }
  }
  // An item below this score has no place. Equal scores do: the later item wins the tie. kNone: all have, also NaN.
  float limit() const { return size < n || heap[0].nan ? kNone : heap[0].score; }
};

// A score that at least n unseen items reach, or kNone.
float bound_of(const Row& row, const uint64_t* seen) {
  if (row.n > kBoundedList) return kNone;
  alignas(64) float maxima[kColumns];
  HWY_DYNAMIC_DISPATCH(ColumnMaxima)(row.scores, seen, row.items, maxima);
  std::nth_element(maxima, maxima + row.n - 1, maxima + kColumns, [](float a, float b) { return a > b; });
  return maxima[row.n - 1];
}

void best_of(const Row& row, Arena& scratch) {
  ArenaScope scope(scratch);
  const int64_t words = ceil_div(row.items, 64), whole = row.items / 64;
  auto* seen = scratch.need<uint64_t>(words, "top_n");
  std::fill_n(seen, words, uint64_t{0});
  for (int64_t i = 0; i < row.seen_count; ++i) seen[row.seen[i] / 64] |= uint64_t{1} << (row.seen[i] % 64);
  Best best{scratch.need<Candidate>(row.n, "top_n"), row.n};
  const float bound = bound_of(row, seen);
  const auto offer_all = [&](int64_t block, uint64_t which) {
    for (which &= ~seen[block]; which != 0; which &= which - 1) {
      const int64_t v = block * 64 + std::countr_zero(which);
      best.offer(row.scores[v], v);
    }
  };
  for (int64_t block = 0; block < whole; ++block) {
    uint64_t which = ~uint64_t{0};
    const float limit = std::max(bound, best.limit());
    if (limit > kNone) block = HWY_DYNAMIC_DISPATCH(NextBlock)(row.scores, whole, block, limit, &which);
    if (block < whole) offer_all(block, which);
  }
  if (whole < words) offer_all(whole, (uint64_t{1} << (row.items % 64)) - 1);
  std::sort_heap(best.heap, best.heap + best.size, better);
  for (int64_t i = 0; i < row.n; ++i) {
    const bool found = i < best.size;
    row.out_items[i] = found ? best.heap[i].item : -1;
    row.out_scores[i] = !found             ? kNone
                        : best.heap[i].nan ? std::numeric_limits<float>::quiet_NaN()
                                           : best.heap[i].score;
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
#endif
