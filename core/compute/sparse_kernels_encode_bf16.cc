// The fused encoder in bf16 by AVX-512's dot instruction: pairs of inputs, twice the arithmetic of f32 per instruction.
// Highway 1.0.3 has no target with that instruction, hence intrinsics.
//
// A micro-tile is 12 rows by 32 features, as in f32 (sparse_kernels_encode.cc): per pair of inputs, two loads of packed
// weights and one broadcast per row feed two dot instructions per row. What bounds it: those 24 at two per cycle (Zen 5,
// m = 2048: 77 % of the peak at d = 64, 90 % at d = 512) and the selection, which is the same work per feature at any d.
//
// A pre-activation is its bias plus one chain of dots in input order, so its bits depend on its row alone.
#include <immintrin.h>

#include "core/compute/sparse_kernels_parts.h"

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,bmi,bmi2,popcnt")

namespace heddle::cpu::sparse {
namespace {

constexpr int kTileRows = 12;

template <Rule rule>
inline __attribute__((always_inline)) void select(__m512 p, const EncodeBlock& b, int64_t column, int64_t row,
                                                  int64_t& count) {
  const int64_t to = row * b.stage_stride + count;
  __mmask16 stored;
  __m512 value = p;
  if constexpr (rule == Rule::margin) {
    const __m512 threshold = _mm512_loadu_ps(b.threshold + column);
    stored = _mm512_cmp_ps_mask(p, _mm512_sub_ps(threshold, _mm512_set1_ps(b.margin)), _CMP_GT_OQ);
    value = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(p, threshold, _CMP_GT_OQ), p);
  } else {
    stored = _mm512_cmp_ps_mask(
        p, rule == Rule::threshold ? _mm512_loadu_ps(b.threshold + column) : _mm512_set1_ps(b.floor), _CMP_GT_OQ);
  }
  // Into registers, then whole stores: compressing into memory is microcode on AMD.
  _mm512_storeu_ps(b.values + to, _mm512_maskz_compress_ps(stored, value));
  _mm512_storeu_si512(b.indices + to, _mm512_maskz_compress_epi32(stored, _mm512_loadu_si512(b.ids + column)));
  if constexpr (rule == Rule::margin) _mm512_storeu_ps(b.pre + to, _mm512_maskz_compress_ps(stored, p));
  if (b.masks) std::memcpy(b.masks + row * b.masks_stride + column / 8, &stored, sizeof stored);
  count += __builtin_popcount(stored);
}

template <int R, Rule rule>
__attribute__((noinline)) void micro_tile(const EncodeBlock& b, const uint32_t* x, const uint32_t* panel,
                                          int64_t column, int64_t row, int64_t* counts) {
  __m512 low[R], high[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    low[r] = _mm512_loadu_ps(b.bias + column);
    high[r] = _mm512_loadu_ps(b.bias + column + 16);
  }
  const int64_t pairs = (b.d + 1) / 2;
  for (int64_t k = 0; k < pairs; ++k) {
    const __m512bh w0 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel + k * kPanel));
    const __m512bh w1 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel + k * kPanel + 16));
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const __m512bh value = reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(x[k * R + r])));
      low[r] = _mm512_dpbf16_ps(low[r], value, w0);
      high[r] = _mm512_dpbf16_ps(high[r], value, w1);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    int64_t count = counts[r];
    select<rule>(low[r], b, column, row + r, count);
    select<rule>(high[r], b, column + 16, row + r, count);
    counts[r] = count;
  }
}

template <Rule rule>
void encode_rows(const EncodeBlock& b) {
  const uint32_t* x = reinterpret_cast<const uint32_t*>(b.packed_x);
  const int64_t pairs = (b.d + 1) / 2;
  int64_t row = 0;
  for (; row + kTileRows <= b.rows; row += kTileRows)
    pack_rows(b, row, kTileRows, Words::pairs, b.packed_x + row * pairs);
  for (; row < b.rows; ++row) pack_rows(b, row, 1, Words::pairs, b.packed_x + row * pairs);
  for (row = 0; row < b.rows; ++row) b.counts[row] = 0;
  for (int64_t panel = 0; panel < b.panel_count; ++panel) {
    note_starts(b, panel);
    const uint32_t* packed = reinterpret_cast<const uint32_t*>(b.panels) + panel * pairs * kPanel;
    for (row = 0; row + kTileRows <= b.rows; row += kTileRows) {
      micro_tile<kTileRows, rule>(b, x + row * pairs, packed, panel * kPanel, row, b.counts + row);
    }
    for (; row < b.rows; ++row) micro_tile<1, rule>(b, x + row * pairs, packed, panel * kPanel, row, b.counts + row);
  }
  note_starts(b, b.panel_count);
}

void encode_block_bf16(const EncodeBlock& b) {
  switch (b.rule) {
    case Rule::floor: return encode_rows<Rule::floor>(b);
    case Rule::threshold: return encode_rows<Rule::threshold>(b);
    case Rule::margin: return encode_rows<Rule::margin>(b);
  }
}

}  // namespace

void add_encode_bf16_kernels(Kernels* table) { table->encode_block_bf16 = encode_block_bf16; }

}  // namespace heddle::cpu::sparse

#pragma GCC pop_options
