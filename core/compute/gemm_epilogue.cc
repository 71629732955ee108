// Epilogue of a product's tile, sums of partial products, and the backward of activations.
//
// The product is in L1; what is written is in memory, which bounds all three: GELU with its exponential and division
// takes 15 cycles per vector, the write of pre and c 20. So pre, which nobody reads before the backward, goes past the
// caches where it is large: its lines are not read before they are written. Benchmarks: gemm_forward, gelu_backward.
#include "core/compute/gemm_epilogue.h"

#include <hwy/cache_control.h>

#include "core/compute/simd.h"
#include "heddle/abi.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/gemm_epilogue.cc"
#include "hwy/foreach_target.h"

#include "core/compute/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

template <int kActivation>
HWY_INLINE VF activate(F32 d, VF v) {
  if constexpr (kActivation == HEDDLE_ACTIVATION_RELU)
    return hn::IfThenZeroElse(hn::Lt(v, hn::Zero(d)), v);  // NaN stays
  if constexpr (kActivation == HEDDLE_ACTIVATION_GELU_TANH) return gelu(d, v);
  return v;
}

template <int kActivation, bool kStream>
HWY_INLINE void row(const Epilogue& e, const float* product, const float* bias, float* pre, float* c, int64_t n) {
  const F32 d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  const auto alpha = hn::Set(d, e.alpha), beta = hn::Set(d, e.beta);
  int64_t i = 0;
  for (; i + step <= n; i += step) {
    auto v = hn::Mul(alpha, hn::LoadU(d, product + i));
    if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + i));
    if constexpr (kStream) {
      hn::Stream(v, d, pre + i);
    } else if (pre != nullptr) {
      hn::StoreU(v, d, pre + i);
    }
    v = activate<kActivation>(d, v);
    if (e.beta != 0) v = hn::MulAdd(beta, hn::LoadU(d, c + i), v);
    hn::StoreU(v, d, c + i);
  }
  if (i == n) return;
  const auto rest = static_cast<size_t>(n - i);
  auto v = hn::Mul(alpha, load_n(d, product + i, rest));
  if (bias != nullptr) v = hn::Add(v, load_n(d, bias + i, rest));
  if (pre != nullptr) store_n(v, d, pre + i, rest);
  v = activate<kActivation>(d, v);
  if (e.beta != 0) v = hn::MulAdd(beta, load_n(d, c + i, rest), v);
  store_n(v, d, c + i, rest);
}

template <int kActivation, bool kStream>
HWY_INLINE void tile_rows(const EpilogueTile& t) {
  for (int64_t r = 0; r < t.m; ++r) {
    row<kActivation, kStream>(t.epilogue, t.product + r * t.ld, t.bias, t.pre ? t.pre + r * t.ldpre : nullptr,
                              t.c + r * t.ldc, t.n);
  }
}

template <int kActivation>
HWY_INLINE void tile(const EpilogueTile& t) {
  const auto vector = static_cast<int64_t>(hn::Lanes(F32())), bytes = 4 * vector;
  const bool aligned = reinterpret_cast<uintptr_t>(t.pre) % static_cast<uintptr_t>(bytes) == 0 && t.ldpre % vector == 0;
  if (!t.stream_pre || t.pre == nullptr || !aligned) return tile_rows<kActivation, false>(t);
  tile_rows<kActivation, true>(t);
  hwy::FlushStream();
}

void EpilogueRows(const EpilogueTile& t) {
  switch (t.epilogue.activation) {
    case HEDDLE_ACTIVATION_RELU: return tile<HEDDLE_ACTIVATION_RELU>(t);
    case HEDDLE_ACTIVATION_GELU_TANH: return tile<HEDDLE_ACTIVATION_GELU_TANH>(t);
    default: return tile<HEDDLE_ACTIVATION_NONE>(t);
  }
}

void AddTo(const float* HWY_RESTRICT part, float* HWY_RESTRICT sum, int64_t n) {
  for (int64_t i = 0; i < n; ++i) sum[i] += part[i];
}

HWY_INLINE VF slope_times(F32 d, int32_t activation, VF pre, VF dy) {
  if (activation == HEDDLE_ACTIVATION_RELU) return hn::IfThenElseZero(hn::Gt(pre, hn::Zero(d)), dy);
  if (activation == HEDDLE_ACTIVATION_GELU_TANH) return hn::Mul(dy, gelu_slope(d, pre));
  return dy;
}

void ActivationBackward(int32_t activation, const float* pre, const float* dy, float* dpre, int64_t n) {
  const F32 d;
  const auto step = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + step <= n; i += step) {
    hn::StoreU(slope_times(d, activation, hn::LoadU(d, pre + i), hn::LoadU(d, dy + i)), d, dpre + i);
  }
  if (i == n) return;
  const auto rest = static_cast<size_t>(n - i);
  store_n(slope_times(d, activation, load_n(d, pre + i, rest), load_n(d, dy + i, rest)), d, dpre + i, rest);
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(EpilogueRows);
HWY_EXPORT(AddTo);
HWY_EXPORT(ActivationBackward);

void epilogue_tile(const EpilogueTile& tile) { HWY_DYNAMIC_DISPATCH(EpilogueRows)(tile); }
void add_to(const float* part, float* sum, int64_t n) { HWY_DYNAMIC_DISPATCH(AddTo)(part, sum, n); }
void activation_backward_block(int32_t activation, const float* pre, const float* dy, float* dpre, int64_t n) {
  HWY_DYNAMIC_DISPATCH(ActivationBackward)(activation, pre, dy, dpre, n);
}

}  // namespace heddle::cpu
#endif
