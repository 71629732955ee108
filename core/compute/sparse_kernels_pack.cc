// Turning rows round for the encoder: its weights once per op, its inputs once per block of rows. Bound by the stores of the
// turned words, a quarter of a vector each: 0.2 ns per element (Zen 5), which counts where few features share an input.
#include "core/compute/simd.h"
#include "core/compute/simd_convert.h"
#include "core/compute/sparse_kernels_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/sparse_kernels_pack.cc"
#include <hwy/foreach_target.h>

#include "core/compute/sparse_compress-inl.h"
#include "core/compute/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kDepth = 128;  // words of a row at a time: 16 KiB with kPanel rows

HWY_INLINE void subtract(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b, int64_t n, float* HWY_RESTRICT to) {
  const D tag;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) hn::StoreU(hn::Sub(hn::LoadU(tag, a + i), hn::LoadU(tag, b + i)), tag, to + i);
  for (; i < n; ++i) to[i] = a[i] - b[i];
}

void pack(const float* const* rows, int64_t count, int64_t d, const float* center, Words words, int64_t apart,
          float* to) {
  alignas(64) float strip[kPanel * kDepth], line[2 * kDepth];
  const int64_t per_word = words == Words::pairs ? 2 : 1;
  for (int64_t first = 0; first < d; first += kDepth * per_word) {
    const int64_t values = d - first < kDepth * per_word ? d - first : kDepth * per_word;
    const int64_t depth = (values + per_word - 1) / per_word;
    for (int64_t r = 0; r < count; ++r) {
      float* own = strip + r * kDepth;
      if (rows[r] == nullptr) {
        std::memset(own, 0, static_cast<size_t>(depth) * sizeof *own);
        continue;
      }
      const float* from = rows[r] + first;
      if (center != nullptr) {
        subtract(from, center + first, values, words == Words::f32 ? own : line);
        from = line;
      } else if (words == Words::f32) {
        std::memcpy(own, from, static_cast<size_t>(values) * sizeof *own);
      }
      if (words == Words::rounded) round_to_bf16(from, own, values);
      if (words == Words::pairs) {
        auto* halves = reinterpret_cast<uint16_t*>(own);
        if (values % 2 != 0) halves[values] = 0;
        to_bf16(from, halves, values);
      }
    }
    cpu::HWY_NAMESPACE::pack_transposed(strip, kDepth, count, depth, to + first / per_word * apart, apart);
  }
}

}  // namespace

void add_pack(Kernels* table) { table->pack = pack; }

}  // namespace HWY_NAMESPACE
}  // namespace heddle::cpu::sparse
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu::sparse {
HWY_EXPORT(add_pack);
void add_pack_kernels(Kernels* table) { HWY_DYNAMIC_DISPATCH(add_pack)(table); }
}  // namespace heddle::cpu::sparse
#endif
