// Parts of the attention kernels: products over packed rows, packing, softmax of a row. Rows are padded to 16 columns
// of zeros, so the products run on whole vectors for every target. Every element of a product is one chain of fused
// multiply-adds in the order of the depth, so it depends neither on the rows beside it nor on the tiling:
// attention_suffix gives the bits of attention. Included once per Highway target.
#include "core/compute/math-inl.h"
#include "core/compute/transpose-inl.h"

#ifndef HEDDLE_COMPUTE_ATTENTION_SIZES
#define HEDDLE_COMPUTE_ATTENTION_SIZES
namespace heddle::cpu {
constexpr int64_t kQueries = 32, kPad = 16;
constexpr int64_t pad16(int64_t n) { return (n + kPad - 1) / kPad * kPad; }
}  // namespace heddle::cpu
#endif

#if defined(HEDDLE_COMPUTE_ATTENTION_PARTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HEDDLE_COMPUTE_ATTENTION_PARTS_INL_H_
#undef HEDDLE_COMPUTE_ATTENTION_PARTS_INL_H_
#else
#define HEDDLE_COMPUTE_ATTENTION_PARTS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

constexpr float kMasked = -3.0e38f;

// MR rows by NV vectors of c (+)= op(a) b, in registers.
template <int MR, int NV, bool kTransposeA>
HWY_INLINE void micro(bool accumulate, int64_t depth, const float* a, int64_t lda, const float* b, int64_t ldb,
                      float* c, int64_t ldc) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  VF sum[MR][NV];
  for (int i = 0; i < MR; ++i) {
    for (int j = 0; j < NV; ++j) sum[i][j] = accumulate ? hn::Load(d, c + i * ldc + j * lanes) : hn::Zero(d);
  }
  for (int64_t p = 0; p < depth; ++p) {
    VF bv[NV];
    for (int j = 0; j < NV; ++j) bv[j] = hn::Load(d, b + p * ldb + j * lanes);
    for (int i = 0; i < MR; ++i) {
      const auto av = hn::Set(d, kTransposeA ? a[p * lda + i] : a[i * lda + p]);
      for (int j = 0; j < NV; ++j) sum[i][j] = hn::MulAdd(av, bv[j], sum[i][j]);
    }
  }
  for (int i = 0; i < MR; ++i) {
    for (int j = 0; j < NV; ++j) hn::Store(sum[i][j], d, c + i * ldc + j * lanes);
  }
}

template <int NV, bool kTransposeA>
HWY_INLINE void strip(bool accumulate, int64_t m, int64_t depth, const float* a, int64_t lda, const float* b,
                      int64_t ldb, float* c, int64_t ldc) {
  int64_t i = 0;
  for (; i + 6 <= m; i += 6)
    micro<6, NV, kTransposeA>(accumulate, depth, kTransposeA ? a + i : a + i * lda, lda, b, ldb, c + i * ldc, ldc);
  for (; i + 2 <= m; i += 2)
    micro<2, NV, kTransposeA>(accumulate, depth, kTransposeA ? a + i : a + i * lda, lda, b, ldb, c + i * ldc, ldc);
  for (; i < m; ++i)
    micro<1, NV, kTransposeA>(accumulate, depth, kTransposeA ? a + i : a + i * lda, lda, b, ldb, c + i * ldc, ldc);
}

// c[m,n] (+)= op(a) b over `depth`; n, ldb, ldc multiples of 16, b and c aligned.
template <bool kTransposeA>
HWY_NOINLINE void product(bool accumulate, int64_t m, int64_t n, int64_t depth, const float* a, int64_t lda,
                          const float* b, int64_t ldb, float* c, int64_t ldc) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(F32()));
  int64_t j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes)
    strip<2, kTransposeA>(accumulate, m, depth, a, lda, b + j, ldb, c + j, ldc);
  for (; j < n; j += lanes) strip<1, kTransposeA>(accumulate, m, depth, a, lda, b + j, ldb, c + j, ldc);
}

// Rows of a caller's tensor lie far apart and are seldom in a near cache. Whole vectors, no branch inside a row: so
// many rows are on their way at once.
HWY_INLINE void pack(const float* from, int64_t ld, int64_t rows, int64_t width, float scale, float* to) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t padded = pad16(width), whole = width / lanes * lanes;
  const auto factor = hn::Set(d, scale);
  for (int64_t r = 0; r < rows; ++r, from += ld, to += padded) {
    for (int64_t i = 0; i < whole; i += lanes) hn::Store(hn::Mul(hn::LoadU(d, from + i), factor), d, to + i);
    for (int64_t i = whole; i < padded; i += lanes) {
      const auto v = i < width ? load_n(d, from + i, static_cast<size_t>(width - i)) : hn::Zero(d);
      hn::Store(hn::Mul(v, factor), d, to + i);
    }
  }
}

HWY_INLINE void zero_columns(int64_t first, int64_t last, int64_t rows, float* to, int64_t ldt) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t r = first; r < last; ++r) to[i * ldt + r] = 0;
  }
}

HWY_INLINE void unpack(const float* from, int64_t rows, int64_t width, float* to, int64_t ld) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t padded = pad16(width), whole = width / lanes * lanes;
  for (int64_t r = 0; r < rows; ++r, from += padded, to += ld) {
    for (int64_t i = 0; i < whole; i += lanes) hn::StoreU(hn::Load(d, from + i), d, to + i);
    if (whole < width) store_n(hn::Load(d, from + whole), d, to + whole, static_cast<size_t>(width - whole));
  }
}

// Scores of one row to probabilities over keys [0,limit), zeros up to `end` (a multiple of 16). Returns the log of
// the sum.
HWY_INLINE float softmax_row(float* row, const float* bias, int64_t limit, int64_t end) {
  const F32 d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto masked = hn::Set(d, kMasked);
  auto top = masked;
  for (int64_t j = 0; j < limit; j += lanes) {
    auto s = hn::Max(masked, hn::Add(hn::Load(d, row + j), hn::Load(d, bias + j)));  // NaN stays NaN
    if (j + lanes > limit) s = hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(limit - j)), s, masked);
    hn::Store(s, d, row + j);
    top = hn::Max(top, s);
  }
  const auto m = hn::MaxOfLanes(d, top);
  const float maximum = hn::GetLane(m);
  int64_t j = 0;
  auto sum = hn::Zero(d);
  if (!(maximum <= kMasked / 2)) {
    for (; j < limit; j += lanes) {
      const auto e = exp_nonpositive(d, hn::Sub(hn::Load(d, row + j), m));
      hn::Store(e, d, row + j);
      sum = hn::Add(sum, e);
    }
  }
  for (int64_t z = j; z < end; z += lanes) hn::Store(hn::Zero(d), d, row + z);
  if (j == 0) return -__builtin_huge_valf();
  const auto total = hn::SumOfLanes(d, sum);
  const auto inverse = hn::Div(hn::Set(d, 1.0f), total);
  for (int64_t i = 0; i < limit; i += lanes) hn::Store(hn::Mul(hn::Load(d, row + i), inverse), d, row + i);
  return hn::GetLane(hn::Add(m, log_f32(d, total)));
}

// Hands out pieces of the scratch.
struct Pieces {
  float* next;
  HWY_INLINE float* take(int64_t n) {
    float* piece = next;
    next += pad16(n);
    return piece;
  }
};

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
