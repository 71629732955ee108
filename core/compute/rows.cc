// gather_rows and its backward, scatter_add_rows. The backward sorts token positions by table row (a counting sort, so
// stable) and gives whole table rows to tasks: every row adds its contributions in ascending position, with no atomics.
//
// Bound by the latency of the table's rows, which nothing predicts; .6 % of a training step (benchmark embedding_step).
#include <algorithm>
#include <cstring>

#include "core/compute/gemm_epilogue.h"
#include "core/compute/ops_internal.h"

namespace heddle::cpu {
namespace {

void check_index(const char* op, const int32_t* index, int64_t count, int64_t rows) {
  for (int64_t t = 0; t < count; ++t) {
    if (index[t] < 0 || index[t] >= rows) {
      fail(HEDDLE_OUT_OF_RANGE, "{}: index[{}] is {}; accepted: 0 to {}", op, t, index[t], rows - 1);
    }
  }
}

}  // namespace

int32_t gather_rows(void* dc, const DLTensor* table, const DLTensor* index, DLTensor* out, heddle_error* error) {
  return guarded(error, [&] {
    want("gather_rows", "table", table, DType::f32, {kAny, kAny}, true);
    want("gather_rows", "index", index, DType::i32, {kAny});
    const int64_t count = dim(index, 0), width = dim(table, 1);
    want("gather_rows", "out", out, DType::f32, {count, width}, true);
    const auto* at = data<int32_t>(index);
    check_index("gather_rows", at, count, dim(table, 0));
    if (count == 0 || width == 0) return;
    const int64_t block = std::max<int64_t>(1, kBlock / width), from_stride = row_stride(table),
                  to_stride = row_stride(out);
    context(dc).pool.run(ceil_div(count, block), [&](int64_t task) {
      for (int64_t t = task * block; t < std::min(count, (task + 1) * block); ++t) {
        std::memcpy(data<float>(out) + t * to_stride, data<float>(table) + at[t] * from_stride,
                    static_cast<size_t>(width) * sizeof(float));
      }
    });
  });
}

int32_t scatter_add_rows(void* dc, const DLTensor* rows, const DLTensor* index, DLTensor* table, heddle_error* error) {
  return guarded(error, [&] {
    want("scatter_add_rows", "table", table, DType::f32, {kAny, kAny}, true);
    want("scatter_add_rows", "index", index, DType::i32, {kAny});
    const int64_t count = dim(index, 0), width = dim(table, 1), table_rows = dim(table, 0);
    want("scatter_add_rows", "rows", rows, DType::f32, {count, width}, true);
    const auto* at = data<int32_t>(index);
    check_index("scatter_add_rows", at, count, table_rows);
    if (count == 0 || width == 0) return;
    CpuContext& ctx = context(dc);
    ArenaScope scope(ctx.arena);
    // starts[j] = first place of table row j in `order`.
    auto* starts = ctx.arena.need<int64_t>(table_rows + 1, "scatter_add_rows");
    auto* order = ctx.arena.need<int64_t>(count, "scatter_add_rows");
    std::fill_n(starts, table_rows + 1, int64_t{0});
    for (int64_t t = 0; t < count; ++t) ++starts[at[t] + 1];
    for (int64_t j = 0; j < table_rows; ++j) starts[j + 1] += starts[j];
    for (int64_t t = 0; t < count; ++t)
      order[starts[at[t]]++] = t;  // now starts[j] = end of row j = start of row j + 1
    constexpr int64_t kRows = 64;
    ctx.pool.run(ceil_div(table_rows, kRows), [&](int64_t task) {
      for (int64_t j = task * kRows; j < std::min(table_rows, (task + 1) * kRows); ++j) {
        float* to = data<float>(table) + j * row_stride(table);
        for (int64_t i = j == 0 ? 0 : starts[j - 1]; i < starts[j]; ++i) {
          add_to(data<float>(rows) + order[i] * row_stride(rows), to, width);
        }
      }
    });
  });
}

}  // namespace heddle::cpu
