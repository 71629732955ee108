// Dense rows from stored entries, and stored entries from dense rows, by a row's mask: what stands before and behind a matrix
// product where a fair share of all codes is stored (sparse_matmul.cc).
//
// What bounds it: the values, which are read once and come from L3 or memory (Zen 5, m = 2048, 4096 rows, half stored: the load
// takes three quarters of the time of `expand`).
#include "core/compute/simd.h"
#include "core/compute/sparse_kernels_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/sparse_kernels_dense.cc"
#include <hwy/foreach_target.h>

#include "core/compute/sparse_compress-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {
namespace {

using DU = hn::RebindToUnsigned<D>;
using VU = hn::Vec<DU>;

// The next values, each in the lane of a set bit; zeros between. *values moves on. No more is read than there is.
HWY_INLINE V spread(uint32_t set, const float** values) {
  const int count = __builtin_popcount(set);
#if HWY_TARGET <= HWY_AVX3
  // In two steps: expanding from memory is microcode on AMD.
  const __m512 next = _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), *values);
  const V out{_mm512_maskz_expand_ps(static_cast<__mmask16>(set), next)};
#else
  const D d;
  const DI di;
  const hn::Rebind<uint8_t, DI> bytes;
  const V next = hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count)), d, *values);
  const VI order =
      hn::PromoteTo(di, hn::LoadU(bytes, reinterpret_cast<const uint8_t*>(&kExpandOrder8[static_cast<int>(set)])));
  const uint8_t bits[8] = {static_cast<uint8_t>(set)};
  const VI moved = hn::TableLookupLanes(hn::BitCast(di, next), hn::IndicesFromVec(di, order));
  const V out = hn::IfThenElseZero(hn::LoadMaskBits(d, bits), hn::BitCast(d, moved));
#endif
  *values += count;
  return out;
}

// The bits of each vector of sixteen features.
HWY_INLINE uint32_t bits_of(uint32_t sixteen, int lane) { return kLanes == 16 ? sixteen : sixteen >> lane & 0xFFu; }

int64_t expand(const uint16_t* HWY_RESTRICT mask, int64_t features, const float* HWY_RESTRICT values,
               float* HWY_RESTRICT to) {
  const float* next = values;
  for (int64_t j = 0; j < features; j += 16) {
    const uint32_t set = mask[j / 16];
    for (int lane = 0; lane < 16; lane += kLanes) hn::StoreU(spread(bits_of(set, lane), &next), D(), to + j + lane);
  }
  return next - values;
}

// To bf16 in the upper half, to nearest even; NaN stays NaN. Any bits below.
HWY_INLINE VU rounded(V v) {
  const DU du;
  const VU bits = hn::BitCast(du, v);
  const VU odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const VU even = hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7FFF)));
  const auto nan = hn::RebindMask(du, hn::IsNaN(v));
  return hn::IfThenElse(nan, hn::Or(bits, hn::Set(du, 0x00400000)), even);
}

void expand_rows(const uint16_t* const mask[2], int64_t features, const float* const values[2],
                 uint32_t* HWY_RESTRICT to) {
  const DU du;
  const float *even = values[0], *odd = values[1];
  for (int64_t j = 0; j < features; j += 16) {
    const uint32_t set0 = mask[0][j / 16], set1 = mask[1] ? mask[1][j / 16] : 0;
    for (int lane = 0; lane < 16; lane += kLanes) {
      const VU low = hn::ShiftRight<16>(rounded(spread(bits_of(set0, lane), &even)));
      const VU high = hn::And(rounded(spread(bits_of(set1, lane), &odd)), hn::Set(du, 0xFFFF0000u));
      hn::StoreU(hn::Or(low, high), du, to + j + lane);
    }
  }
}

int64_t compress(const uint16_t* HWY_RESTRICT mask, int64_t features, const float* HWY_RESTRICT from, float add,
                 float* HWY_RESTRICT values) {
  const D d;
  const V plus = hn::Set(d, add);
  float* next = values;
  for (int64_t j = 0; j < features; j += 16) {
    const uint32_t sixteen = mask[j / 16];
    for (int lane = 0; lane < 16; lane += kLanes) {
      const uint32_t set = bits_of(sixteen, lane);
      const uint8_t bits[8] = {static_cast<uint8_t>(set), static_cast<uint8_t>(set >> 8)};
      const Compressor front(hn::LoadMaskBits(d, bits));
      const V kept = front(hn::Add(hn::LoadU(d, from + j + lane), plus));
      // Never beyond its own entries: what follows may be another task's.
      hn::BlendedStore(kept, hn::FirstN(d, static_cast<size_t>(front.count())), d, next);
      next += front.count();
    }
  }
  return next - values;
}

}  // namespace

namespace {

// Sums have room for a multiple of 16.
void add_columns(const uint16_t* HWY_RESTRICT mask, int64_t features, const float* HWY_RESTRICT values,
                 double* HWY_RESTRICT sums) {
  const hn::CappedTag<double, kLanes / 2> wide;
  const hn::Half<D> half;
  const float* next = values;
  for (int64_t j = 0; j < features; j += 16) {
    const uint32_t set = mask[j / 16];
    for (int lane = 0; lane < 16; lane += kLanes) {
      const V v = spread(bits_of(set, lane), &next);
      double* to = sums + j + lane;
      hn::StoreU(hn::Add(hn::LoadU(wide, to), hn::PromoteTo(wide, hn::LowerHalf(half, v))), wide, to);
      to += kLanes / 2;
      hn::StoreU(hn::Add(hn::LoadU(wide, to), hn::PromoteTo(wide, hn::UpperHalf(half, v))), wide, to);
    }
  }
}

}  // namespace

void add_dense(Kernels* table) {
  table->expand = expand;
  table->expand_rows = expand_rows;
  table->compress = compress;
  table->add_columns = add_columns;
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
