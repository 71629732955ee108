// Layer normalisation (Ba, Kiros, Hinton 2016) and its backward:
//   dx = rstd (g - mean(g) - xhat mean(g xhat)), g = dy gamma;  dgamma += sum dy xhat;  dbeta += sum dy.
// Parameter gradients are partial sums over blocks of 128 rows, added in block order.
//
// Bound by memory at a width of 64: forward reads and writes each number once, the backward reads x, dy and dx and
// writes dx (61 GB/s on two cores; benchmark layer_norm_step).
#include <algorithm>
#include <cmath>

#include "core/compute/gemm_epilogue.h"
#include "core/compute/ops_internal.h"
#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/layer_norm.cc"
#include "hwy/foreach_target.h"

#include "core/compute/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

// Calls f(offset, load, store) over a row; load(p) and store(v, p) treat the last, partial vector right: lanes past
// the end load as 0 and are not stored.
template <class Full, class Tail>
HWY_INLINE void over_row(F32 d, int64_t n, Full&& full, Tail&& tail) {
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + step <= n; i += step) full(i);
  if (i < n) tail(i, static_cast<size_t>(n - i));
}

void LayerNormRow(const float* x, const float* gamma, const float* beta, float epsilon, float* y, float* mean_out,
                  float* rstd_out, int64_t n) {
  const F32 d;
  auto sum = hn::Zero(d);
  over_row(
      d, n, [&](int64_t i) { sum = hn::Add(sum, hn::LoadU(d, x + i)); },
      [&](int64_t i, size_t k) { sum = hn::Add(sum, load_n(d, x + i, k)); });
  const float mean = hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(n);
  const auto m = hn::Set(d, mean);
  auto square = hn::Zero(d);
  over_row(
      d, n,
      [&](int64_t i) {
        const auto t = hn::Sub(hn::LoadU(d, x + i), m);
        square = hn::MulAdd(t, t, square);
      },
      [&](int64_t i, size_t k) {
        const auto t = hn::IfThenElseZero(hn::FirstN(d, k), hn::Sub(load_n(d, x + i, k), m));
        square = hn::MulAdd(t, t, square);
      });
  const float variance = hn::GetLane(hn::SumOfLanes(d, square)) / static_cast<float>(n);
  const float rstd = 1.0f / __builtin_sqrtf(variance + epsilon);
  const auto r = hn::Set(d, rstd);
  over_row(
      d, n,
      [&](int64_t i) {
        const auto t = hn::Mul(hn::Sub(hn::LoadU(d, x + i), m), r);
        hn::StoreU(hn::MulAdd(t, hn::LoadU(d, gamma + i), hn::LoadU(d, beta + i)), d, y + i);
      },
      [&](int64_t i, size_t k) {
        const auto t = hn::Mul(hn::Sub(load_n(d, x + i, k), m), r);
        store_n(hn::MulAdd(t, load_n(d, gamma + i, k), load_n(d, beta + i, k)), d, y + i, k);
      });
  if (mean_out != nullptr) *mean_out = mean;
  if (rstd_out != nullptr) *rstd_out = rstd;
}

// dgamma, dbeta: partial sums of the block this row belongs to.
void LayerNormBackwardRow(const float* x, const float* gamma, float mean, float rstd, const float* dy, float* dx,
                          bool accumulate, float* dgamma, float* dbeta, int64_t n) {
  const F32 d;
  const auto m = hn::Set(d, mean), r = hn::Set(d, rstd);
  auto sum_g = hn::Zero(d), sum_gx = hn::Zero(d);
  const auto first = [&](VF xv, VF dyv, VF gv, VF dg, VF db, VF& new_dg, VF& new_db) {
    const auto xhat = hn::Mul(hn::Sub(xv, m), r);
    const auto g = hn::Mul(dyv, gv);
    sum_g = hn::Add(sum_g, g);
    sum_gx = hn::MulAdd(g, xhat, sum_gx);
    new_dg = hn::MulAdd(dyv, xhat, dg);
    new_db = hn::Add(db, dyv);
  };
  over_row(
      d, n,
      [&](int64_t i) {
        VF dg, db;
        first(hn::LoadU(d, x + i), hn::LoadU(d, dy + i), hn::LoadU(d, gamma + i), hn::LoadU(d, dgamma + i),
              hn::LoadU(d, dbeta + i), dg, db);
        hn::StoreU(dg, d, dgamma + i);
        hn::StoreU(db, d, dbeta + i);
      },
      [&](int64_t i, size_t k) {
        VF dg, db;
        first(load_n(d, x + i, k), load_n(d, dy + i, k), load_n(d, gamma + i, k), load_n(d, dgamma + i, k),
              load_n(d, dbeta + i, k), dg, db);
        store_n(dg, d, dgamma + i, k);
        store_n(db, d, dbeta + i, k);
      });
  const auto mean_g = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum_g)) / static_cast<float>(n));
  const auto mean_gx = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, sum_gx)) / static_cast<float>(n));
  const auto second = [&](VF xv, VF dyv, VF gv) {
    const auto xhat = hn::Mul(hn::Sub(xv, m), r);
    return hn::Mul(r, hn::NegMulAdd(xhat, mean_gx, hn::Sub(hn::Mul(dyv, gv), mean_g)));
  };
  over_row(
      d, n,
      [&](int64_t i) {
        auto v = second(hn::LoadU(d, x + i), hn::LoadU(d, dy + i), hn::LoadU(d, gamma + i));
        if (accumulate) v = hn::Add(v, hn::LoadU(d, dx + i));
        hn::StoreU(v, d, dx + i);
      },
      [&](int64_t i, size_t k) {
        auto v = second(load_n(d, x + i, k), load_n(d, dy + i, k), load_n(d, gamma + i, k));
        if (accumulate) v = hn::Add(v, load_n(d, dx + i, k));
        store_n(v, d, dx + i, k);
      });
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(LayerNormRow);
HWY_EXPORT(LayerNormBackwardRow);

namespace {
constexpr int64_t kRows = 128;
}

int32_t layer_norm(void* dc, const heddle_layer_norm* args, heddle_error* error) {
  return guarded(error, [&] {
    want_struct("layer_norm", args, args ? args->struct_size : 0, sizeof(heddle_layer_norm));
    want("layer_norm", "x", args->x, DType::f32, {kAny, kAny});
    const int64_t rows = dim(args->x, 0), n = dim(args->x, 1);
    want("layer_norm", "gamma", args->gamma, DType::f32, {n});
    want("layer_norm", "beta", args->beta, DType::f32, {n});
    want("layer_norm", "y", args->y, DType::f32, {rows, n});
    want_optional("layer_norm", "mean", args->mean, DType::f32, {rows});
    want_optional("layer_norm", "rstd", args->rstd, DType::f32, {rows});
    if (!(args->epsilon > 0))
      fail(HEDDLE_INVALID_ARGUMENT, "layer_norm: epsilon is {}; accepted: above 0", args->epsilon);
    if (n == 0) return;
    context(dc).pool.run(ceil_div(rows, kRows), [&](int64_t task) {
      for (int64_t t = task * kRows; t < std::min(rows, (task + 1) * kRows); ++t) {
        HWY_DYNAMIC_DISPATCH(LayerNormRow)
        (data<float>(args->x) + t * n, data<float>(args->gamma), data<float>(args->beta),
         static_cast<float>(args->epsilon), data<float>(args->y) + t * n,
         args->mean ? data<float>(args->mean) + t : nullptr, args->rstd ? data<float>(args->rstd) + t : nullptr, n);
      }
    });
  });
}

int32_t layer_norm_backward(void* dc, const heddle_layer_norm_backward* args, heddle_error* error) {
  return guarded(error, [&] {
    const char* op = "layer_norm_backward";
    want_struct(op, args, args ? args->struct_size : 0, sizeof(heddle_layer_norm_backward));
    want(op, "x", args->x, DType::f32, {kAny, kAny});
    const int64_t rows = dim(args->x, 0), n = dim(args->x, 1);
    want(op, "gamma", args->gamma, DType::f32, {n});
    want(op, "mean", args->mean, DType::f32, {rows});
    want(op, "rstd", args->rstd, DType::f32, {rows});
    want(op, "dy", args->dy, DType::f32, {rows, n});
    want(op, "dx", args->dx, DType::f32, {rows, n});
    want(op, "dgamma", args->dgamma, DType::f32, {n});
    want(op, "dbeta", args->dbeta, DType::f32, {n});
    if (n == 0 || rows == 0) return;
    CpuContext& ctx = context(dc);
    ArenaScope scope(ctx.arena);
    const int64_t blocks = ceil_div(rows, kRows);
    auto* parts = ctx.arena.need<float>(blocks * 2 * n, op);
    ctx.pool.run(blocks, [&](int64_t block) {
      float* dgamma = parts + block * 2 * n;
      std::fill_n(dgamma, 2 * n, 0.0f);
      for (int64_t t = block * kRows; t < std::min(rows, (block + 1) * kRows); ++t) {
        HWY_DYNAMIC_DISPATCH(LayerNormBackwardRow)
        (data<float>(args->x) + t * n, data<float>(args->gamma), data<float>(args->mean)[t], data<float>(args->rstd)[t],
         data<float>(args->dy) + t * n, data<float>(args->dx) + t * n, args->accumulate_dx != 0, dgamma, dgamma + n, n);
      }
    });
    for (int64_t block = 0; block < blocks; ++block) {
      add_to(parts + block * 2 * n, data<float>(args->dgamma), n);
      add_to(parts + block * 2 * n + n, data<float>(args->dbeta), n);
    }
  });
}

}  // namespace heddle::cpu
#endif
