// The n best items of every row, seen ones left out. A row is one task.
//
// Bound: reading the scores once, which a product has just left in L2 or L3. That reading keeps the largest unseen score of
// each column of each block of 64 items, a quarter (AVX2: an eighth) of the row, and over all blocks the largest of 64 sets of
// items: the n-th largest of those is a score that n items reach. A second walk, over the column maxima alone, finds the
// hardly more than n items that reach it; a heap whose root is the worst of the n best so far takes them. Measured with both
// cores of a Zen 5 at work on rows of 18,345 scores in L3: 2.3 us per row; the reading takes 1.4 (54 GB/s a core), bits and
// heap .5.
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

// The largest unseen score of each column of a block, -infinity where there is none; NaN is never larger. unseen: a bit per
// item. kWhole: all items lie in the row.
template <bool kWhole>
HWY_INLINE hn::Vec<D> ColumnsOf(const float* HWY_RESTRICT block, const uint64_t* HWY_RESTRICT unseen) {
  const D d;
  const auto* bits = reinterpret_cast<const uint8_t*>(unseen);
  auto top = hn::Set(d, -__builtin_inff());
  for (int64_t j = 0; j < kVectors; ++j) {
    const auto here = hn::LoadMaskBits(d, bits + j * kLanes / 8);
    const auto scores = kWhole ? hn::LoadU(d, block + j * kLanes) : hn::MaskedLoad(here, d, block + j * kLanes);
    // On x86 the larger of NaN and b is b.
    top = hn::IfThenElse(here, hn::Max(scores, top), top);
  }
  return top;
}

// highest: kLanes numbers per block, those of ColumnsOf; maxima: the largest in each of 64 sets of items.
// unseen: one bit per item, a word per block, none behind the end of the row.
void Summarise(const float* HWY_RESTRICT scores, const uint64_t* HWY_RESTRICT unseen, int64_t items,
               float* HWY_RESTRICT highest, float* HWY_RESTRICT maxima) {
  const D d;
  hn::Vec<D> best[kVectors];
  for (int64_t j = 0; j < kVectors; ++j) best[j] = hn::Set(d, -__builtin_inff());
  int64_t block = 0;
  for (; (block + kVectors) * kBlockItems <= items; block += kVectors) {
    for (int64_t j = 0; j < kVectors; ++j) {
      const auto top = ColumnsOf<true>(scores + (block + j) * kBlockItems, unseen + block + j);
      hn::StoreU(top, d, highest + (block + j) * kLanes);
      best[j] = hn::Max(best[j], top);
    }
  }
  for (; block * kBlockItems < items; ++block) {
    const auto top = ColumnsOf<false>(scores + block * kBlockItems, unseen + block);
    hn::StoreU(top, d, highest + block * kLanes);
    best[0] = hn::Max(best[0], top);
  }
  for (int64_t j = 0; j < kVectors; ++j) hn::StoreU(best[j], d, maxima + j * kLanes);
}

// The n-th largest of 64 numbers, none of them NaN: the smallest of those that fewer than n surpass.
float NthLargest(const float* HWY_RESTRICT values, int64_t n) {
  const D d;
  hn::Vec<D> value[kVectors], larger[kVectors];
  for (int64_t j = 0; j < kVectors; ++j) {
    value[j] = hn::LoadU(d, values + j * kLanes);
    larger[j] = hn::Zero(d);
  }
  const auto one = hn::Set(d, 1.0f);
  for (int64_t i = 0; i < kBlockItems; ++i) {
    const auto other = hn::Set(d, values[i]);
    for (int64_t j = 0; j < kVectors; ++j)
      larger[j] = hn::Add(larger[j], hn::IfThenElseZero(hn::Gt(other, value[j]), one));
  }
  const auto n_of = hn::Set(d, static_cast<float>(n)), all = hn::Set(d, __builtin_inff());
  auto least = all;
  for (int64_t j = 0; j < kVectors; ++j) least = hn::Min(least, hn::IfThenElse(hn::Lt(larger[j], n_of), value[j], all));
  return hn::GetLane(hn::MinOfLanes(d, least));
}

// The first block at or after `block` that has an unseen score >= limit; blocks where none is left.
int64_t NextBlock(const float* HWY_RESTRICT highest, int64_t blocks, int64_t block, float limit) {
  const D d;
  const auto bound = hn::Set(d, limit);
  while (block < blocks && hn::AllFalse(d, hn::Ge(hn::LoadU(d, highest + block * kLanes), bound))) ++block;
  return block;
}

// Which unseen items of a block have a score >= limit.
uint64_t Reaching(const float* HWY_RESTRICT block, uint64_t unseen, float limit) {
  const D d;
  const auto bound = hn::Set(d, limit);
  uint8_t bits[sizeof unseen + 8], found[sizeof unseen + 8];
  __builtin_memcpy(bits, &unseen, sizeof unseen);
  for (int64_t j = 0; j < kVectors; ++j) {
    const auto scores = hn::MaskedLoad(hn::LoadMaskBits(d, bits + j * kLanes / 8), d, block + j * kLanes);
    hn::StoreMaskBits(d, hn::Ge(scores, bound), found + j * kLanes / 8);
  }
  uint64_t which;
  __builtin_memcpy(&which, found, sizeof which);
  return which & unseen;
}

// Numbers per block in what Summarise writes.
int64_t Lanes() { return kLanes; }

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(Lanes);
HWY_EXPORT(NextBlock);
HWY_EXPORT(NthLargest);
HWY_EXPORT(Reaching);
HWY_EXPORT(Summarise);

namespace {

constexpr uint32_t kWord = 64;  // items of a block: bits of a word
// A longer list shares columns too often for a useful bound.
constexpr int64_t kBoundedList = 32;
constexpr float kNone = -std::numeric_limits<float>::infinity();

struct Candidate {
  float score;  // NaN replaced by -infinity together with nan = true
  int32_t item;
  bool nan;
};

// Strict order, best first: score descending, item descending; NaN after all numbers, among themselves item descending.
constexpr auto better = [](const Candidate& a, const Candidate& b) {
  if (a.nan != b.nan) return b.nan;
  if (a.score != b.score) return a.score > b.score;
  return a.item > b.item;
};

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

// One bit per item of the row that was not seen, a word per block; none behind the end.
const uint64_t* unseen_bits(const Row& row, int64_t blocks, Arena& scratch) {
  auto* unseen = scratch.need<uint64_t>(blocks + 1, "top_n");  // Highway loads 8 bytes where it needs one or two
  std::fill_n(unseen, blocks, ~uint64_t{0});
  if (row.items % kWord != 0) unseen[blocks - 1] = (uint64_t{1} << (row.items % kWord)) - 1;
  for (int64_t i = 0; i < row.seen_count; ++i) {
    const auto item = static_cast<uint32_t>(row.seen[i]);
    unseen[item / kWord] &= ~(uint64_t{1} << (item % kWord));
  }
  return unseen;
}

void best_of(const Row& row, Arena& scratch) {
  ArenaScope scope(scratch);
  const int64_t blocks = ceil_div(row.items, int64_t{kWord});
  const uint64_t* unseen = unseen_bits(row, blocks, scratch);
  auto* highest = scratch.need<float>(blocks * HWY_DYNAMIC_DISPATCH(Lanes)(), "top_n");
  alignas(64) float maxima[kWord];
  HWY_DYNAMIC_DISPATCH(Summarise)(row.scores, unseen, row.items, highest, maxima);
  // A score that at least n unseen items reach.
  const float bound = row.n > kBoundedList ? kNone : HWY_DYNAMIC_DISPATCH(NthLargest)(maxima, row.n);
  Best best{scratch.need<Candidate>(row.n, "top_n"), row.n};
  for (int64_t block = 0; block < blocks; ++block) {
    uint64_t which = unseen[block];
    if (const float limit = std::max(bound, best.limit()); limit > kNone) {
      block = HWY_DYNAMIC_DISPATCH(NextBlock)(highest, blocks, block, limit);
      if (block == blocks) break;
      which = HWY_DYNAMIC_DISPATCH(Reaching)(row.scores + block * kWord, unseen[block], limit);
    }
    for (; which != 0; which &= which - 1) {
      const int64_t v = block * kWord + std::countr_zero(which);
      best.offer(row.scores[v], v);
    }
  }
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
  // The sign says that one is wrong. A loop without a way out, which the compiler vectorises: the pool waits meanwhile.
  uint32_t sign = 0;
  const auto last = static_cast<uint32_t>(std::min<int64_t>(catalogue, std::numeric_limits<int32_t>::max()) - 1);
  for (int64_t i = 0; i < offsets[rows]; ++i) {
    const auto item = static_cast<uint32_t>(items[i]);
    sign |= item | (last - item);
  }
  if (sign >> 31 == 0) return;
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
