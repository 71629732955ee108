// Per-target helper of the sparse kernels: appends the chosen lanes of vectors to arrays, as one whole unaligned store
// each. Included once per target by every kernel file (Highway's toggling guard).
//
// Why not hwy::CompressStore: on AVX-512 it compresses into memory, which AMD microcodes (> 100 cycles); on AVX2, GCC
// 12 copies Highway's function-local 1 KiB tables to the stack at every call (10 times slower, measured). The shuffle
// for both arrays is found once here.
#if defined(HEDDLE_SPARSE_COMPRESS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HEDDLE_SPARSE_COMPRESS_INL_H
#undef HEDDLE_SPARSE_COMPRESS_INL_H
#else
#define HEDDLE_SPARSE_COMPRESS_INL_H
#endif

#include <hwy/highway.h>

#include "core/compute/sparse_kernels_parts.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes: Highway knows no wider f32 vector on x86.
using D = hn::CappedTag<float, 16>;
using DI = hn::RebindToSigned<D>;
using V = hn::Vec<D>;
using VI = hn::Vec<DI>;
using M = hn::Mask<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));

// Moves the lanes of a mask to the front.
#if HWY_TARGET == HWY_AVX2
class Compressor {
 public:
  explicit HWY_INLINE Compressor(M mask) {
    uint8_t bits[8] = {};
    hn::StoreMaskBits(D(), mask, bits);
    const hn::Rebind<uint8_t, DI> bytes;
    order_ = hn::PromoteTo(DI(), hn::LoadU(bytes, reinterpret_cast<const uint8_t*>(&kCompressOrder8[bits[0]])));
    count_ = __builtin_popcount(bits[0]);
  }
  HWY_INLINE VI operator()(VI v) const { return hn::TableLookupLanes(v, hn::IndicesFromVec(DI(), order_)); }
  HWY_INLINE V operator()(V v) const { return hn::BitCast(D(), (*this)(hn::BitCast(DI(), v))); }
  HWY_INLINE int count() const { return count_; }

 private:
  VI order_;
  int count_;
};
#else
class Compressor {
 public:
  explicit HWY_INLINE Compressor(M mask) : mask_(mask) {}
  HWY_INLINE VI operator()(VI v) const { return hn::Compress(v, hn::RebindMask(DI(), mask_)); }
  HWY_INLINE V operator()(V v) const { return hn::Compress(v, mask_); }
  HWY_INLINE int count() const { return static_cast<int>(hn::CountTrue(D(), mask_)); }

 private:
  M mask_;
};
#endif

}  // namespace HWY_NAMESPACE
}  // namespace heddle::cpu::sparse
HWY_AFTER_NAMESPACE();
#endif
