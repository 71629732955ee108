// Sums over rows and over everything. Rows are cut into blocks of fixed size, each block gives partial sums, and
// partial sums are added in block order in f64. Bound by reading (100 GB/s on two cores
// from L3; benchmark sum_rows).
#include <algorithm>

#include "core/compute/ops_internal.h"
#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/reductions.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

// Plain loops over columns: the compiler vectorises them for each target without changing the order of any sum.
void SumBlock(const float* HWY_RESTRICT x, int64_t stride, int64_t rows, int64_t n, double* HWY_RESTRICT sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] = 0;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < n; ++i) sum[i] += static_cast<double>(x[r * stride + i]);
  }
}

void SquareBlock(const float* HWY_RESTRICT x, int64_t stride, int64_t rows, int64_t n, const double* HWY_RESTRICT mean,
                 double* HWY_RESTRICT sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] = 0;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < n; ++i) {
      const double delta = static_cast<double>(x[r * stride + i]) - mean[i];
      sum[i] += delta * delta;
    }
  }
}

double SquareSum(const float* HWY_RESTRICT x, int64_t n) {
  constexpr int64_t kLanes = 16;  // fixed: the same order of additions on every target
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t j = 0; j < kLanes; ++j) {
      const double value = x[i + j];
      lanes[j] += value * value;
    }
  }
  double sum = 0;
  for (; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  for (int64_t j = 0; j < kLanes; ++j) sum += lanes[j];
  return sum;
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(SumBlock);
HWY_EXPORT(SquareBlock);
HWY_EXPORT(SquareSum);

namespace {

// total[n] = sum over rows of body(block of rows), f64, in block order.
template <class Body>
void sum_over_rows(CpuContext& ctx, const DLTensor* x, double* total, Body&& body) {
  const int64_t rows = dim(x, 0), n = dim(x, 1), stride = row_stride(x);
  const int64_t block = std::max<int64_t>(64, 4 * kBlock / std::max<int64_t>(n, 1)), blocks = ceil_div(rows, block);
  ArenaScope scope(ctx.arena);
  auto* parts = ctx.arena.need<double>(blocks * n, "sum over rows");
  ctx.pool.run(blocks, [&](int64_t b) {
    body(data<float>(x) + b * block * stride, stride, std::min(block, rows - b * block), n, parts + b * n);
  });
  std::fill_n(total, n, 0.0);
  for (int64_t b = 0; b < blocks; ++b) {
    for (int64_t i = 0; i < n; ++i) total[i] += parts[b * n + i];
  }
}

}  // namespace

int32_t sum_rows(void* dc, const DLTensor* x, DLTensor* out, heddle_error* error) {
  return guarded(error, [&] {
    want("sum_rows", "x", x, DType::f32, {kAny, kAny}, true);
    want("sum_rows", "out", out, DType::f32, {dim(x, 1)});
    const int64_t n = dim(x, 1);
    CpuContext& ctx = context(dc);
    ArenaScope scope(ctx.arena);
    auto* total = ctx.arena.need<double>(n, "sum_rows");
    sum_over_rows(ctx, x, total, [](auto... a) { HWY_DYNAMIC_DISPATCH(SumBlock)(a...); });
    for (int64_t i = 0; i < n; ++i) data<float>(out)[i] += static_cast<float>(total[i]);
  });
}

int32_t column_moments(void* dc, const DLTensor* x, DLTensor* mean, DLTensor* variance, heddle_error* error) {
  return guarded(error, [&] {
    want("column_moments", "x", x, DType::f32, {kAny, kAny}, true);
    const int64_t rows = dim(x, 0), n = dim(x, 1);
    want_optional("column_moments", "mean", mean, DType::f32, {n});
    want_optional("column_moments", "variance", variance, DType::f32, {n});
    CpuContext& ctx = context(dc);
    ArenaScope scope(ctx.arena);
    auto* center = ctx.arena.need<double>(n, "column_moments");
    auto* spread = ctx.arena.need<double>(n, "column_moments");
    // Two passes: subtracting the mean first keeps the digits that E[x^2] - E[x]^2 would lose.
    sum_over_rows(ctx, x, center, [](auto... a) { HWY_DYNAMIC_DISPATCH(SumBlock)(a...); });
    for (int64_t i = 0; i < n; ++i) center[i] = rows > 0 ? center[i] / static_cast<double>(rows) : 0;
    if (mean != nullptr) {
      for (int64_t i = 0; i < n; ++i) data<float>(mean)[i] = static_cast<float>(center[i]);
    }
    if (variance == nullptr) return;
    sum_over_rows(ctx, x, spread, [&](const float* from, int64_t stride, int64_t count, int64_t width, double* sum) {
      HWY_DYNAMIC_DISPATCH(SquareBlock)(from, stride, count, width, center, sum);
    });
    for (int64_t i = 0; i < n; ++i) {
      data<float>(variance)[i] = rows > 0 ? static_cast<float>(spread[i] / static_cast<double>(rows)) : 0;
    }
  });
}

int32_t sum_squares(void* dc, const DLTensor* x, double* out, heddle_error* error) {
  return guarded(error, [&] {
    if (out == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "sum_squares: out is null");
    if (x == nullptr) fail(HEDDLE_INVALID_ARGUMENT, "sum_squares: x is null");
    switch (x->ndim) {
      case 1: want("sum_squares", "x", x, DType::f32, {kAny}); break;
      case 3: want("sum_squares", "x", x, DType::f32, {kAny, kAny, kAny}); break;
      case 4: want("sum_squares", "x", x, DType::f32, {kAny, kAny, kAny, kAny}); break;
      default: want("sum_squares", "x", x, DType::f32, {kAny, kAny});
    }
    const int64_t n = elements(x), blocks = ceil_div(n, kBlock);
    CpuContext& ctx = context(dc);
    ArenaScope scope(ctx.arena);
    auto* parts = ctx.arena.need<double>(blocks, "sum_squares");
    ctx.pool.run(blocks, [&](int64_t b) {
      parts[b] = HWY_DYNAMIC_DISPATCH(SquareSum)(data<float>(x) + b * kBlock, std::min(kBlock, n - b * kBlock));
    });
    double sum = 0;
    for (int64_t b = 0; b < blocks; ++b) sum += parts[b];
    *out = sum;
  });
}

}  // namespace heddle::cpu
#endif
