// Kernels of the fused encoder: pre-activations in registers, compared and compressed there, never stored.
//
// A micro-tile is kTileRows rows by two vectors of features: per input, two loads of packed weights and one broadcast per
// row feed two fused multiply-adds per row. What bounds it: those 24 at two per cycle (Zen 5, d = 64, m = 2048: 90 % of the
// peak, selection included, at 5 % as at 50 % kept). Each pre-activation is bias + one chain of FMAs in input order, so its bits
// are the same in every tile shape and on every instruction set with FMA.
#include "core/compute/simd.h"
#include "core/compute/sparse_kernels_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/sparse_kernels_encode.cc"
#include <hwy/foreach_target.h>

#include "core/compute/sparse_compress-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Two vectors of accumulators per row; 12 rows fill 24 of 32 registers, 6 rows 12 of 16.
constexpr int kVectors = 2;
constexpr int kTileRows = kLanes == 16 ? 12 : 6;

template <int R>
struct Rows {
  static constexpr int count = R;
};

template <Rule rule>
HWY_INLINE void select(V p, const EncodeBlock& b, int64_t column, int64_t row, int64_t& count) {
  const D d;
  const DI di;
  const int64_t to = row * b.stage_stride + count;
  M stored;
  V value = p;
  if constexpr (rule == Rule::margin) {
    const V threshold = hn::LoadU(d, b.threshold + column);
    stored = hn::Gt(p, hn::Sub(threshold, hn::Set(d, b.margin)));
    value = hn::IfThenElseZero(hn::Gt(p, threshold), p);
  } else {
    stored = hn::Gt(p, rule == Rule::threshold ? hn::LoadU(d, b.threshold + column) : hn::Set(d, b.floor));
  }
  const Compressor compress(stored);
  hn::StoreU(compress(value), d, b.values + to);
  hn::StoreU(compress(hn::LoadU(di, b.ids + column)), di, b.indices + to);
  if constexpr (rule == Rule::margin) hn::StoreU(compress(p), d, b.pre + to);
  if (b.masks) hn::StoreMaskBits(d, stored, b.masks + row * b.masks_stride + column / 8);
  count += compress.count();
}

// R rows against the columns [column, column + 2 vectors) of one panel.
template <int R, Rule rule>
HWY_NOINLINE void micro_tile(const EncodeBlock& b, const float* HWY_RESTRICT x, const float* HWY_RESTRICT panel,
                             int64_t column, int64_t row, int64_t* HWY_RESTRICT counts) {
  const D d;
  V low[R], high[R];
  const V bias0 = hn::LoadU(d, b.bias + column), bias1 = hn::LoadU(d, b.bias + column + kLanes);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    low[r] = bias0;
    high[r] = bias1;
  }
  for (int64_t k = 0; k < b.d; ++k) {
    const V w0 = hn::Load(d, panel + k * kPanel), w1 = hn::Load(d, panel + k * kPanel + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const V value = hn::Set(d, x[k * R + r]);
      low[r] = hn::MulAdd(value, w0, low[r]);
      high[r] = hn::MulAdd(value, w1, high[r]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    int64_t count = counts[r];
    select<rule>(low[r], b, column, row + r, count);
    select<rule>(high[r], b, column + kLanes, row + r, count);
    counts[r] = count;
  }
}

template <Rule rule>
void encode_rows(const EncodeBlock& b) {
  // Rows in tiles of 12 or 6, then 4, then 1. The block's x stays in L1/L2 while one panel after the other passes.
  const auto for_tiles = [&](auto&& body) HWY_ATTR {
    int64_t row = 0;
    for (; row + kTileRows <= b.rows; row += kTileRows) body(row, Rows<kTileRows>());
    for (; row + 4 <= b.rows; row += 4) body(row, Rows<4>());
    for (; row < b.rows; ++row) body(row, Rows<1>());
  };
  const Words words = b.round_bf16 ? Words::rounded : Words::f32;
  for_tiles([&](int64_t row, auto size) HWY_ATTR { pack_rows(b, row, size.count, words, b.packed_x + row * b.d); });
  for (int64_t row = 0; row < b.rows; ++row) b.counts[row] = 0;
  for (int64_t panel = 0; panel < b.panel_count; ++panel) {
    note_starts(b, panel);
    const float* packed = b.panels + panel * b.d * kPanel;
    for (int64_t part = 0; part < kPanel; part += kVectors * kLanes) {
      for_tiles([&](int64_t row, auto size) HWY_ATTR {
        micro_tile<decltype(size)::count, rule>(b, b.packed_x + row * b.d, packed + part, panel * kPanel + part, row,
                                                b.counts + row);
      });
    }
  }
  note_starts(b, b.panel_count);
}

void encode_block(const EncodeBlock& b) {
  switch (b.rule) {
    case Rule::floor: return encode_rows<Rule::floor>(b);
    case Rule::threshold: return encode_rows<Rule::threshold>(b);
    case Rule::margin: return encode_rows<Rule::margin>(b);
  }
}

void add_encode(Kernels* table) { table->encode_block = encode_block; }

}  // namespace HWY_NAMESPACE
}  // namespace heddle::cpu::sparse
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu::sparse {
HWY_EXPORT(add_encode);
void add_encode_kernels(Kernels* table) { HWY_DYNAMIC_DISPATCH(add_encode)(table); }
}  // namespace heddle::cpu::sparse
#endif
