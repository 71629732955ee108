// random_uniform and random_normal: element i is a function of (key, i) alone. Normal: Box-Muller on the words of a
// Philox block, two pairs per block (Box, Muller 1958); the radius uses (w+1) 2^-24 in (0,1], so the logarithm is
// finite.
#include <algorithm>

#include "core/compute/ops_internal.h"
#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/random.cc"
#include "hwy/foreach_target.h"

#include "core/compute/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

// Copies what a step of 4*Lanes elements produced, cut at the end.
HWY_INLINE void emit(const float* from, float* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = from[i];
}

void UniformBlock(heddle_rng_key key, int64_t first, float low, float range, float* y, int64_t n) {
  const F32 d;
  const U32 du;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN uint32_t words[4 * HWY_MAX_BYTES / 4];
  HWY_ALIGN float out[4 * HWY_MAX_BYTES / 4];
  for (int64_t i = 0; i < n; i += 4 * lanes) {
    philox_words(du, key.seed, key.stream, static_cast<uint64_t>(first + i) / 4, lanes, words);
    for (int64_t j = 0; j < 4; ++j) {
      const auto u = uniform_of(d, hn::Load(du, words + j * lanes));
      hn::Store(hn::MulAdd(u, hn::Set(d, range), hn::Set(d, low)), d, out + j * lanes);
    }
    emit(out, y + i, HWY_MIN(4 * lanes, n - i));
  }
}

HWY_INLINE void box_muller(F32 d, VU radius_word, VU angle_word, VF& first, VF& second) {
  const U32 du;
  const auto unit =
      hn::Mul(hn::ConvertTo(d, hn::BitCast(I32(), hn::Add(hn::ShiftRight<8>(radius_word), hn::Set(du, 1)))),
              hn::Set(d, 0x1p-24f));
  // log is 0 or less up to rounding at unit = 1, where the series gives exactly 0.
  const auto radius = hn::Sqrt(hn::Mul(hn::Set(d, -2.0f), log_f32(d, unit)));
  VF sine, cosine;
  sincos_turns(d, uniform_of(d, angle_word), sine, cosine);
  first = hn::Mul(radius, cosine);
  second = hn::Mul(radius, sine);
}

void NormalBlock(heddle_rng_key key, int64_t first, float deviation, float* y, int64_t n) {
  const F32 d;
  const U32 du;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN float out[4 * HWY_MAX_BYTES / 4];
  const auto scale = hn::Set(d, deviation);
  for (int64_t i = 0; i < n; i += 4 * lanes) {
    VU w0, w1, w2, w3;
    philox(du, key.seed, key.stream, static_cast<uint64_t>(first + i) / 4, w0, w1, w2, w3);
    VF a, b, c, e;
    box_muller(d, w0, w1, a, b);
    box_muller(d, w2, w3, c, e);
    hn::StoreInterleaved4(hn::Mul(a, scale), hn::Mul(b, scale), hn::Mul(c, scale), hn::Mul(e, scale), d, out);
    emit(out, y + i, HWY_MIN(4 * lanes, n - i));
  }
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(UniformBlock);
HWY_EXPORT(NormalBlock);

namespace {

void want_dense(const char* op, const DLTensor* y) {
  if (y != nullptr && y->ndim == 1) return want(op, "y", y, DType::f32, {kAny});
  if (y != nullptr && y->ndim == 3) return want(op, "y", y, DType::f32, {kAny, kAny, kAny});
  if (y != nullptr && y->ndim == 4) return want(op, "y", y, DType::f32, {kAny, kAny, kAny, kAny});
  want(op, "y", y, DType::f32, {kAny, kAny});
}

}  // namespace

int32_t random_uniform(void* dc, heddle_rng_key rng, double low, double high, DLTensor* y, heddle_error* error) {
  return guarded(error, [&] {
    want_dense("random_uniform", y);
    if (!(low <= high))
      fail(HEDDLE_INVALID_ARGUMENT, "random_uniform: range [{},{}); accepted: low <= high", low, high);
    const int64_t n = elements(y);
    context(dc).pool.run(ceil_div(n, kBlock), [&](int64_t task) {
      const int64_t begin = task * kBlock;
      HWY_DYNAMIC_DISPATCH(UniformBlock)
      (rng, begin, static_cast<float>(low), static_cast<float>(high - low), data<float>(y) + begin,
       std::min(kBlock, n - begin));
    });
  });
}

int32_t random_normal(void* dc, heddle_rng_key rng, double deviation, DLTensor* y, heddle_error* error) {
  return guarded(error, [&] {
    want_dense("random_normal", y);
    if (!(deviation >= 0))
      fail(HEDDLE_INVALID_ARGUMENT, "random_normal: deviation is {}; accepted: 0 or more", deviation);
    const int64_t n = elements(y);
    context(dc).pool.run(ceil_div(n, kBlock), [&](int64_t task) {
      const int64_t begin = task * kBlock;
      HWY_DYNAMIC_DISPATCH(NormalBlock)
      (rng, begin, static_cast<float>(deviation), data<float>(y) + begin, std::min(kBlock, n - begin));
    });
  });
}

}  // namespace heddle::cpu
#endif
