#include "core/compute/simd_convert.h"

#include <cstring>

#include "core/compute/isa.h"
#include "core/compute/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/simd_convert.cc"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

// Plain loops: the compiler vectorises them for each target.
HWY_INLINE uint32_t bits_of(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

HWY_INLINE uint32_t rounded(uint32_t bits) {
  const uint32_t even = bits + 0x7FFFu + ((bits >> 16) & 1u);
  return (bits & 0x7FFFFFFFu) > 0x7F800000u ? (bits | 0x00400000u) : even;  // NaN: keep, quiet
}

void ToBf16(const float* HWY_RESTRICT from, uint16_t* HWY_RESTRICT to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<uint16_t>(rounded(bits_of(from[i])) >> 16);
}

void FromBf16(const uint16_t* HWY_RESTRICT from, float* HWY_RESTRICT to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = uint32_t{from[i]} << 16;
    __builtin_memcpy(to + i, &bits, sizeof bits);
  }
}

void RoundToBf16(const float* HWY_RESTRICT from, float* HWY_RESTRICT to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = rounded(bits_of(from[i])) & 0xFFFF0000u;
    __builtin_memcpy(to + i, &bits, sizeof bits);
  }
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu {
HWY_EXPORT(ToBf16);
HWY_EXPORT(FromBf16);
HWY_EXPORT(RoundToBf16);

void to_bf16(const float* from, uint16_t* to, int64_t n) { HWY_DYNAMIC_DISPATCH(ToBf16)(from, to, n); }
void from_bf16(const uint16_t* from, float* to, int64_t n) { HWY_DYNAMIC_DISPATCH(FromBf16)(from, to, n); }
void round_to_bf16(const float* from, float* to, int64_t n) { HWY_DYNAMIC_DISPATCH(RoundToBf16)(from, to, n); }
bool native_bf16() { return select_isa("auto") >= IsaLevel::avx512_bf16; }

}  // namespace heddle::cpu
#endif
