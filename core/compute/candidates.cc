// Sampled objectives: sample_candidates and candidate_loss.
//
// Draw i of row t is the number u made of words 2i and 2i+1 of the row's own stream, put through the inverse of the
// distribution function with the target's part cut out: what "a draw of the target is repeated" gives, without
// repeating, and also where the target has nearly all the weight. Rows are independent. Repeated items are counted in
// an array over the catalogue, with two levels of bits over it, so that a row is emitted in ascending order without
// sorting.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/compute/candidate_kernels.h"
#include "core/compute/rng.h"
#include "core/compute/sparse_codes.h"

namespace heddle::cpu {
namespace {

__extension__ typedef unsigned __int128 uint128;

// Weighted draws by the distribution function and an index into it (Chen & Asau 1974): bucket b of as many as there are
// items knows the first item whose part reaches beyond b / items.
struct Weighted {
  const double* ends = nullptr;  // [items], running sums of the weights; null: uniform
  const int32_t* guide = nullptr;
  const float* weights = nullptr;
  int64_t items = 0;
  int64_t positive[2] = {-1, -1};  // the last two items with a weight > 0

  int32_t draw(uint64_t word, int64_t target) const {
    const double total = ends[items - 1], own = static_cast<double>(weights[target]);
    double x = static_cast<double>(word >> 11) * 0x1p-53 * (total - own);
    if (x >= (target > 0 ? ends[target - 1] : 0.0)) x += own;
    const double scaled = x / total * static_cast<double>(items);
    int64_t j = guide[std::clamp<int64_t>(static_cast<int64_t>(scaled), 0, items - 1)];
    while (j > 0 && ends[j - 1] > x) --j;
    while (j < items && !(ends[j] > x)) ++j;
    // Rounding at the upper end: the last item that may be drawn.
    if (j >= items || j == target) j = positive[0] == target ? positive[1] : positive[0];
    return static_cast<int32_t>(j);
  }
};

Weighted prepare_weights(Arena& arena, const DLTensor* weights, int64_t items) {
  Weighted w;
  if (weights == nullptr) return w;
  const char* op = "sample_candidates";
  w.weights = data<float>(weights);
  w.items = items;
  auto* ends = arena.need<double>(items, op);
  auto* guide = arena.need<int32_t>(items, op);
  double sum = 0;
  for (int64_t j = 0; j < items; ++j) {
    const float weight = w.weights[j];
    if (!(weight >= 0) || std::isinf(weight))
      fail(HEDDLE_INVALID_ARGUMENT, "{}: weights[{}] is {}; accepted: finite numbers >= 0", op, j, weight);
    if (weight > 0) {
      w.positive[1] = w.positive[0];
      w.positive[0] = j;
    }
    ends[j] = sum += static_cast<double>(weight);
  }
  if (w.positive[1] < 0)
    fail(HEDDLE_INVALID_ARGUMENT, "{}: {} of the {} weights are > 0; accepted: two or more", op,
         w.positive[0] < 0 ? 0 : 1, items);
  int64_t j = 0;
  for (int64_t b = 0; b < items; ++b) {
    const double from = sum * (static_cast<double>(b) / static_cast<double>(items));
    while (j < items - 1 && !(ends[j] > from)) ++j;
    guide[b] = static_cast<int32_t>(j);
  }
  w.ends = ends;
  w.guide = guide;
  return w;
}

// How often each item was drawn for the row at hand; all zero between rows.
struct Counter {
  int32_t* counts;
  uint64_t *bits, *summary;  // an item's bit; a bit per word of bits
  int64_t summary_words;

  Counter(Arena& arena, int64_t items) {
    const char* op = "sample_candidates";
    const int64_t words = ceil_div(items, 64);
    summary_words = ceil_div(words, 64);
    counts = arena.need<int32_t>(items, op);
    bits = arena.need<uint64_t>(words, op);
    summary = arena.need<uint64_t>(summary_words, op);
    std::fill_n(counts, items, 0);
    std::fill_n(bits, words, uint64_t{0});
    std::fill_n(summary, summary_words, uint64_t{0});
  }
  void mark(int32_t item) {
    bits[item >> 6] |= uint64_t{1} << (item & 63);
    summary[item >> 12] |= uint64_t{1} << ((item >> 6) & 63);
  }
  // Appends (item, count) in ascending order and clears. Returns how many.
  int64_t emit(int32_t* indices, float* values) {
    int64_t n = 0;
    for (int64_t s = 0; s < summary_words; ++s) {
      for (uint64_t words = summary[s]; words != 0; words &= words - 1) {
        const int64_t word = s * 64 + std::countr_zero(words);
        for (uint64_t left = bits[word]; left != 0; left &= left - 1) {
          const int64_t item = word * 64 + std::countr_zero(left);
          indices[n] = static_cast<int32_t>(item);
          values[n++] = static_cast<float>(counts[item]);
          counts[item] = 0;
        }
        bits[word] = 0;
      }
      summary[s] = 0;
    }
    return n;
  }
};

void want_targets(const char* op, const int32_t* targets, int64_t rows, int64_t items) {
  for (int64_t t = 0; t < rows; ++t) {
    if (targets[t] >= items)
      fail(HEDDLE_OUT_OF_RANGE, "{}: targets[{}] is {}; accepted: -1 to {}", op, t, targets[t], items - 1);
  }
}

}  // namespace

int32_t sample_candidates(void* dc, const heddle_sample_candidates* args, heddle_error* error) {
  return guarded(error, [&] {
    const char* op = "sample_candidates";
    want_arguments(op, args, args ? args->struct_size : 0, sizeof(heddle_sample_candidates), args ? args->flags : 0);
    want_codes(op, args->codes);
    want(op, "targets", args->targets, DType::i32, {kAny});
    const int64_t rows = dim(args->targets, 0), items = args->items, count = args->count;
    if (items < 2 || items > INT32_MAX)
      fail(HEDDLE_INVALID_ARGUMENT, "{}: {} items; accepted: 2 to 2^31-1, so that there is one beside the target", op,
           items);
    // Counts are stored as f32, exact up to 2^24.
    if (count < 0 || count > (1 << 24))
      fail(HEDDLE_INVALID_ARGUMENT, "{}: count is {}; accepted: 0 to 2^24", op, count);
    want_optional(op, "weights", args->weights, DType::f32, {items});
    const auto* targets = data<int32_t>(args->targets);
    want_targets(op, targets, rows, items);
    CpuContext& ctx = context(dc);
    ArenaScope scope(ctx.arena);
    const Weighted weighted = prepare_weights(ctx.arena, args->weights, items);
    heddle_codes* codes = args->codes;
    reserve_rows(codes, rows);
    changed(codes);
    codes->width = items;
    // Rows are first written as far apart as the longest may be, then moved together.
    const int64_t longest = std::min(count, items - 1) + 1;
    int64_t written = 0;
    auto* begins = ctx.arena.need<int64_t>(rows, op);
    for (int64_t t = 0; t < rows; ++t) {
      begins[t] = written;
      written += targets[t] < 0 ? 0 : longest;
    }
    reserve_entries(codes, written, 0, false);
    ctx.pool.run(ceil_div(rows, kTaskRows), [&](int64_t task, int worker) {
      Arena& arena = ctx.worker_arena(worker);
      ArenaScope inner(arena);
      Counter counter(arena, items);
      auto* words = arena.need<uint32_t>(words_room(2 * count), op);
      for (int64_t t = task * kTaskRows; t < std::min(rows, (task + 1) * kTaskRows); ++t) {
        codes->offsets[t + 1] = 0;
        const int64_t target = targets[t];
        if (target < 0) continue;
        random_words(rng_substream(args->rng, static_cast<uint64_t>(t)), 2 * count, words);
        for (int64_t i = 0; i < count; ++i) {
          const uint64_t word = words[2 * i] | (uint64_t{words[2 * i + 1]} << 32);
          int32_t item;
          if (weighted.ends != nullptr) {
            item = weighted.draw(word, target);
          } else {
            item = static_cast<int32_t>((static_cast<uint128>(word) * static_cast<uint64_t>(items - 1)) >> 64);
            item += item >= target;
          }
          ++counter.counts[item];
          counter.mark(item);
        }
        counter.mark(static_cast<int32_t>(target));  // with the value 0
        codes->offsets[t + 1] = counter.emit(codes->indices + begins[t], codes->values + begins[t]);
      }
    });
    codes->offsets[0] = 0;
    for (int64_t t = 0; t < rows; ++t) {
      const int64_t to = codes->offsets[t], n = codes->offsets[t + 1];
      std::memmove(codes->indices + to, codes->indices + begins[t], static_cast<size_t>(n) * sizeof(int32_t));
      std::memmove(codes->values + to, codes->values + begins[t], static_cast<size_t>(n) * sizeof(float));
      codes->offsets[t + 1] = to + n;
    }
    codes->rows = rows;
    codes->nnz = codes->offsets[rows];
  });
}

int32_t candidate_loss(void* dc, const heddle_candidate_loss* args, heddle_error* error) {
  return guarded(error, [&] {
    const char* op = "candidate_loss";
    want_arguments(op, args, args ? args->struct_size : 0, sizeof(heddle_candidate_loss), args ? args->flags : 0);
    const heddle_codes* codes = args->codes;
    want_codes(op, codes);
    const int64_t rows = codes->rows;
    want(op, "targets", args->targets, DType::i32, {rows});
    want(op, "logits", args->logits, DType::f32, {codes->nnz});
    want_optional(op, "corrections", args->corrections, DType::f32, {codes->width});
    want_optional(op, "dlogits", args->dlogits, DType::f32, {codes->nnz});
    if (args->loss_sum == nullptr || args->count == nullptr)
      fail(HEDDLE_INVALID_ARGUMENT, "{}: loss_sum or count is null", op);
    const bool binary = args->kind == HEDDLE_CANDIDATES_BINARY;
    if (!binary && args->kind != HEDDLE_CANDIDATES_SOFTMAX)
      fail(HEDDLE_INVALID_ARGUMENT, "{}: kind is {}; accepted: 0 (binary), 1 (softmax)", op, args->kind);
    const auto* targets = data<int32_t>(args->targets);
    want_targets(op, targets, rows, codes->width);
    CpuContext& ctx = context(dc);
    ArenaScope scope(ctx.arena);
    // Where each row's target stands; checked for all rows before anything is written.
    auto* places = ctx.arena.need<int64_t>(rows, op);
    int64_t count = 0;
    for (int64_t t = 0; t < rows; ++t) {
      const int64_t begin = codes->offsets[t], end = codes->offsets[t + 1];
      if (targets[t] < 0) continue;
      const int32_t* at = std::lower_bound(codes->indices + begin, codes->indices + end, targets[t]);
      places[t] = at - codes->indices - begin;
      if (at == codes->indices + end || *at != targets[t])
        fail(HEDDLE_INVALID_ARGUMENT, "{}: row {} does not hold its target {}; accepted: codes of sample_candidates",
             op, t, targets[t]);
      ++count;
    }
    *args->count = count;
    auto* losses = ctx.arena.need<double>(rows, op);
    const auto gradient = static_cast<float>(args->scale / static_cast<double>(std::max<int64_t>(count, 1)));
    ctx.pool.run(ceil_div(rows, kTaskRows), [&](int64_t task, int worker) {
      const int64_t first = task * kTaskRows, last = std::min(rows, first + kTaskRows);
      int64_t longest = 0;
      for (int64_t t = first; t < last; ++t) longest = std::max(longest, codes->offsets[t + 1] - codes->offsets[t]);
      Arena& arena = ctx.worker_arena(worker);
      ArenaScope inner(arena);
      float* scratch = binary ? nullptr : arena.need<float>(longest + sparse::kStageSlack, op);
      for (int64_t t = first; t < last; ++t) {
        const int64_t begin = codes->offsets[t], n = codes->offsets[t + 1] - begin;
        float* dlogits = args->dlogits ? data<float>(args->dlogits) + begin : nullptr;
        losses[t] = 0;
        if (targets[t] < 0) {
          if (dlogits != nullptr) std::fill_n(dlogits, n, 0.0f);
          continue;
        }
        const CandidateRow row{n,
                               places[t],
                               data<float>(args->logits) + begin,
                               codes->values + begin,
                               codes->indices + begin,
                               data<float>(args->corrections),
                               static_cast<float>(args->positive_power),
                               gradient,
                               dlogits,
                               scratch};
        losses[t] = binary ? binary_row(row) : softmax_row(row);
      }
    });
    double total = 0;
    for (int64_t t = 0; t < rows; ++t) total += losses[t];
    *args->loss_sum = total;
  });
}

}  // namespace heddle::cpu
