// Exponentials of a tile to bf16 words, by AVX-512's conversion. Bound by L1: reads 4 bytes and writes 4 per value.
#include <hwy/base.h>
#include <immintrin.h>

#include "core/compute/cross_entropy_kernels.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")

namespace heddle::cpu {
namespace {

HWY_INLINE __mmask16 first(int64_t n) { return n >= 16 ? 0xFFFF : static_cast<__mmask16>((1u << (n < 0 ? 0 : n)) - 1); }

// 32 values, or the first n of them, then zeros.
HWY_INLINE __m512i convert(const float* p, int64_t n) {
  const __m512 low = _mm512_maskz_loadu_ps(first(n), p), high = _mm512_maskz_loadu_ps(first(n - 16), p + 16);
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

// Words a0 b0, a1 b1, ...: the lower 16 (kHalf 0) or the upper 16.
template <int kHalf>
HWY_INLINE __m512i interleave(__m512i a, __m512i b) {
  alignas(64) static constexpr auto kOrder = [] {
    struct {
      uint16_t at[32];
    } order{};
    for (int i = 0; i < 16; ++i) {
      order.at[2 * i] = static_cast<uint16_t>(16 * kHalf + i);
      order.at[2 * i + 1] = static_cast<uint16_t>(32 + 16 * kHalf + i);
    }
    return order;
  }();
  return _mm512_permutex2var_epi16(a, _mm512_load_si512(&kOrder), b);
}

}  // namespace

void pair_rows(const float* tile, int64_t rows, int64_t n, uint32_t* left, int64_t left_stride, uint32_t* kept,
               int64_t group) {
  for (int64_t i = 0; i < n; i += 32) {
    const int64_t rest = n - i, words = (rest + 1) / 2;
    for (int64_t r = 0; r < rows; r += 2) {
      const bool both = r + 1 < rows;
      const __m512i a = convert(tile + r * n + i, rest);
      const __m512i b = both ? convert(tile + (r + 1) * n + i, rest) : _mm512_setzero_si512();
      _mm512_mask_storeu_epi32(left + r * left_stride + i / 2, first(words), a);
      if (both) _mm512_mask_storeu_epi32(left + (r + 1) * left_stride + i / 2, first(words), b);
      if (kept == nullptr) continue;
      uint32_t* to = kept + i / 16 * group + r / 2 * 16;
      _mm512_storeu_si512(to, interleave<0>(a, b));
      if (rest > 16) _mm512_storeu_si512(to + group, interleave<1>(a, b));
    }
  }
}

}  // namespace heddle::cpu

#pragma GCC pop_options
