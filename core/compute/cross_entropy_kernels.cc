// Kernels of cross_entropy on tiles of logits. The exponentials are bound by the FMA ports: with the maximum some 9 cycles per 16
// logits on Zen 5, beside 48 of bf16 products (measured from the whole op); the rest by L1.
#include "core/compute/cross_entropy_kernels.h"

#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/cross_entropy_kernels.cc"
#include "hwy/foreach_target.h"

#include "core/compute/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

// Below every logit; finite, so that a row of -inf has no inf - inf.
constexpr float kLowest = -3.0e38f;

void SoftmaxTile(float* tile, int64_t rows, int64_t n, const float* bias, const int32_t* targets, int64_t first,
                 float* maximum, float* sum, float* target_logit) {
  const F32 d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  const int64_t whole = n / step * step;
  const auto rest = static_cast<size_t>(n - whole);
  const auto lowest = hn::Set(d, kLowest);
  for (int64_t r = 0; r < rows; ++r) {
    float* row = tile + r * n;
    auto top = lowest;
    if (bias != nullptr) {
      for (int64_t i = 0; i < whole; i += step) {
        const auto v = hn::Add(hn::LoadU(d, row + i), hn::LoadU(d, bias + i));
        hn::StoreU(v, d, row + i);
        top = hn::Max(top, v);
      }
      if (rest != 0) {
        const auto v = hn::Add(load_n(d, row + whole, rest), load_n(d, bias + whole, rest));
        store_n(v, d, row + whole, rest);
        top = hn::Max(top, hn::IfThenElse(hn::FirstN(d, rest), v, lowest));
      }
    } else {
      auto top2 = lowest;
      int64_t i = 0;
      for (; i + 2 * step <= n; i += 2 * step) {
        top = hn::Max(top, hn::LoadU(d, row + i));
        top2 = hn::Max(top2, hn::LoadU(d, row + i + step));
      }
      for (; i < whole; i += step) top = hn::Max(top, hn::LoadU(d, row + i));
      top = hn::Max(top, top2);
      if (rest != 0) top = hn::Max(top, hn::IfThenElse(hn::FirstN(d, rest), load_n(d, row + whole, rest), lowest));
    }
    const int64_t target = targets[r] - first;
    if (target >= 0 && target < n) target_logit[r] = row[target];
    const auto m = hn::MaxOfLanes(d, top);
    // Two chains hide the latency of the polynomial.
    auto sum1 = hn::Zero(d), sum2 = hn::Zero(d);
    int64_t i = 0;
    for (; i + 2 * step <= n; i += 2 * step) {
      const auto e1 = exp_nonpositive(d, hn::Sub(hn::LoadU(d, row + i), m));
      const auto e2 = exp_nonpositive(d, hn::Sub(hn::LoadU(d, row + i + step), m));
      hn::StoreU(e1, d, row + i);
      hn::StoreU(e2, d, row + i + step);
      sum1 = hn::Add(sum1, e1);
      sum2 = hn::Add(sum2, e2);
    }
    for (; i < whole; i += step) {
      const auto e = exp_nonpositive(d, hn::Sub(hn::LoadU(d, row + i), m));
      hn::StoreU(e, d, row + i);
      sum1 = hn::Add(sum1, e);
    }
    if (rest != 0) {
      const auto e =
          hn::IfThenElseZero(hn::FirstN(d, rest), exp_nonpositive(d, hn::Sub(load_n(d, row + whole, rest), m)));
      store_n(e, d, row + whole, rest);
      sum2 = hn::Add(sum2, e);
    }
    maximum[r] = hn::GetLane(m);
    sum[r] = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum1, sum2)));
  }
}

void CombineChunks(float* maximum, const float* sum, int64_t chunks, int64_t stride, float* normaliser) {
  const F32 d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t r = 0; r < 16; r += step) {
    auto top = hn::Set(d, kLowest);
    for (int64_t c = 0; c < chunks; ++c) top = hn::Max(top, hn::LoadU(d, maximum + c * stride + r));
    auto total = hn::Zero(d);
    for (int64_t c = 0; c < chunks; ++c) {
      const auto shift = exp_f32(d, hn::Sub(hn::LoadU(d, maximum + c * stride + r), top));
      total = hn::MulAdd(hn::LoadU(d, sum + c * stride + r), shift, total);
    }
    const auto inverse = hn::Div(hn::Set(d, 1.0f), total);
    for (int64_t c = 0; c < chunks; ++c) {
      const auto shift = exp_f32(d, hn::Sub(hn::LoadU(d, maximum + c * stride + r), top));
      hn::StoreU(hn::Mul(shift, inverse), d, maximum + c * stride + r);
    }
    hn::StoreU(hn::Add(top, log_f32(d, total)), d, normaliser + r);
  }
}

void KeepRows(const float* HWY_RESTRICT tile, int64_t rows, int64_t n, float* HWY_RESTRICT kept, int64_t group) {
  const F32 d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < n; i += 16) {
    for (int64_t r = 0; r < rows; ++r) {
      const float* from = tile + r * n + i;
      float* to = kept + i / 16 * group + r * 16;
      if (i + 16 <= n) {
        for (int64_t j = 0; j < 16; j += step) hn::StoreU(hn::LoadU(d, from + j), d, to + j);
      } else {
        for (int64_t j = 0; j < n - i; ++j) to[j] = from[j];
      }
    }
  }
}

void ScaleRows(const float* HWY_RESTRICT x, const float* HWY_RESTRICT factor, float scale, float* HWY_RESTRICT y,
               int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r) {
    const float f = factor[r] * scale;
    for (int64_t i = 0; i < n; ++i) y[r * n + i] = x[r * n + i] * f;
  }
}

void AddScaledRow(const float* HWY_RESTRICT x, float factor, float* HWY_RESTRICT y, int64_t n) {
  const F32 d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  const auto f = hn::Set(d, factor);
  int64_t i = 0;
  for (; i + step <= n; i += step) hn::StoreU(hn::MulAdd(f, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, y + i);
  if (i < n) {
    const auto k = static_cast<size_t>(n - i);
    store_n(hn::MulAdd(f, load_n(d, x + i, k), load_n(d, y + i, k)), d, y + i, k);
  }
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(SoftmaxTile);
HWY_EXPORT(CombineChunks);
HWY_EXPORT(KeepRows);
HWY_EXPORT(ScaleRows);
HWY_EXPORT(AddScaledRow);

void softmax_tile(float* tile, int64_t rows, int64_t n, const float* bias, const int32_t* targets, int64_t first,
                  float* maximum, float* sum, float* target_logit) {
  HWY_DYNAMIC_DISPATCH(SoftmaxTile)(tile, rows, n, bias, targets, first, maximum, sum, target_logit);
}
void combine_chunks(float* maximum, const float* sum, int64_t chunks, int64_t stride, float* normaliser) {
  HWY_DYNAMIC_DISPATCH(CombineChunks)(maximum, sum, chunks, stride, normaliser);
}
void keep_rows(const float* tile, int64_t rows, int64_t n, float* kept, int64_t group) {
  HWY_DYNAMIC_DISPATCH(KeepRows)(tile, rows, n, kept, group);
}
void scale_rows(const float* x, const float* factor, float scale, float* y, int64_t rows, int64_t n) {
  HWY_DYNAMIC_DISPATCH(ScaleRows)(x, factor, scale, y, rows, n);
}
void add_scaled_row(const float* x, float factor, float* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(AddScaledRow)(x, factor, y, n);
}

}  // namespace heddle::cpu
#endif
