// Vector mathematics of the kernels: exp, log, sine and cosine, GELU, Philox. f32, the same bits on every target,
// because they use only correctly rounded operations and explicit fused multiply-adds. Included once per Highway
// target.
#include "hwy/highway.h"

#if defined(HEDDLE_COMPUTE_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HEDDLE_COMPUTE_MATH_INL_H_
#undef HEDDLE_COMPUTE_MATH_INL_H_
#else
#define HEDDLE_COMPUTE_MATH_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using I32 = hn::RebindToSigned<F32>;
using U32 = hn::RebindToUnsigned<F32>;
using VF = hn::Vec<F32>;
using VU = hn::Vec<U32>;

// The last, partial vector of a row: n in [1, Lanes).
HWY_INLINE VF load_n(F32 d, const float* p, size_t n) { return hn::MaskedLoad(hn::FirstN(d, n), d, p); }
HWY_INLINE void store_n(VF v, F32 d, float* p, size_t n) { hn::BlendedStore(v, hn::FirstN(d, n), d, p); }

// e^x, relative error below 2 ulp; 0 below -87.33 (no denormals), clamped at 88.37; NaN stays NaN, because x86 min
// and max give their second operand then. Cody-Waite reduction x = n ln2 + r, |r| <= ln2/2, then the degree-7 Taylor
// series, whose remainder is under 6e-9 there.
HWY_INLINE VF exp_f32(F32 d, VF x) {
  const I32 di;
  const auto underflow = hn::Lt(x, hn::Set(d, -87.33f));
  x = hn::Max(hn::Set(d, -87.33f), hn::Min(hn::Set(d, 88.37f), x));
  const auto n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504088896341f)));
  auto r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);  // ln2 in two parts: the first product is exact
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  auto p = hn::Set(d, 1.0f / 5040);
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 720));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 120));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 24));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f / 6));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  const auto exponent = hn::Add(hn::ConvertTo(di, n), hn::Set(di, 127));
  const auto scale = hn::BitCast(d, hn::ShiftLeft<23>(exponent));
  return hn::IfThenZeroElse(underflow, hn::Mul(p, scale));
}

// e^x for x <= 0 in fewer instructions than exp_f32: no upper clamp; adding 1.5 * 2^23 rounds x / ln2 to a whole number that
// stands in the low bits of the sum; one multiply-add reduces, which costs 2e-9 per unit of x / ln2; a polynomial of degree 5
// with the least largest relative error on |r| <= ln2/2 (9.3e-8, found by Remez' iteration; e^0 is 1). Together below 2 ulp
// for x > -30, below 4 ulp down to -87.33, 0 from there. NaN stays NaN.
HWY_INLINE VF exp_nonpositive(F32 d, VF x) {
  const I32 di;
  const auto shift = hn::Set(d, 12582912.0f);
  const auto t = hn::MulAdd(x, hn::Set(d, 1.44269504088896341f), shift);
  const auto r = hn::NegMulAdd(hn::Sub(t, shift), hn::Set(d, 0.693147180559945286f), x);
  auto p = hn::Set(d, 0.008290272206068039f);
  p = hn::MulAdd(p, r, hn::Set(d, 0.04189816117286682f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.1666763871908188f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.4999914765357971f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.9999997019767761f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0f));
  const auto scale = hn::BitCast(d, hn::Add(hn::ShiftLeft<23>(hn::BitCast(di, t)), hn::Set(di, 127 << 23)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.33f)), hn::Mul(p, scale));
}

// Natural logarithm of x >= 2^-126 (infinity and NaN stay what they are); absolute error below 2e-7 relative to
// max(1, |ln x|). x = m 2^e with m in [sqrt(1/2), sqrt 2); ln m = 2 atanh(s), s = (m-1)/(m+1), by its odd series to
// s^11.
HWY_INLINE VF log_f32(F32 d, VF x) {
  const I32 di;
  const auto bits = hn::BitCast(di, x);
  // Adding the distance of sqrt(1/2) to 1 moves the cut of the exponent to sqrt(1/2).
  const auto shifted = hn::Add(bits, hn::Set(di, 0x3F800000 - 0x3F3504F3));
  const auto e = hn::Sub(hn::ShiftRight<23>(shifted), hn::Set(di, 127));
  const auto m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(e)));
  const auto one = hn::Set(d, 1.0f);
  const auto s = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  const auto z = hn::Mul(s, s);
  auto p = hn::Set(d, 2.0f / 11);
  p = hn::MulAdd(p, z, hn::Set(d, 2.0f / 9));
  p = hn::MulAdd(p, z, hn::Set(d, 2.0f / 7));
  p = hn::MulAdd(p, z, hn::Set(d, 2.0f / 5));
  p = hn::MulAdd(p, z, hn::Set(d, 2.0f / 3));
  p = hn::MulAdd(p, z, hn::Set(d, 2.0f));
  const auto result = hn::MulAdd(hn::ConvertTo(d, e), hn::Set(d, 0.69314718055994531f), hn::Mul(p, s));
  return hn::IfThenElse(hn::Lt(x, hn::Set(d, __builtin_huge_valf())), result, x);
}

// Sine and cosine of 2 pi u for u in [0,1]; absolute error below 3e-7. The reduction to an eighth of a turn is exact.
HWY_INLINE void sincos_turns(F32 d, VF u, VF& sine, VF& cosine) {
  const I32 di;
  const auto turns4 = hn::Mul(u, hn::Set(d, 4.0f));
  const auto quarter = hn::Round(turns4);
  const auto r = hn::Mul(hn::Sub(turns4, quarter), hn::Set(d, 1.57079632679489662f));
  const auto z = hn::Mul(r, r);
  auto s = hn::Set(d, -1.0f / 5040);
  s = hn::MulAdd(s, z, hn::Set(d, 1.0f / 120));
  s = hn::MulAdd(s, z, hn::Set(d, -1.0f / 6));
  s = hn::MulAdd(hn::Mul(s, z), r, r);
  auto c = hn::Set(d, 1.0f / 40320);
  c = hn::MulAdd(c, z, hn::Set(d, -1.0f / 720));
  c = hn::MulAdd(c, z, hn::Set(d, 1.0f / 24));
  c = hn::MulAdd(c, z, hn::Set(d, -0.5f));
  c = hn::MulAdd(c, z, hn::Set(d, 1.0f));
  const auto q = hn::ConvertTo(di, quarter);
  const auto one = hn::Set(di, 1), two = hn::Set(di, 2);
  const auto odd = hn::RebindMask(d, hn::Eq(hn::And(q, one), one));
  const auto sign_s = hn::BitCast(d, hn::ShiftLeft<30>(hn::And(q, two)));
  const auto sign_c = hn::BitCast(d, hn::ShiftLeft<30>(hn::And(hn::Add(q, one), two)));
  sine = hn::Xor(hn::IfThenElse(odd, c, s), sign_s);
  cosine = hn::Xor(hn::IfThenElse(odd, s, c), sign_c);
}

// gelu_new of GPT-2: x/2 (1 + tanh(sqrt(2/pi)(x + 0.044715 x^3))), written with the logistic function, which keeps its
// relative accuracy where 1 + tanh cancels: (1 + tanh u)/2 = 1/(1 + e^(-2u)).
constexpr float kGeluSlope = 1.59576912160573071f;  // 2 sqrt(2/pi)
constexpr float kGeluCubic = 0.044715f;

HWY_INLINE VF gelu_gate(F32 d, VF x) {
  const auto x2 = hn::Mul(x, x);
  const auto u2 = hn::Mul(hn::Mul(x, hn::Set(d, kGeluSlope)), hn::MulAdd(x2, hn::Set(d, kGeluCubic), hn::Set(d, 1.0f)));
  return hn::Div(hn::Set(d, 1.0f), hn::Add(hn::Set(d, 1.0f), exp_f32(d, hn::Neg(u2))));
}
HWY_INLINE VF gelu(F32 d, VF x) { return hn::Mul(x, gelu_gate(d, x)); }
// d gelu / dx = g + x g (1-g) d(2u)/dx.
HWY_INLINE VF gelu_slope(F32 d, VF x) {
  const auto g = gelu_gate(d, x);
  const auto du2 =
      hn::Mul(hn::Set(d, kGeluSlope), hn::MulAdd(hn::Mul(x, x), hn::Set(d, 3 * kGeluCubic), hn::Set(d, 1.0f)));
  const auto rest = hn::Mul(hn::Mul(x, g), hn::Sub(hn::Set(d, 1.0f), g));
  return hn::MulAdd(rest, du2, g);
}

// High and low halves of the 32x32 products a*b.
HWY_INLINE void multiply_wide(U32 d, VU a, VU b, VU& high, VU& low) {
  const auto even = hn::MulEven(a, b);             // 64-bit products of lanes 0, 2, ...
  const auto odd = hn::MulEven(hn::DupOdd(a), b);  // b is a constant: its lanes are all alike
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
  low = hn::Mul(a, b);
}

// Philox 4x32-10 of Lanes(d) consecutive blocks from `block` on; word j of every block in w[j]. As philox_block in
// rng.h.
HWY_INLINE void philox(U32 d, uint64_t seed, uint64_t stream, uint64_t block, VU& w0, VU& w1, VU& w2, VU& w3) {
  const auto iota = hn::Iota(d, 0);
  const auto base = hn::Set(d, static_cast<uint32_t>(block));
  auto c0 = hn::Add(base, iota);
  const auto carried = hn::VecFromMask(d, hn::Lt(c0, base));  // -1 where the low word wrapped
  auto c1 = hn::Sub(hn::Set(d, static_cast<uint32_t>(block >> 32)), carried);
  auto c2 = hn::Set(d, static_cast<uint32_t>(stream)), c3 = hn::Set(d, static_cast<uint32_t>(stream >> 32));
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    VU h0, l0, h1, l1;
    multiply_wide(d, c0, hn::Set(d, 0xD2511F53u), h0, l0);
    multiply_wide(d, c2, hn::Set(d, 0xCD9E8D57u), h1, l1);
    c0 = hn::Xor(hn::Xor(h1, c1), hn::Set(d, k0));
    c2 = hn::Xor(hn::Xor(h0, c3), hn::Set(d, k1));
    c1 = l1;
    c3 = l0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  w0 = c0;
  w1 = c1;
  w2 = c2;
  w3 = c3;
}

// Writes the words of blocks from `block` on in index order: `blocks` of them, rounded up to a multiple of Lanes(d) / 2. The same
// numbers as philox, with every 32-bit value in a lane of 64 bits: the products need no sorting of their halves, which saves
// a fifth of the time.
HWY_INLINE void philox_words(U32 d, uint64_t seed, uint64_t stream, uint64_t block, int64_t blocks,
                             uint32_t* HWY_RESTRICT out) {
  const hn::RepartitionToWide<U32> d64;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d64));
  const auto narrow = [&](auto v) { return hn::BitCast(d, v); };
  const auto m0 = hn::Set(d, 0xD2511F53u), m1 = hn::Set(d, 0xCD9E8D57u);
  for (int64_t b = 0; b < blocks; b += lanes, out += 4 * lanes) {
    // Of every lane the low half counts; what lands in the upper halves is never read.
    auto c0 = hn::Add(hn::Set(d64, block + static_cast<uint64_t>(b)), hn::Iota(d64, 0)), c1 = hn::ShiftRight<32>(c0);
    auto c2 = hn::Set(d64, stream), c3 = hn::Set(d64, stream >> 32);
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const auto p0 = hn::MulEven(narrow(c0), m0), p1 = hn::MulEven(narrow(c2), m1);
      c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), c1), hn::Set(d64, uint64_t{k0}));
      c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), c3), hn::Set(d64, uint64_t{k1}));
      c1 = p1;
      c3 = p0;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    const auto low = hn::BitCast(d64, hn::OddEven(narrow(hn::ShiftLeft<32>(c1)), narrow(c0)));
    const auto high = hn::BitCast(d64, hn::OddEven(narrow(hn::ShiftLeft<32>(c3)), narrow(c2)));
    hn::StoreInterleaved2(low, high, d64, reinterpret_cast<uint64_t*>(out));
  }
}

// (word >> 8) 2^-24, the uniform number in [0,1) of a word.
HWY_INLINE VF uniform_of(F32 d, VU word) {
  const I32 di;
  return hn::Mul(hn::ConvertTo(d, hn::BitCast(di, hn::ShiftRight<8>(word))), hn::Set(d, 0x1p-24f));
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
