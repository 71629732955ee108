// Sums over the entries of each feature: weight gradients through the by-feature ordering, column sums, counts and
// threshold gradients in one sweep over the rows.
//
// Deterministic: a weight's entries are added in ascending row; the others are summed in f64 per block of rows, the
// blocks in order. Tasks are cut by shape alone.
#include <algorithm>
#include <cmath>

#include "core/compute/sparse_codes.h"

namespace heddle::cpu {
namespace {

// Features per task of the weight gradient: about 64 tasks, so that uneven firing rates balance.
int64_t features_per_task(int64_t width) { return std::max<int64_t>(8, ceil_div(width, 64)); }

// From this share of non-zeros on, laying codes out dense is faster than following entries (measured at d = 64, m =
// 2048).
constexpr double kDenseShare = 0.2;
constexpr int64_t kDenseBytes = int64_t{4} << 20;  // of one block of dense codes: L3
constexpr int64_t kDenseTaskRows = 32, kDenseTaskFeatures = 64;

bool is_dense(const heddle_codes* codes) {
  return static_cast<double>(codes->nnz) >=
         kDenseShare * static_cast<double>(codes->rows) * static_cast<double>(codes->width);
}

void add_dense(CpuContext& c, const heddle_codes* codes, const float* values, const DLTensor* rows, const float* center,
               DLTensor* dweight) {
  const char* op = "codes_weight_gradient";
  ArenaScope scope(c.arena);
  sparse::DenseBlock block{};
  block.width = codes->width;
  block.indices = codes->indices;
  block.values = values;
  block.x_stride = rows_apart(rows);
  block.d = dim(rows, 1);
  block.center = center;
  block.dweight = data<float>(dweight);
  block.dweight_stride = rows_apart(dweight);
  // An odd number of cache lines, so that a column of codes does not fall into one set of L1.
  block.codes_stride = (ceil_div(codes->width + sparse::kStageSlack, 16) | 1) * 16;
  block.panel_stride = ceil_div(block.d, sparse::kPanel) * sparse::kPanel;
  const int64_t most = std::clamp<int64_t>(kDenseBytes / (block.codes_stride * 4), 64, 512);
  block.codes = c.arena.need<float>(std::min(most, codes->rows) * block.codes_stride, op);
  block.panel = c.arena.need<float>(std::min(most, codes->rows) * block.panel_stride, op);
  for (int64_t row = 0; row < codes->rows; row += most) {
    block.rows = std::min(most, codes->rows - row);
    block.offsets = codes->offsets + row;
    block.x = data<float>(rows) + row * block.x_stride;
    c.pool.run(ceil_div(block.rows, kDenseTaskRows), [&](int64_t task) {
      sparse::kernels().lay_out_dense(block, task * kDenseTaskRows, std::min((task + 1) * kDenseTaskRows, block.rows));
    });
    c.pool.run(ceil_div(block.width, kDenseTaskFeatures), [&](int64_t task) {
      sparse::kernels().multiply_dense(block, task * kDenseTaskFeatures,
                                       std::min((task + 1) * kDenseTaskFeatures, block.width));
    });
  }
}

// Follows the entries of every feature, block of rows by block of rows.
void add_sparse(CpuContext& c, const heddle_codes* codes, const float* values, const DLTensor* rows,
                const float* center, DLTensor* dweight) {
  const ByFeature& order = by_feature(c, codes);
  const int64_t features = features_per_task(codes->width);
  c.pool.run(ceil_div(codes->width, features), [&](int64_t task) {
    const int64_t first = task * features, last = std::min(first + features, codes->width);
    for (int64_t block = 0; block < order.blocks; ++block) {
      const int64_t row = block * order.block_rows, base = codes->offsets[row];
      sparse::kernels().accumulate_features(order.order.data() + base, order.starts.data() + block * (codes->width + 1),
                                            first, last, values + base, data<float>(rows) + row * rows_apart(rows),
                                            rows_apart(rows), center, dim(rows, 1), data<float>(dweight),
                                            rows_apart(dweight));
    }
  });
}

// Calls add(sums, begin, end) for the entries of every block of rows (at most 64 blocks, so that partial sums stay
// small), then into(j, total) for every feature.
template <class Sum, class Add, class Into>
void sum_by_feature(CpuContext& context, const heddle_codes* codes, const char* op, Add&& add, Into&& into) {
  const int64_t block_rows = std::max<int64_t>(512, ceil_div(codes->rows, 64)), width = codes->width;
  const int64_t blocks = ceil_div(codes->rows, block_rows);
  ArenaScope scope(context.arena);
  Sum* sums = context.arena.need<Sum>(blocks * width, op);
  context.pool.run(blocks, [&](int64_t block) {
    Sum* own = sums + block * width;
    std::fill_n(own, width, Sum{0});
    const int64_t last = std::min((block + 1) * block_rows, codes->rows);
    add(own, codes->offsets[block * block_rows], codes->offsets[last]);
  });
  context.pool.run(ceil_div(width, kBlock), [&](int64_t task) {
    for (int64_t j = task * kBlock; j < std::min((task + 1) * kBlock, width); ++j) {
      Sum total = 0;
      for (int64_t block = 0; block < blocks; ++block) total += sums[block * width + j];
      into(j, total);
    }
  });
}

}  // namespace

int32_t codes_weight_gradient(void* dc, const heddle_codes* codes, const DLTensor* values, const DLTensor* rows,
                              const DLTensor* center, DLTensor* dweight, heddle_error* error) {
  return guarded(error, [&] {
    constexpr const char* op = "codes_weight_gradient";
    want_codes(op, codes);
    want(op, "rows", rows, DType::f32, {codes->rows, kAny}, true);
    const int64_t d = dim(rows, 1);
    want_optional(op, "center", center, DType::f32, {d});
    want(op, "dweight", dweight, DType::f32, {codes->width, d}, true);
    const float* stored = values_or_own(op, codes, values);
    const auto add = is_dense(codes) ? add_dense : add_sparse;
    add(context(dc), codes, stored, rows, data<float>(center), dweight);
  });
}

int32_t codes_column_sum(void* dc, const heddle_codes* codes, const DLTensor* values, DLTensor* out,
                         heddle_error* error) {
  return guarded(error, [&] {
    want_codes("codes_column_sum", codes);
    want("codes_column_sum", "out", out, DType::f32, {codes->width});
    const float* stored = values_or_own("codes_column_sum", codes, values);
    float* to = data<float>(out);
    sum_by_feature<double>(
        context(dc), codes, "codes_column_sum",
        [&](double* sums, int64_t begin, int64_t end) {
          for (int64_t e = begin; e < end; ++e) sums[codes->indices[e]] += static_cast<double>(stored[e]);
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
        [&](int32_t* sums, int64_t begin, int64_t end) {
          for (int64_t e = begin; e < end; ++e) sums[codes->indices[e]] += codes->values[e] != 0;
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
        [&](double* sums, int64_t begin, int64_t end) {
          for (int64_t e = begin; e < end; ++e) {
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
