// Kernel of the weight gradient for dense codes, as an untrained dictionary has them: a quarter or more of all entries.
// Following single entries then costs more than multiplying by zeros: blocks of codes are laid out dense and multiplied
// with their rows in register tiles.
//
// Every weight still receives its terms in ascending row, one fused multiply-add each, and a zero adds nothing: the
// bits are those of accumulate_features, as long as the rows are finite.
#include "core/compute/simd.h"
#include "core/compute/sparse_kernels_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/sparse_kernels_dense.cc"
#include <hwy/foreach_target.h>

#include "core/compute/sparse_compress-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {

constexpr int kVectors = 2;
constexpr int kTileFeatures = kLanes == 16 ? 8 : 4;  // times two vectors: 16 of 32 or 8 of 16 registers
constexpr int kStep = kVectors * kLanes;

HWY_INLINE M lanes_of(int64_t left) {
  return hn::FirstN(D(), static_cast<size_t>(left < 0 ? 0 : left < kLanes ? left : kLanes));
}

void lay_out_dense(const DenseBlock& a, int64_t first, int64_t last) {
  const D d;
  for (int64_t b = first; b < last; ++b) {
    float* codes = a.codes + b * a.codes_stride;
    std::memset(codes, 0, static_cast<size_t>(a.width) * sizeof(float));
    for (int64_t e = a.offsets[b]; e < a.offsets[b + 1]; ++e) codes[a.indices[e]] = a.values[e];
    const float* x = a.x + b * a.x_stride;
    float* row = a.panel + b * a.panel_stride;
    for (int64_t k = 0; k < a.panel_stride; k += kLanes) {
      const M live = lanes_of(a.d - k);
      V v = hn::MaskedLoad(live, d, x + k);
      if (a.center) v = hn::Sub(v, hn::MaskedLoad(live, d, a.center + k));
      hn::Store(v, d, row + k);
    }
  }
}

// dweight[feature .. feature + count) += codes^T rows, columns [k, k + kStep).
HWY_NOINLINE void multiply(const DenseBlock& a, int64_t feature, int64_t count, int64_t k) {
  const D d;
  const M live[kVectors] = {lanes_of(a.d - k), lanes_of(a.d - k - kLanes)};
  V low[kTileFeatures], high[kTileFeatures];
#pragma GCC unroll 16
  for (int r = 0; r < kTileFeatures; ++r) {
    const float* to = a.dweight + (feature + (r < count ? r : 0)) * a.dweight_stride + k;
    low[r] = hn::MaskedLoad(live[0], d, to);
    high[r] = hn::MaskedLoad(live[1], d, to + kLanes);
  }
  const float* HWY_RESTRICT codes = a.codes + feature;  // up to kTileFeatures - 1 beyond the width: there is slack
  const float* HWY_RESTRICT x = a.panel + k;
  for (int64_t b = 0; b < a.rows; ++b) {
    const V x0 = hn::Load(d, x + b * a.panel_stride), x1 = hn::Load(d, x + b * a.panel_stride + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kTileFeatures; ++r) {
      const V value = hn::Set(d, codes[b * a.codes_stride + r]);
      low[r] = hn::MulAdd(value, x0, low[r]);
      high[r] = hn::MulAdd(value, x1, high[r]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kTileFeatures; ++r) {
    if (r >= count) continue;
    float* to = a.dweight + (feature + r) * a.dweight_stride + k;
    hn::BlendedStore(low[r], live[0], d, to);
    hn::BlendedStore(high[r], live[1], d, to + kLanes);
  }
}

void multiply_dense(const DenseBlock& a, int64_t first, int64_t last) {
  for (int64_t j = first; j < last; j += kTileFeatures) {
    for (int64_t k = 0; k < a.d; k += kStep) multiply(a, j, last - j < kTileFeatures ? last - j : kTileFeatures, k);
  }
}

void add_dense(Kernels* table) {
  table->lay_out_dense = lay_out_dense;
  table->multiply_dense = multiply_dense;
}

}  // namespace HWY_NAMESPACE
}  // namespace heddle::cpu::sparse
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu::sparse {
HWY_EXPORT(add_dense);
void add_dense_kernels(Kernels* table) { HWY_DYNAMIC_DISPATCH(add_dense)(table); }
}  // namespace heddle::cpu::sparse
#endif
