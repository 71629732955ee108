// Sums over the entries of each feature: column sums, counts and threshold gradients in one sweep over the rows (weight
// gradients: sparse_products.cc).
//
// Deterministic: entries are summed in f64 per block of rows, the blocks in order. Tasks are cut by shape alone.
#include <algorithm>
#include <cmath>

#include "core/compute/sparse_matmul.h"

namespace heddle::cpu {
namespace {

// Calls add(sums, first row, last row) for every block of rows (at most 64 blocks, so that partial sums stay small), then
// into(j, total) for every feature. Sums have room for a multiple of 16 features.
template <class Sum, class Add, class Into>
void sum_by_feature(CpuContext& context, const heddle_codes* codes, const char* op, Add&& add, Into&& into) {
  const int64_t block_rows = std::max<int64_t>(512, ceil_div(codes->rows, 64)), width = codes->width;
  const int64_t blocks = ceil_div(codes->rows, block_rows), room = ceil_div(width, 16) * 16;
  ArenaScope scope(context.arena);
  Sum* sums = context.arena.need<Sum>(blocks * room, op);
  context.pool.run(blocks, [&](int64_t block) {
    Sum* own = sums + block * room;
    std::fill_n(own, room, Sum{0});
    add(own, block * block_rows, std::min((block + 1) * block_rows, codes->rows));
  });
  context.pool.run(ceil_div(width, kBlock), [&](int64_t task) {
    for (int64_t j = task * kBlock; j < std::min((task + 1) * kBlock, width); ++j) {
      Sum total = 0;
      for (int64_t block = 0; block < blocks; ++block) total += sums[block * room + j];
      into(j, total);
    }
  });
}

}  // namespace

int32_t codes_column_sum(void* dc, const heddle_codes* codes, const DLTensor* values, DLTensor* out,
                         heddle_error* error) {
  return guarded(error, [&] {
    want_codes("codes_column_sum", codes);
    want("codes_column_sum", "out", out, DType::f32, {codes->width});
    const float* stored = values_or_own("codes_column_sum", codes, values);
    float* to = data<float>(out);
    // By masks where these are at hand anyway: the same sums, in which a zero adds nothing.
    const RowMasks* masks = worth_masks(codes) ? &row_masks(context(dc), codes) : nullptr;
    sum_by_feature<double>(
        context(dc), codes, "codes_column_sum",
        [&](double* sums, int64_t first, int64_t last) {
          for (int64_t row = first; masks && row < last; ++row) {
            sparse::kernels().add_columns(reinterpret_cast<const uint16_t*>(masks->of(row)), codes->width,
                                          stored + codes->offsets[row], sums);
          }
          if (masks) return;
          for (int64_t e = codes->offsets[first]; e < codes->offsets[last]; ++e)
            sums[codes->indices[e]] += static_cast<double>(stored[e]);
        },
        [&](int64_t j, double total) { to[j] = static_cast<float>(static_cast<double>(to[j]) + total); });
  });
}

int32_t codes_count(void* dc, const heddle_codes* codes, DLTensor* fired, heddle_error* error) {
  return guarded(error, [&] {
    want_codes("codes_count", codes);
    want("codes_count", "fired", fired, DType::i64, {codes->width});
    int64_t* to = data<int64_t>(fired);
    sum_by_feature<int32_t>(
        context(dc), codes, "codes_count",
        [&](int32_t* sums, int64_t first, int64_t last) {
          for (int64_t e = codes->offsets[first]; e < codes->offsets[last]; ++e)
            sums[codes->indices[e]] += codes->values[e] != 0;
        },
        [&](int64_t j, int32_t total) { to[j] += total; });
  });
}

int32_t threshold_backward(void* dc, const heddle_threshold_backward* args, heddle_error* error) {
  return guarded(error, [&] {
    constexpr const char* op = "threshold_backward";
    want_arguments(op, args, args ? args->struct_size : 0, sizeof(heddle_threshold_backward), args ? args->flags : 0);
    const heddle_codes* codes = args->codes;
    want_codes(op, codes);
    want(op, "dvalues", args->dvalues, DType::f32, {codes->nnz});
    want(op, "threshold", args->threshold, DType::f32, {codes->width});
    want(op, "dthreshold", args->dthreshold, DType::f32, {codes->width});
    if (!(args->bandwidth > 0) || std::isinf(args->bandwidth)) {
      fail(HEDDLE_INVALID_ARGUMENT, "{}: bandwidth is {}; accepted: a finite number > 0", op, args->bandwidth);
    }
    if (codes->pre == nullptr && codes->nnz > 0) {
      fail(HEDDLE_INVALID_ARGUMENT, "{}: the codes carry no pre-activations; encode with a margin >= bandwidth / 2",
           op);
    }
    const float* dvalues = data<float>(args->dvalues);
    const float* threshold = data<float>(args->threshold);
    float* to = data<float>(args->dthreshold);
    const double half = args->bandwidth / 2, slope = 1 / args->bandwidth;
    sum_by_feature<double>(
        context(dc), codes, op,
        [&](double* sums, int64_t first, int64_t last) {
          for (int64_t e = codes->offsets[first]; e < codes->offsets[last]; ++e) {
            const int32_t j = codes->indices[e];
            const double limit = static_cast<double>(threshold[j]);
            if (!(std::abs(static_cast<double>(codes->pre[e]) - limit) < half)) continue;
            sums[j] -= slope * (limit * static_cast<double>(dvalues[e]) + args->l0_weight);
          }
        },
        [&](int64_t j, double total) { to[j] = static_cast<float>(static_cast<double>(to[j]) + total); });
  });
}

int32_t codes_summary(void* dc, const heddle_codes* codes, double* sum_abs, int64_t* active, double* smallest,
                      heddle_error* error) {
  return guarded(error, [&] {
    want_codes("codes_summary", codes);
    struct Part {
      double sum = 0;
      int64_t active = 0;
      double smallest = std::numeric_limits<double>::infinity();
    };
    CpuContext& c = context(dc);
    ArenaScope scope(c.arena);
    constexpr int64_t chunk = 4 * kBlock;
    const int64_t chunks = ceil_div(codes->nnz, chunk);
    Part* parts = c.arena.need<Part>(chunks, "codes_summary");
    c.pool.run(chunks, [&](int64_t i) {
      Part part;
      sparse::kernels().summary(codes->values + i * chunk, std::min(chunk, codes->nnz - i * chunk), &part.sum,
                                &part.active, &part.smallest);
      parts[i] = part;
    });
    Part total;
    for (int64_t i = 0; i < chunks; ++i) {
      total.sum += parts[i].sum;
      total.active += parts[i].active;
      total.smallest = std::min(total.smallest, parts[i].smallest);
    }
    if (sum_abs) *sum_abs = total.sum;
    if (active) *active = total.active;
    if (smallest) *smallest = total.smallest;
  });
}

}  // namespace heddle::cpu
