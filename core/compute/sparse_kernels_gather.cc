// Kernels that follow stored entries into matrices: decode and its backward (sampled dense-dense product), for few entries
// among many features. Bound by L2: one row of `d` floats per entry and nothing else, 1.3 and 1.45 ns per entry at d = 64
// (one Zen 5 core, m = 2048, 5 % stored). With more entries the tile kernels, which find their rows in L1.
#include "core/compute/simd.h"
#include "core/compute/sparse_kernels_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/sparse_kernels_gather.cc"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>
#include "core/compute/sparse_sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {

// Columns are taken in strips held in registers (64 floats: 4 or 8 accumulators), then single vectors, then a partial
// one.
constexpr int kStripVectors = static_cast<int>(kStrip) / kLanes;
// How many entries ahead their rows are fetched: hides L3 when the matrix does not fit L2.
constexpr int64_t kAhead = 12;

HWY_INLINE M lanes_of(int64_t left) { return hn::FirstN(D(), static_cast<size_t>(left < kLanes ? left : kLanes)); }

// Calls body(column, Vectors<n>, live) for every strip; live is the mask of the single vectors.
template <int N>
struct Vectors {
  static constexpr int count = N;
};
template <int kCount, class Body>
HWY_INLINE void for_strips(int64_t d, const Body& body) {
  int64_t column = 0;
  for (; column + kCount * kLanes <= d; column += kCount * kLanes) body(column, Vectors<kCount>(), lanes_of(kLanes));
  for (; column < d; column += kLanes) body(column, Vectors<1>(), lanes_of(d - column));
}

template <int N>
HWY_INLINE V load(const float* p, int i, M live) {
  // Whole vectors need no mask; a single one may stand at the right edge.
  if constexpr (N == 1) return hn::MaskedLoad(live, D(), p);
  return hn::LoadU(D(), p + i * kLanes);
}
template <int N>
HWY_INLINE void store(V v, float* p, int i, M live) {
  if constexpr (N == 1) {
    hn::BlendedStore(v, live, D(), p);
  } else {
    hn::StoreU(v, D(), p + i * kLanes);
  }
}

// One chain of fused multiply-adds per output, as in decode_tile: its latency of 4 cycles per entry is what L2 needs for
// the 256 bytes anyway.
template <int N>
HWY_INLINE void decode_strip(int64_t begin, int64_t end, const int32_t* HWY_RESTRICT indices,
                             const float* HWY_RESTRICT values, const float* HWY_RESTRICT weight, int64_t stride,
                             const float* bias, float* y, M live) {
  const D d;
  V sum[N];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) sum[i] = bias ? load<N>(bias, i, live) : hn::Zero(d);
  for (int64_t e = begin; e < end; ++e) {
    const float* row = weight + indices[e] * stride;
    if (e + kAhead < end) hwy::Prefetch(weight + indices[e + kAhead] * stride);  // indices beyond `end` may not exist
    const V value = hn::Set(d, values[e]);
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) sum[i] = hn::MulAdd(value, load<N>(row, i, live), sum[i]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) store<N>(sum[i], y, i, live);
}

void decode_rows(const int64_t* offsets, int64_t rows, const int32_t* indices, const float* values, const float* weight,
                 int64_t weight_stride, const float* bias, int64_t d, float* y, int64_t y_stride) {
  for (int64_t b = 0; b < rows; ++b) {
    for_strips<kStripVectors>(d, [&](int64_t column, auto vectors, M live) HWY_ATTR {
      decode_strip<decltype(vectors)::count>(offsets[b], offsets[b + 1], indices, values, weight + column,
                                             weight_stride, bias ? bias + column : nullptr, y + b * y_stride + column,
                                             live);
    });
  }
}

// Dot products of dy with four rows of weight.
template <bool strips>
HWY_INLINE V dot_four(const int32_t* HWY_RESTRICT indices, const float* HWY_RESTRICT dy, const V* held,
                      const float* HWY_RESTRICT weight, int64_t stride, int64_t d) {
  const D tag;
  const float* r0 = weight + indices[0] * stride;
  const float* r1 = weight + indices[1] * stride;
  const float* r2 = weight + indices[2] * stride;
  const float* r3 = weight + indices[3] * stride;
  V a = hn::Zero(tag), b = a, c = a, e = a;
  const auto add = [&](V x, int64_t k, M live, bool whole) HWY_ATTR {
    a = hn::MulAdd(x, whole ? hn::LoadU(tag, r0 + k) : hn::MaskedLoad(live, tag, r0 + k), a);
    b = hn::MulAdd(x, whole ? hn::LoadU(tag, r1 + k) : hn::MaskedLoad(live, tag, r1 + k), b);
    c = hn::MulAdd(x, whole ? hn::LoadU(tag, r2 + k) : hn::MaskedLoad(live, tag, r2 + k), c);
    e = hn::MulAdd(x, whole ? hn::LoadU(tag, r3 + k) : hn::MaskedLoad(live, tag, r3 + k), e);
  };
  if constexpr (strips) {  // d == 64: dy stays in registers
#pragma GCC unroll 16
    for (int i = 0; i < kStripVectors; ++i) add(held[i], i * kLanes, M(), true);
    (void)dy, (void)d;
  } else {
    int64_t k = 0;
    for (; k + kLanes <= d; k += kLanes) add(hn::LoadU(tag, dy + k), k, M(), true);
    if (k < d) {
      const M live = lanes_of(d - k);
      add(hn::MaskedLoad(live, tag, dy + k), k, live, false);
    }
    (void)held;
  }
  return block_sums(a, b, c, e);
}

template <bool strips>
void dot_row(const int32_t* indices, int64_t n, const float* HWY_RESTRICT dy, const float* HWY_RESTRICT weight,
             int64_t stride, int64_t d, float add, float* HWY_RESTRICT dvalues) {
  const D tag;
  const V plus = hn::Set(tag, add);
  V held[kStripVectors];
  if constexpr (strips) {
#pragma GCC unroll 16
    for (int i = 0; i < kStripVectors; ++i) held[i] = hn::LoadU(tag, dy + i * kLanes);
  }
  int64_t e = 0;
  // A whole vector of entries at a time: the block sums of four quads are folded together.
  for (; e + kLanes <= n; e += kLanes) {
    for (int64_t ahead = e + kLanes; ahead < e + 2 * kLanes && ahead < n; ++ahead)
      hwy::Prefetch(weight + indices[ahead] * stride);
    V quads[kBlocks];
#pragma GCC unroll 4
    for (int q = 0; q < kBlocks; ++q) quads[q] = dot_four<strips>(indices + e + 4 * q, dy, held, weight, stride, d);
    hn::StoreU(hn::Add(sum_blocks(quads), plus), tag, dvalues + e);
  }
  for (; e < n; e += 4) {
    const int64_t left = n - e < 4 ? n - e : 4;
    int32_t four[4];
    for (int64_t i = 0; i < 4; ++i) four[i] = indices[e + (i < left ? i : 0)];
    const V sum = hn::Add(fold_blocks(dot_four<strips>(four, dy, held, weight, stride, d)), plus);
    hn::BlendedStore(sum, hn::FirstN(tag, static_cast<size_t>(left)), tag, dvalues + e);
  }
}

void dot_rows(const int64_t* offsets, int64_t rows, const int32_t* indices, const float* dy, int64_t dy_stride,
              const float* weight, int64_t weight_stride, int64_t d, float add, float* dvalues) {
  for (int64_t b = 0; b < rows; ++b) {
    const int64_t begin = offsets[b], n = offsets[b + 1] - begin;
    const float* row = dy + b * dy_stride;
    if (d == kStrip) {
      dot_row<true>(indices + begin, n, row, weight, weight_stride, d, add, dvalues + begin);
    } else {
      dot_row<false>(indices + begin, n, row, weight, weight_stride, d, add, dvalues + begin);
    }
  }
}

void add_gather(Kernels* table) {
  table->decode_rows = decode_rows;
  table->dot_rows = dot_rows;
}

}  // namespace HWY_NAMESPACE
}  // namespace heddle::cpu::sparse
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace heddle::cpu::sparse {
HWY_EXPORT(add_gather);
void add_gather_kernels(Kernels* table) { HWY_DYNAMIC_DISPATCH(add_gather)(table); }
}  // namespace heddle::cpu::sparse
#endif
