// Kernels of the weight gradient where a fair share of all codes is stored, as in an untrained dictionary: codes are laid
// out dense in tiles of 64 features, and multiplied with their rows in register tiles.
//
// What bounds it: 2 cycles per code of a strip of 64 columns, stored or not, for the multiply-adds (two 512-bit ones per
// cycle, measured at 90 % of that; 64 rows of a tile and of x lie in L1), and the reading of the entries. Following
// entries costs about 13 cycles each (sparse_kernels_tile.cc), so this wins from a quarter on.
//
// Every weight receives its terms in ascending row, one fused multiply-add each, and a zero adds nothing: the bits are
// those of gradient_tile, as long as the rows are finite.
#include "core/compute/simd.h"
#include "core/compute/sparse_kernels_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/sparse_kernels_dense.cc"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>
#include "core/compute/sparse_compress-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {
namespace {

constexpr int kVectors = 2;
constexpr int kTileFeatures = kLanes == 16 ? 8 : 4;  // times two vectors: 16 of 32 or 8 of 16 registers
static_assert(kDenseFeatures % kTileFeatures == 0);

HWY_INLINE M lanes_of(int64_t left) {
  return hn::FirstN(D(), static_cast<size_t>(left < 0 ? 0 : left < kLanes ? left : kLanes));
}

// One row's entries of the tile -> to[kDenseFeatures], zeros between.
#if HWY_TARGET <= HWY_AVX3
// The set of stored features as 64 bits, then the processor spreads the values over it.
HWY_INLINE void expand_run(const int32_t* indices, const float* values, int64_t n, int64_t first, float* to) {
  static_assert(kDenseFeatures == 64 && kLanes == 16);
  const __m512i base = _mm512_set1_epi32(static_cast<int>(first)), one = _mm512_set1_epi64(1);
  __m512i bits = _mm512_setzero_si512();
  for (int64_t e = 0; e < n; e += 16) {
    const __mmask16 live = static_cast<__mmask16>(n - e >= 16 ? 0xFFFFu : (1u << (n - e)) - 1);
    const __m512i at = _mm512_sub_epi32(_mm512_maskz_loadu_epi32(live, indices + e), base);
    const __m512i low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(at));
    const __m512i high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(at, 1));
    bits = _mm512_mask_or_epi64(bits, static_cast<__mmask8>(live), bits, _mm512_sllv_epi64(one, low));
    bits = _mm512_mask_or_epi64(bits, static_cast<__mmask8>(live >> 8), bits, _mm512_sllv_epi64(one, high));
  }
  uint64_t set = static_cast<uint64_t>(_mm512_reduce_or_epi64(bits));
  for (int64_t j = 0; j < kDenseFeatures; j += 16, set >>= 16) {
    const __mmask16 here = static_cast<__mmask16>(set);
    const int count = __builtin_popcount(here);
    // In two steps: expanding from memory is microcode on AMD.
    const __m512 next = _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), values);
    _mm512_store_ps(to + j, _mm512_maskz_expand_ps(here, next));
    values += count;
  }
}
#else
HWY_INLINE void expand_run(const int32_t* indices, const float* values, int64_t n, int64_t first, float* to) {
  std::memset(to, 0, static_cast<size_t>(kDenseFeatures) * sizeof *to);
  for (int64_t e = 0; e < n; ++e) to[indices[e] - first] = values[e];
}
#endif

// Row by row, so that the entries are read in the order in which they lie.
void lay_out_dense(const DenseCodes& c, int64_t first, int64_t last, const float* values) {
  for (int64_t row = first; row < last; ++row) {
    const int64_t entries = c.offsets[row];
    for (int64_t tile = 0; tile * kDenseFeatures < c.width; ++tile) {
      const int64_t panel = tile * c.panels_of_tile;
      const int64_t behind = panel + c.panels_of_tile < c.panels ? panel + c.panels_of_tile : c.panels;
      const int64_t begin = c.starts[panel * c.starts_stride + row], end = c.starts[behind * c.starts_stride + row];
      // The processor's own prefetching stops at every page: ask for what comes 2 KiB later.
      for (int64_t e = begin; e < end; e += 16) {
        hwy::Prefetch(c.indices + entries + e + 512);
        hwy::Prefetch(values + entries + e + 512);
      }
      expand_run(c.indices + entries + begin, values + entries + begin, end - begin, tile * kDenseFeatures,
                 c.codes + (tile * c.rows + row) * kDenseFeatures);
    }
  }
}

// A strip of the same rows -> x[row][kStrip], centred.
void lay_out_rows(const Gradient& g, int64_t first, int64_t rows, int64_t column, float* HWY_RESTRICT x) {
  const D d;
  for (int64_t k = 0; k < kStrip; k += kLanes) {
    const M live = lanes_of(g.d - column - k);
    const V middle = g.center ? hn::MaskedLoad(live, d, g.center + column + k) : hn::Zero(d);
    for (int64_t b = 0; b < rows; ++b) {
      const V v = hn::MaskedLoad(live, d, g.x + (first + b) * g.x_stride + column + k);
      hn::Store(g.center ? hn::Sub(v, middle) : v, d, x + b * kStrip + k);
    }
  }
}

// weight[feature .. feature + count) += codes^T x, columns [column, column + 2 vectors).
HWY_NOINLINE void multiply(const Gradient& g, const float* HWY_RESTRICT block, int64_t rows, int64_t feature,
                           int64_t count, int64_t column) {
  const D d;
  const M live[kVectors] = {lanes_of(g.d - column), lanes_of(g.d - column - kLanes)};
  V low[kTileFeatures], high[kTileFeatures];
#pragma GCC unroll 16
  for (int r = 0; r < kTileFeatures; ++r) {
    const float* to = g.weight + (feature + (r < count ? r : 0)) * g.stride + column;
    low[r] = hn::MaskedLoad(live[0], d, to);
    high[r] = hn::MaskedLoad(live[1], d, to + kLanes);
  }
  const float* HWY_RESTRICT codes = block + feature;
  const float* HWY_RESTRICT x = g.rows + column % kStrip;
  for (int64_t b = 0; b < rows; ++b) {
    const V x0 = hn::Load(d, x + b * kStrip), x1 = hn::Load(d, x + b * kStrip + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kTileFeatures; ++r) {
      const V value = hn::Set(d, codes[b * kDenseFeatures + r]);
      low[r] = hn::MulAdd(value, x0, low[r]);
      high[r] = hn::MulAdd(value, x1, high[r]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kTileFeatures; ++r) {
    if (r >= count) continue;
    float* to = g.weight + (feature + r) * g.stride + column;
    hn::BlendedStore(low[r], live[0], d, to);
    hn::BlendedStore(high[r], live[1], d, to + kLanes);
  }
}

void gradient_dense(const Gradient& g, const float* codes, int64_t rows) {
  for (int64_t strip = 0; strip < g.d; strip += kStrip) {
    const int64_t last = g.d - strip < kStrip ? g.d : strip + kStrip;
    for (int64_t first = 0; first < rows; first += kDenseRows) {
      const int64_t count = rows - first < kDenseRows ? rows - first : kDenseRows;
      lay_out_rows(g, first, count, strip, g.rows);
      for (int64_t j = 0; j < g.features; j += kTileFeatures) {
        const int64_t features = g.features - j < kTileFeatures ? g.features - j : kTileFeatures;
        for (int64_t k = strip; k < last; k += kVectors * kLanes)
          multiply(g, codes + first * kDenseFeatures, count, j, features, k);
      }
    }
  }
}

}  // namespace

void add_dense(Kernels* table) {
  table->lay_out_dense = lay_out_dense;
  table->gradient_dense = gradient_dense;
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
