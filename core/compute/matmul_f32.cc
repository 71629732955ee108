// f32 product of panels, for AVX2 and AVX-512. See matmul_tile-inl.h.
#include "core/compute/matmul_kernels.h"
#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/matmul_f32.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using Word = float;
using Sum = hn::Vec<D>;
using Words = Sum;
constexpr int64_t kLanes = HWY_TARGET == HWY_AVX2 ? 8 : 16;
constexpr int kTileVectors = HWY_TARGET == HWY_AVX2 ? 2 : 4;

HWY_INLINE Sum zero() { return hn::Zero(D()); }
HWY_INLINE Sum load(const float* p) { return hn::LoadU(D(), p); }
HWY_INLINE Sum load_first(const float* p, int64_t n) {
  return hn::MaskedLoad(hn::FirstN(D(), static_cast<size_t>(n)), D(), p);
}
HWY_INLINE Words load_words(const Word* p) { return hn::LoadU(D(), p); }
HWY_INLINE Words broadcast(const Word* p) { return hn::Set(D(), *p); }
HWY_INLINE Sum multiply_add(Words a, Words b, Sum sum) { return hn::MulAdd(a, b, sum); }
HWY_INLINE void store(Sum v, float* p) { hn::StoreU(v, D(), p); }
HWY_INLINE void store_first(Sum v, float* p, int64_t n) {
  hn::BlendedStore(v, hn::FirstN(D(), static_cast<size_t>(n)), D(), p);
}

#include "core/compute/matmul_tile-inl.h"

}  // namespace

const MatmulKernel* F32Matmul() {
  static constexpr MatmulKernel kernel{kPanelWords, 1, 12, multiply};
  return &kernel;
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(F32Matmul);
const MatmulKernel& f32_matmul() { return *HWY_DYNAMIC_DISPATCH(F32Matmul)(); }
}  // namespace heddle::cpu
#endif
