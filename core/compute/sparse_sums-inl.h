// Per-target helper of the kernels that take many dot products at once: sums of lanes, four and sixteen vectors at a time.
// Included once per target (Highway's toggling guard).
#if defined(HEDDLE_SPARSE_SUMS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef HEDDLE_SPARSE_SUMS_INL_H
#undef HEDDLE_SPARSE_SUMS_INL_H
#else
#define HEDDLE_SPARSE_SUMS_INL_H
#endif

#include "core/compute/sparse_compress-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {

constexpr int kBlocks = kLanes / 4;  // 128-bit blocks of a vector

// Sums of the lanes of four vectors, in each 128-bit block: [a b c d].
HWY_INLINE V block_sums(V a, V b, V c, V e) {
  const D d;
  const hn::RepartitionToWide<D> dw;
  const V ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const V ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto wide_ab = hn::BitCast(dw, ab), wide_ce = hn::BitCast(dw, ce);
  return hn::Add(hn::BitCast(d, hn::InterleaveLower(dw, wide_ab, wide_ce)),
                 hn::BitCast(d, hn::InterleaveUpper(dw, wide_ab, wide_ce)));
}

// [a b c d] per block -> the sums over blocks, in the first block: (b0 + b2) + (b1 + b3).
HWY_INLINE V fold_blocks(V v) {
  const D d;
  if constexpr (kBlocks == 4) v = hn::Add(v, hn::ConcatLowerUpper(d, v, v));
  return hn::Add(v, hn::SwapAdjacentBlocks(v));
}

// The same for kBlocks such vectors at once, block i from quads[i], in the same order of sums.
HWY_INLINE V sum_blocks(const V* quads) {
  const D d;
  if constexpr (kBlocks == 4) {
    const V s02 = hn::Add(hn::ConcatLowerLower(d, quads[2], quads[0]), hn::ConcatUpperUpper(d, quads[2], quads[0]));
    const V s13 = hn::Add(hn::ConcatLowerLower(d, quads[3], quads[1]), hn::ConcatUpperUpper(d, quads[3], quads[1]));
    const V straight = hn::OddEvenBlocks(s13, s02);                         // q0 even, q1 odd, q2 even, q3 odd
    const V crossed = hn::SwapAdjacentBlocks(hn::OddEvenBlocks(s02, s13));  // q0 odd, q1 even, q2 odd, q3 even
    return hn::Add(straight, crossed);
  } else {
    return hn::Add(hn::ConcatLowerLower(d, quads[1], quads[0]), hn::ConcatUpperUpper(d, quads[1], quads[0]));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace heddle::cpu::sparse
HWY_AFTER_NAMESPACE();
#endif
