// Kernels that follow stored entries into a tile of a weight matrix: some features times one strip of columns, small
// enough for L1. A row's entries inside the tile are a run of its list (panel starts, sparse_codes.h).
//
// What bounds them, on one Zen 5 core at 3.7 GHz and d = 64:
// decode, dot: four vector loads of the tile and one of the value per entry, two per cycle: 2.5 cycles; 1.3 and 1.4 ns
// measured with half of 2,048 features stored, where reading the entries from memory is a third of that. Every run costs a
// mispredicted end of its loop, about 20 cycles, so few entries per run are worse than none (sparse_products.cc decides).
// gradient: 3.4 to 4 ns with 5 % stored. Half goes into putting entries beside their feature (an unforeseeable store each,
// and the ends of runs), half into 256 bytes of x from L2 per entry. Adding straight into the tile, without waiting terms,
// was slower (about 5 ns), probably because its loads meet stores in flight to addresses with the same low 12 bits.
#include "core/compute/simd.h"
#include "core/compute/sparse_kernels_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/sparse_kernels_tile.cc"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>
#include "core/compute/sparse_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {

constexpr int kStripVectors = static_cast<int>(kStrip) / kLanes;  // 4 or 8
// How many rows ahead the runs are fetched: a tile visits a few entries of every row, and nothing else foresees where.
constexpr int64_t kRowsAhead = 6;

HWY_INLINE M lanes_of(int64_t left) {
  return hn::FirstN(D(), static_cast<size_t>(left < 0 ? 0 : left < kLanes ? left : kLanes));
}

template <int N>
HWY_INLINE void load_row(const float* row, int64_t columns, V* to) {
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) to[i] = hn::MaskedLoad(lanes_of(columns - i * kLanes), D(), row + i * kLanes);
}
template <int N>
HWY_INLINE void store_row(const V* from, int64_t columns, float* row) {
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) hn::BlendedStore(from[i], lanes_of(columns - i * kLanes), D(), row + i * kLanes);
}

// The run of row b. Asks for the one of a later row.
struct Run {
  int64_t begin, end;
};
HWY_INLINE Run run_of(const Tile& t, const float* values, int64_t b) {
  if (b + kRowsAhead < t.rows) {
    const int64_t row = b + kRowsAhead, end = t.offsets[row] + t.ends[row];
    for (int64_t e = t.offsets[row] + t.begins[row]; e < end; e += 16) {
      hwy::Prefetch(t.indices + e);
      if (values) hwy::Prefetch(values + e);
    }
  }
  return {t.offsets[b] + t.begins[b], t.offsets[b] + t.ends[b]};
}

template <int N>
HWY_INLINE void add_scaled(float value, const float* HWY_RESTRICT row, V* sum) {
  const V v = hn::Set(D(), value);
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) sum[i] = hn::MulAdd(v, hn::LoadU(D(), row + i * kLanes), sum[i]);
}

// One chain of fused multiply-adds per output. With 32 registers two rows go side by side, because one row's chains alone
// wait for their own latency.
template <int N>
HWY_NOINLINE void decode_strip(const Tile& t, const float* HWY_RESTRICT values, float* y, int64_t y_stride) {
  const float* base = t.weight - t.first * t.stride;
  const auto row = [&](int64_t e) HWY_ATTR { return base + t.indices[e] * t.stride; };
  int64_t b = 0;
  if constexpr (kLanes == 16) {
    for (; b + 2 <= t.rows; b += 2) {
      Run first = run_of(t, values, b), second = run_of(t, values, b + 1);
      float *y0 = y + b * y_stride, *y1 = y0 + y_stride;
      V a[N], c[N];
      load_row<N>(y0, t.columns, a);
      load_row<N>(y1, t.columns, c);
      for (; first.begin < first.end && second.begin < second.end; ++first.begin, ++second.begin) {
        add_scaled<N>(values[first.begin], row(first.begin), a);
        add_scaled<N>(values[second.begin], row(second.begin), c);
      }
      for (; first.begin < first.end; ++first.begin) add_scaled<N>(values[first.begin], row(first.begin), a);
      for (; second.begin < second.end; ++second.begin) add_scaled<N>(values[second.begin], row(second.begin), c);
      store_row<N>(a, t.columns, y0);
      store_row<N>(c, t.columns, y1);
    }
  }
  for (; b < t.rows; ++b) {
    Run run = run_of(t, values, b);
    V a[N];
    load_row<N>(y + b * y_stride, t.columns, a);
    for (; run.begin < run.end; ++run.begin) add_scaled<N>(values[run.begin], row(run.begin), a);
    store_row<N>(a, t.columns, y + b * y_stride);
  }
}

// Products of the held row with four rows of the tile, in each 128-bit block [a b c d].
template <int N>
HWY_INLINE V dot_four(const int32_t* HWY_RESTRICT indices, const V* held, const float* HWY_RESTRICT base,
                      int64_t stride) {
  const D d;
  const float *r0 = base + indices[0] * stride, *r1 = base + indices[1] * stride, *r2 = base + indices[2] * stride,
              *r3 = base + indices[3] * stride;
  V a = hn::Mul(held[0], hn::LoadU(d, r0)), b = hn::Mul(held[0], hn::LoadU(d, r1));
  V c = hn::Mul(held[0], hn::LoadU(d, r2)), e = hn::Mul(held[0], hn::LoadU(d, r3));
#pragma GCC unroll 8
  for (int i = 1; i < N; ++i) {
    a = hn::MulAdd(held[i], hn::LoadU(d, r0 + i * kLanes), a);
    b = hn::MulAdd(held[i], hn::LoadU(d, r1 + i * kLanes), b);
    c = hn::MulAdd(held[i], hn::LoadU(d, r2 + i * kLanes), c);
    e = hn::MulAdd(held[i], hn::LoadU(d, r3 + i * kLanes), e);
  }
  return block_sums(a, b, c, e);
}

// more: an earlier strip's share stands in dvalues already.
template <int N, bool more>
HWY_NOINLINE void dot_strip(const Tile& t, const float* dy, int64_t dy_stride, float add, float* HWY_RESTRICT dvalues) {
  const D d;
  const V plus = hn::Set(d, add);
  const float* base = t.weight - t.first * t.stride;
  for (int64_t b = 0; b < t.rows; ++b) {
    const Run run = run_of(t, more ? dvalues : nullptr, b);
    if (run.begin == run.end) continue;
    V held[N];
    load_row<N>(dy + b * dy_stride, t.columns, held);
    int64_t e = run.begin;
    for (; e + kLanes <= run.end; e += kLanes) {
      V quads[kBlocks];
#pragma GCC unroll 4
      for (int q = 0; q < kBlocks; ++q) quads[q] = dot_four<N>(t.indices + e + 4 * q, held, base, t.stride);
      hn::StoreU(hn::Add(sum_blocks(quads), more ? hn::LoadU(d, dvalues + e) : plus), d, dvalues + e);
    }
    for (; e < run.end; e += 4) {
      const int64_t left = run.end - e < 4 ? run.end - e : 4;
      int32_t four[4];
      for (int64_t i = 0; i < 4; ++i) four[i] = t.indices[e + (i < left ? i : 0)];
      const M live = hn::FirstN(d, static_cast<size_t>(left));
      const V sum = fold_blocks(dot_four<N>(four, held, base, t.stride));
      hn::BlendedStore(hn::Add(sum, more ? hn::MaskedLoad(live, d, dvalues + e) : plus), live, d, dvalues + e);
    }
  }
}

// Adds n terms to one feature's weights: a chain in their order.
template <int N, bool centred>
HWY_INLINE void add_terms(const Gradient& g, const Term* HWY_RESTRICT terms, int64_t n, int64_t column, int64_t columns,
                          float* HWY_RESTRICT weight) {
  const D d;
  V sum[N], middle[N];
  load_row<N>(weight, columns, sum);
#pragma GCC unroll 8
  for (int i = 0; i < N; ++i) middle[i] = hn::Zero(d);
  if (centred) load_row<N>(g.center + column, columns, middle);
  const auto add = [&](int64_t t, auto&& load) HWY_ATTR {
    const V value = hn::Set(d, terms[t].value);
    const float* row = g.x + column + terms[t].row * g.x_stride;
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) {
      const V v = load(row, i);
      sum[i] = hn::MulAdd(value, centred ? hn::Sub(v, middle[i]) : v, sum[i]);
    }
  };
  if (columns == N * kLanes) {
    for (int64_t t = 0; t < n; ++t) {
      add(t, [&](const float* row, int i) HWY_ATTR { return hn::LoadU(d, row + i * kLanes); });
    }
  } else {
    for (int64_t t = 0; t < n; ++t) {
      add(t, [&](const float* row, int i)
                 HWY_ATTR { return hn::MaskedLoad(lanes_of(columns - i * kLanes), d, row + i * kLanes); });
    }
  }
  store_row<N>(sum, columns, weight);
}

// Calls body(Vectors<N>) with the smallest N of 1, 2, 4, 8 whose vectors hold the columns.
template <int N>
struct Vectors {
  static constexpr int count = N;
};
template <class Body>
HWY_INLINE void for_width(int64_t columns, const Body& body) {
  if (columns <= kLanes) return body(Vectors<1>());
  if (columns <= 2 * kLanes) return body(Vectors<2>());
  if constexpr (kStripVectors > 4) {
    if (columns <= 4 * kLanes) return body(Vectors<4>());
  }
  body(Vectors<kStripVectors>());
}

void decode_tile(const Tile& t, const float* values, float* y, int64_t y_stride) {
  for_width(t.columns, [&](auto n) HWY_ATTR { decode_strip<decltype(n)::count>(t, values, y, y_stride); });
}
void dot_tile(const Tile& t, const float* dy, int64_t dy_stride, float add, bool more, float* dvalues) {
  for_width(t.columns, [&](auto n) HWY_ATTR {
    if (more) dot_strip<decltype(n)::count, true>(t, dy, dy_stride, add, dvalues);
    else dot_strip<decltype(n)::count, false>(t, dy, dy_stride, add, dvalues);
  });
}
HWY_NOINLINE void add_all_terms(const Gradient& g, int64_t feature, int64_t n) {
  const Term* terms = g.terms + feature * kTerms;
  float* weight = g.weight + feature * g.stride;
  for (int64_t column = 0; column < g.d; column += kStrip) {
    const int64_t columns = g.d - column < kStrip ? g.d - column : kStrip;
    for_width(columns, [&](auto size) HWY_ATTR {
      constexpr int N = decltype(size)::count;
      if (g.center) add_terms<N, true>(g, terms, n, column, columns, weight + column);
      else add_terms<N, false>(g, terms, n, column, columns, weight + column);
    });
  }
}

void gradient_tile(const Tile& t, const float* HWY_RESTRICT values, const Gradient& g) {
  std::memset(g.counts, 0, static_cast<size_t>(g.features) * sizeof *g.counts);
  const int32_t* HWY_RESTRICT indices = t.indices;
  const int64_t first = t.first;
  Term* HWY_RESTRICT terms = g.terms;
  int32_t* HWY_RESTRICT counts = g.counts;
  for (int64_t b = 0; b < t.rows; ++b) {
    const Run run = run_of(t, values, b);
    for (int64_t e = run.begin; e < run.end; ++e) {
      const int64_t feature = indices[e] - first;
      const int32_t n = counts[feature];
      const Term term{static_cast<int32_t>(b), values[e]};
      std::memcpy(terms + feature * kTerms + n, &term, sizeof term);
      counts[feature] = n + 1;
      if (HWY_UNLIKELY(n + 1 == kTerms)) {
        add_all_terms(g, feature, kTerms);
        counts[feature] = 0;
      }
    }
  }
  for (int64_t feature = 0; feature < g.features; ++feature) {
    if (counts[feature] > 0) add_all_terms(g, feature, counts[feature]);
  }
}

void pack_tile(const float* weight, int64_t stride, int64_t features, int64_t columns, float* tile) {
  const D d;
  for (int64_t j = 0; j < features; ++j) {
    for (int64_t k = 0; k < kStrip; k += kLanes) {
      hn::Store(hn::MaskedLoad(lanes_of(columns - k), d, weight + j * stride + k), d, tile + j * kStrip + k);
    }
  }
}

void add_tile(Kernels* table) {
  table->decode_tile = decode_tile;
  table->dot_tile = dot_tile;
  table->pack_tile = pack_tile;
  table->gradient_tile = gradient_tile;
}

}  // namespace HWY_NAMESPACE
}  // namespace heddle::cpu::sparse
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu::sparse {
HWY_EXPORT(add_tile);
void add_tile_kernels(Kernels* table) { HWY_DYNAMIC_DISPATCH(add_tile)(table); }
}  // namespace heddle::cpu::sparse
#endif
