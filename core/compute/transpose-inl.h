// Turning a matrix round, in squares of 4 x 4 of 32-bit elements: an eighth of the stores of single numbers. Bits are moved, not
// read: pairs of bf16 pass as well. Bound by those stores. Included once per Highway target.
#include "hwy/highway.h"

#if defined(HEDDLE_COMPUTE_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HEDDLE_COMPUTE_TRANSPOSE_INL_H_
#undef HEDDLE_COMPUTE_TRANSPOSE_INL_H_
#else
#define HEDDLE_COMPUTE_TRANSPOSE_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of `from`, ld apart, become columns [0, rows) of `to`, whose `width` rows lie ldt apart.
HWY_INLINE void pack_transposed(const float* from, int64_t ld, int64_t rows, int64_t width, float* to, int64_t ldt) {
  const hn::FixedTag<float, 4> d;
  const hn::FixedTag<double, 2> pairs;
  const int64_t rows4 = rows / 4 * 4, width4 = width / 4 * 4;
  for (int64_t r = 0; r < rows4; r += 4) {
    const float* row = from + r * ld;
    for (int64_t i = 0; i < width4; i += 4) {
      const auto a = hn::LoadU(d, row + i), b = hn::LoadU(d, row + ld + i), c = hn::LoadU(d, row + 2 * ld + i),
                 e = hn::LoadU(d, row + 3 * ld + i);
      const auto ab0 = hn::BitCast(pairs, hn::InterleaveLower(d, a, b)),
                 ab2 = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b)),
                 ce0 = hn::BitCast(pairs, hn::InterleaveLower(d, c, e)),
                 ce2 = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
      float* at = to + i * ldt + r;
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab0, ce0)), d, at);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab0, ce0)), d, at + ldt);
      hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab2, ce2)), d, at + 2 * ldt);
      hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab2, ce2)), d, at + 3 * ldt);
    }
    for (int64_t i = width4; i < width; ++i) {
      for (int64_t k = 0; k < 4; ++k) to[i * ldt + r + k] = row[k * ld + i];
    }
  }
  for (int64_t r = rows4; r < rows; ++r) {
    for (int64_t i = 0; i < width; ++i) to[i * ldt + r] = from[r * ld + i];
  }
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
