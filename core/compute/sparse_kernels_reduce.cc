// Kernels of the losses: residuals of rows and summaries of stored values.
#include "core/compute/simd.h"
#include "core/compute/sparse_kernels_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/sparse_kernels_reduce.cc"
#include <hwy/foreach_target.h>

#include "core/compute/sparse_compress-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {

using D64 = hn::CappedTag<double, 8>;
using V64 = hn::Vec<D64>;
constexpr int kLanes64 = static_cast<int>(hn::MaxLanes(D64()));
using DHalf = hn::Rebind<float, D64>;

HWY_INLINE M lanes_of(int64_t left) { return hn::FirstN(D(), static_cast<size_t>(left < kLanes ? left : kLanes)); }

double residual_row(const float* x, const float* y, int64_t d, float* dy) {
  const DHalf half;
  const D64 wide;
  V64 even = hn::Zero(wide), odd = even;
  int64_t k = 0;
  for (; k + 2 * kLanes64 <= d; k += 2 * kLanes64) {
    const auto e0 = hn::Sub(hn::LoadU(half, y + k), hn::LoadU(half, x + k));
    const auto e1 = hn::Sub(hn::LoadU(half, y + k + kLanes64), hn::LoadU(half, x + k + kLanes64));
    if (dy) {
      hn::StoreU(e0, half, dy + k);
      hn::StoreU(e1, half, dy + k + kLanes64);
    }
    const V64 w0 = hn::PromoteTo(wide, e0), w1 = hn::PromoteTo(wide, e1);
    even = hn::MulAdd(w0, w0, even);
    odd = hn::MulAdd(w1, w1, odd);
  }
  double sum = hn::GetLane(hn::SumOfLanes(wide, hn::Add(even, odd)));
  for (; k < d; ++k) {
    const float e = y[k] - x[k];
    if (dy) dy[k] = e;
    sum += static_cast<double>(e) * e;
  }
  return sum;
}

void scale_row(float scale, int64_t d, float* y) {
  const D tag;
  const V factor = hn::Set(tag, scale);
  for (int64_t k = 0; k < d; k += kLanes) {
    const M live = lanes_of(d - k);
    hn::BlendedStore(hn::Mul(factor, hn::MaskedLoad(live, tag, y + k)), live, tag, y + k);
  }
}

void summary(const float* values, int64_t n, double* sum_abs, int64_t* active, double* smallest) {
  const DHalf half;
  const D tag;
  const D64 wide;
  V64 low = hn::Zero(wide), high = low;
  V least = hn::Inf(tag);
  int64_t count = 0, i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V v = hn::LoadU(tag, values + i);
    count += static_cast<int64_t>(hn::CountTrue(tag, hn::Not(hn::Eq(v, hn::Zero(tag)))));
    least = hn::Min(least, hn::IfThenElse(hn::Gt(v, hn::Zero(tag)), v, hn::Inf(tag)));
    low = hn::Add(low, hn::PromoteTo(wide, hn::Abs(hn::LoadU(half, values + i))));
    high = hn::Add(high, hn::PromoteTo(wide, hn::Abs(hn::LoadU(half, values + i + kLanes64))));
  }
  double sum = hn::GetLane(hn::SumOfLanes(wide, hn::Add(low, high)));
  double minimum = static_cast<double>(hn::GetLane(hn::MinOfLanes(tag, least)));
  for (; i < n; ++i) {
    const double v = static_cast<double>(values[i]);
    sum += v < 0 ? -v : v;
    count += v != 0;
    if (v > 0 && v < minimum) minimum = v;
  }
  *sum_abs += sum;
  *active += count;
  if (minimum < *smallest) *smallest = minimum;
}

void add_reduce(Kernels* table) {
  table->residual_row = residual_row;
  table->scale_row = scale_row;
  table->summary = summary;
}

}  // namespace HWY_NAMESPACE
}  // namespace heddle::cpu::sparse
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu::sparse {
HWY_EXPORT(add_reduce);
void add_reduce_kernels(Kernels* table) { HWY_DYNAMIC_DISPATCH(add_reduce)(table); }
const Kernels& kernels() {
  static const Kernels table = [] {
    Kernels made{};
    add_pack_kernels(&made);
    add_encode_kernels(&made);
    add_encode_bf16_kernels(&made);
    add_select_kernels(&made);
    add_gather_kernels(&made);
    add_tile_kernels(&made);
    add_dense_kernels(&made);
    add_reduce_kernels(&made);
    return made;
  }();
  return table;
}
}  // namespace heddle::cpu::sparse
#endif
