// Codes from dense activations, codes to dense, and setting one feature: what plugins with a selection rule of their
// own and steering need.
#include <algorithm>
#include <cstring>

#include "core/compute/sparse_codes.h"

namespace heddle::cpu {

int32_t codes_from_dense(void* dc, const DLTensor* dense, heddle_codes* codes, heddle_error* error) {
  return guarded(error, [&] {
    want_codes("codes_from_dense", codes);
    want("codes_from_dense", "dense", dense, DType::f32, {kAny, kAny}, true);
    const int64_t rows = dim(dense, 0), width = dim(dense, 1), stride = rows_apart(dense);
    if (width > INT32_MAX)
      fail(HEDDLE_INVALID_ARGUMENT, "codes_from_dense: {} features; accepted: at most 2^31-1", width);
    const float* x = data<float>(dense);
    CpuContext& c = context(dc);
    const sparse::Kernels& kernel = sparse::kernels();
    reserve_rows(codes, rows);
    changed(codes);
    codes->width = width;
    const int64_t tasks = ceil_div(rows, kTaskRows);
    codes->offsets[0] = 0;
    c.pool.run(tasks, [&](int64_t task) {
      for (int64_t row = task * kTaskRows; row < std::min((task + 1) * kTaskRows, rows); ++row) {
        codes->offsets[row + 1] = kernel.count_nonzero(x + row * stride, width);
      }
    });
    for (int64_t row = 0; row < rows; ++row) codes->offsets[row + 1] += codes->offsets[row];
    reserve_entries(codes, codes->offsets[rows], 0, false);
    c.pool.run(tasks, [&](int64_t task, int worker) {
      // Through scratch: whole-vector stores would reach into the next row, which may be another task's.
      Arena& arena = c.worker_arena(worker);
      ArenaScope scope(arena);
      float* values = arena.need<float>(width + sparse::kStageSlack, "codes_from_dense");
      int32_t* indices = arena.need<int32_t>(width + sparse::kStageSlack, "codes_from_dense");
      for (int64_t row = task * kTaskRows; row < std::min((task + 1) * kTaskRows, rows); ++row) {
        const size_t count = static_cast<size_t>(kernel.compress_nonzero(x + row * stride, width, values, indices));
        std::memcpy(codes->values + codes->offsets[row], values, count * sizeof *values);
        std::memcpy(codes->indices + codes->offsets[row], indices, count * sizeof *indices);
      }
    });
    codes->rows = rows;
    codes->nnz = codes->offsets[rows];
  });
}

int32_t codes_to_dense(void* dc, const heddle_codes* codes, DLTensor* dense, heddle_error* error) {
  return guarded(error, [&] {
    want_codes("codes_to_dense", codes);
    want("codes_to_dense", "dense", dense, DType::f32, {codes->rows, codes->width}, true);
    float* to = data<float>(dense);
    const int64_t stride = rows_apart(dense);
    context(dc).pool.run(ceil_div(codes->rows, kTaskRows), [&](int64_t task) {
      for (int64_t row = task * kTaskRows; row < std::min((task + 1) * kTaskRows, codes->rows); ++row) {
        std::fill_n(to + row * stride, codes->width, 0.0f);
        for (int64_t e = codes->offsets[row]; e < codes->offsets[row + 1]; ++e)
          to[row * stride + codes->indices[e]] = codes->values[e];
      }
    });
  });
}

int32_t codes_set(void* dc, heddle_codes* codes, int64_t feature, float value, const DLTensor* rows,
                  heddle_error* error) {
  return guarded(error, [&] {
    want_codes("codes_set", codes);
    want_optional("codes_set", "rows", rows, DType::u8, {codes->rows});
    if (feature < 0 || feature >= codes->width) {
      fail(HEDDLE_OUT_OF_RANGE, "codes_set: feature {}; accepted: 0 to {}", feature, codes->width - 1);
    }
    const uint8_t* chosen = data<uint8_t>(rows);
    const int64_t n = codes->rows;
    CpuContext& c = context(dc);
    ArenaScope scope(c.arena);
    int64_t* place = c.arena.need<int64_t>(n, "codes_set");  // of the feature's entry, or where it would stand
    int64_t* offsets = c.arena.need<int64_t>(n + 1, "codes_set");
    offsets[0] = 0;
    for (int64_t b = 0; b < n; ++b) {
      const int64_t begin = codes->offsets[b], end = codes->offsets[b + 1];
      place[b] = std::lower_bound(codes->indices + begin, codes->indices + end, feature) - codes->indices;
      const bool here = place[b] < end && codes->indices[place[b]] == feature, wanted = !chosen || chosen[b] != 0;
      if (wanted && here && value != 0) {
        codes->values[place[b]] = value;
        if (codes->pre) codes->pre[place[b]] = value;
      }
      const int64_t change = !wanted ? 0 : value != 0 ? (here ? 0 : 1) : (here ? -1 : 0);
      offsets[b + 1] = offsets[b] + (end - begin) + change;
    }
    if (std::memcmp(offsets, codes->offsets, static_cast<size_t>(n + 1) * sizeof *offsets) == 0) return;
    // Rebuilt from a copy: rows both grow and shrink relative to where they stood.
    const size_t nnz = static_cast<size_t>(codes->nnz);
    int32_t* indices = c.arena.need<int32_t>(codes->nnz, "codes_set");
    float* values = c.arena.need<float>(codes->nnz, "codes_set");
    float* pre = codes->pre ? c.arena.need<float>(codes->nnz, "codes_set") : nullptr;
    std::memcpy(indices, codes->indices, nnz * sizeof *indices);
    std::memcpy(values, codes->values, nnz * sizeof *values);
    if (pre) std::memcpy(pre, codes->pre, nnz * sizeof *pre);
    reserve_entries(codes, offsets[n], 0, pre != nullptr);
    changed(codes);
    for (int64_t b = 0; b < n; ++b) {
      const int64_t begin = codes->offsets[b], end = codes->offsets[b + 1], to = offsets[b];
      const int64_t change = (offsets[b + 1] - to) - (end - begin), before = place[b] - begin;
      const int64_t after = place[b] + (change < 0 ? 1 : 0);
      const auto move = [&](auto* into, const auto* from, auto inserted) {
        std::copy_n(from + begin, before, into + to);
        if (change > 0) into[to + before] = inserted;
        std::copy(from + after, from + end, into + to + before + (change > 0 ? 1 : 0));
      };
      move(codes->indices, indices, static_cast<int32_t>(feature));
      move(codes->values, values, value);
      if (pre) move(codes->pre, pre, value);
    }
    std::memcpy(codes->offsets, offsets, static_cast<size_t>(n + 1) * sizeof *offsets);
    codes->nnz = offsets[n];
  });
}

}  // namespace heddle::cpu
