// Kernels that follow stored entries into matrices: decode, its backward (sampled dense-dense product) and the
// gradients of the weights. Bound by L2: one row of `d` floats per entry and nothing else.
#include "core/compute/simd.h"
#include "core/compute/sparse_kernels_parts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/sparse_kernels_gather.cc"
#include <hwy/foreach_target.h>

#include <hwy/cache_control.h>
#include "core/compute/sparse_compress-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::sparse {
namespace HWY_NAMESPACE {

// Columns are taken in strips held in registers (64 floats: 4 or 8 accumulators), then single vectors, then a partial
// one.
constexpr int kStrip = 64 / kLanes;
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

// Entries alternate between two sets of sums: one chain of FMAs per column would wait for its own latency.
template <int N>
HWY_INLINE void decode_strip(int64_t begin, int64_t end, const int32_t* HWY_RESTRICT indices,
                             const float* HWY_RESTRICT values, const float* HWY_RESTRICT weight, int64_t stride,
                             const float* bias, float* y, M live) {
  const D d;
  V even[N], odd[N];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) {
    even[i] = bias ? load<N>(bias, i, live) : hn::Zero(d);
    odd[i] = hn::Zero(d);
  }
  int64_t e = begin;
  for (; e + 1 < end; e += 2) {
    const float* row0 = weight + indices[e] * stride;
    const float* row1 = weight + indices[e + 1] * stride;
    // Indices beyond `end` may not exist.
    if (e + kAhead + 1 < end) {
      hwy::Prefetch(weight + indices[e + kAhead] * stride);
      hwy::Prefetch(weight + indices[e + kAhead + 1] * stride);
    }
    const V value0 = hn::Set(d, values[e]), value1 = hn::Set(d, values[e + 1]);
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) {
      even[i] = hn::MulAdd(value0, load<N>(row0, i, live), even[i]);
      odd[i] = hn::MulAdd(value1, load<N>(row1, i, live), odd[i]);
    }
  }
  if (e < end) {
    const float* row = weight + indices[e] * stride;
    const V value = hn::Set(d, values[e]);
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) even[i] = hn::MulAdd(value, load<N>(row, i, live), even[i]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) store<N>(hn::Add(even[i], odd[i]), y, i, live);
}

void decode_rows(const int64_t* offsets, int64_t rows, const int32_t* indices, const float* values, const float* weight,
                 int64_t weight_stride, const float* bias, int64_t d, float* y, int64_t y_stride) {
  for (int64_t b = 0; b < rows; ++b) {
    for_strips<4>(d, [&](int64_t column, auto vectors, M live) HWY_ATTR {  // two sets of 4: 8 accumulators
      decode_strip<decltype(vectors)::count>(offsets[b], offsets[b + 1], indices, values, weight + column,
                                             weight_stride, bias ? bias + column : nullptr, y + b * y_stride + column,
                                             live);
    });
  }
}

// Sums of the lanes of four vectors, in each 128-bit block: [a b c d].
HWY_INLINE V block_sums(V a, V b, V c, V e) {
  const D d;
  const hn::RepartitionToWide<D> dw;
  const V ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const V ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  const auto wide_ab = hn::BitCast(dw, ab), wide_ce = hn::BitCast(dw, ce);
  return hn::Add(hn::BitCast(d, hn::InterleaveLower(dw, wide_ab, wide_ce)),
                 hn::BitCast(d, hn::InterleaveUpper(dw, wide_ab, wide_ce)));
}

constexpr int kBlocks = kLanes / 4;

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
    for (int i = 0; i < kStrip; ++i) add(held[i], i * kLanes, M(), true);
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

// [a b c d] per block -> the sums over blocks, in the first block: (b0 + b2) + (b1 + b3).
HWY_INLINE V fold_blocks(V v) {
  const D d;
  if constexpr (kBlocks == 4) v = hn::Add(v, hn::ConcatLowerUpper(d, v, v));
  return hn::Add(v, hn::SwapAdjacentBlocks(v));
}

template <bool strips>
void dot_row(const int32_t* indices, int64_t n, const float* HWY_RESTRICT dy, const float* HWY_RESTRICT weight,
             int64_t stride, int64_t d, float add, float* HWY_RESTRICT dvalues) {
  const D tag;
  const V plus = hn::Set(tag, add);
  V held[kStrip];
  if constexpr (strips) {
#pragma GCC unroll 16
    for (int i = 0; i < kStrip; ++i) held[i] = hn::LoadU(tag, dy + i * kLanes);
  }
  int64_t e = 0;
  // A whole vector of entries at a time: the block sums of four quads are folded together.
  for (; e + kLanes <= n; e += kLanes) {
    for (int64_t ahead = e + kLanes; ahead < e + 2 * kLanes && ahead < n; ++ahead)
      hwy::Prefetch(weight + indices[ahead] * stride);
    const V q0 = dot_four<strips>(indices + e, dy, held, weight, stride, d);
    const V q1 = dot_four<strips>(indices + e + 4, dy, held, weight, stride, d);
    if constexpr (kBlocks == 4) {
      const V q2 = dot_four<strips>(indices + e + 8, dy, held, weight, stride, d);
      const V q3 = dot_four<strips>(indices + e + 12, dy, held, weight, stride, d);
      const V s02 = hn::Add(hn::ConcatLowerLower(tag, q2, q0), hn::ConcatUpperUpper(tag, q2, q0));
      const V s13 = hn::Add(hn::ConcatLowerLower(tag, q3, q1), hn::ConcatUpperUpper(tag, q3, q1));
      const V straight = hn::OddEvenBlocks(s13, s02);                         // q0 even, q1 odd, q2 even, q3 odd
      const V crossed = hn::SwapAdjacentBlocks(hn::OddEvenBlocks(s02, s13));  // q0 odd, q1 even, q2 odd, q3 even
      hn::StoreU(hn::Add(hn::Add(straight, crossed), plus), tag, dvalues + e);
    } else {
      const V sum = hn::Add(hn::ConcatLowerLower(tag, q1, q0), hn::ConcatUpperUpper(tag, q1, q0));
      hn::StoreU(hn::Add(sum, plus), tag, dvalues + e);
    }
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
    if (d == kStrip * kLanes) {
      dot_row<true>(indices + begin, n, row, weight, weight_stride, d, add, dvalues + begin);
    } else {
      dot_row<false>(indices + begin, n, row, weight, weight_stride, d, add, dvalues + begin);
    }
  }
}

template <int N, bool centred>
HWY_INLINE void accumulate_strip(const Entry* HWY_RESTRICT entries, int64_t n, const float* HWY_RESTRICT values,
                                 const float* HWY_RESTRICT rows, int64_t stride, const float* HWY_RESTRICT center,
                                 float* HWY_RESTRICT to, M live) {
  const D d;
  V sum[N], middle[N];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) {
    sum[i] = load<N>(to, i, live);
    middle[i] = centred ? load<N>(center, i, live) : hn::Zero(d);
  }
  for (int64_t e = 0; e < n; ++e) {
    const V value = hn::Set(d, values[entries[e].position]);
    const float* row = rows + entries[e].row * stride;
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) {
      const V x = load<N>(row, i, live);
      sum[i] = hn::MulAdd(value, centred ? hn::Sub(x, middle[i]) : x, sum[i]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) store<N>(sum[i], to, i, live);
}

void accumulate_features(const Entry* order, const int32_t* starts, int64_t first, int64_t last, const float* values,
                         const float* rows, int64_t rows_stride, const float* center, int64_t d, float* dweight,
                         int64_t dweight_stride) {
  for (int64_t j = first; j < last; ++j) {
    const int64_t n = starts[j + 1] - starts[j];
    if (n == 0) continue;
    const Entry* entries = order + starts[j];
    for_strips<kStrip>(d, [&](int64_t column, auto vectors, M live) HWY_ATTR {
      constexpr int N = decltype(vectors)::count;
      float* to = dweight + j * dweight_stride + column;
      if (center) {
        accumulate_strip<N, true>(entries, n, values, rows + column, rows_stride, center + column, to, live);
      } else {
        accumulate_strip<N, false>(entries, n, values, rows + column, rows_stride, nullptr, to, live);
      }
    });
  }
}

void add_gather(Kernels* table) {
  table->decode_rows = decode_rows;
  table->dot_rows = dot_rows;
  table->accumulate_features = accumulate_features;
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
