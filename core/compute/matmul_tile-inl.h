// The inner loops of a matrix product whose right side is laid out in panels (matmul_kernels.h). Bound by the two FMA ports:
// a tile of 6 rows by one panel keeps 24 (AVX-512) or 12 (AVX2) sums in registers, so that each step over k costs one vector
// load per four or six multiply-adds besides the broadcasts, which fold into them. Measured on Zen 5: docs/benchmarks.md.
//
// Every sum adds its products in ascending k, one fused multiply-add each, whatever the tile that it falls into: a row's bits
// depend neither on the other rows nor on how k is cut.
//
// Included inside a namespace that declares, for its instruction set:
//   Word             what one step over k takes from a and from b: a float, or a pair of bf16
//   Sum, Words       vectors of sums and of words, kLanes of each; kTileVectors: vectors per panel; kTileRows is 6
//   Sum zero(), load(const float*), load_first(const float*, int64_t n), multiply_add(Words a, Words b, Sum)
//   Words load_words(const Word*), broadcast(const Word*)
//   void store(Sum, float*), store_first(Sum, float*, int64_t n)

constexpr int64_t kPanelWords = kTileVectors * kLanes;
// Steps over k per pass: a panel's share of b, 16 KiB with AVX-512, stays in L1 while all rows go over it.
constexpr int64_t kPassDepth = 64;

template <int kRows, int kVectors>
HWY_INLINE void multiply_tile(const MatmulArgs& x, const Word* HWY_RESTRICT a, const Word* HWY_RESTRICT b,
                              int64_t depth, float* HWY_RESTRICT c, int64_t columns, bool add) {
  const bool whole = columns == kVectors * kLanes;
  const int64_t last = columns - (kVectors - 1) * kLanes;
  Sum sum[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const float* from = c + r * x.ldc + v * kLanes;
      sum[r][v] = !add ? zero() : whole || v + 1 < kVectors ? load(from) : load_first(from, last);
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    Words right[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) right[v] = load_words(b + k * kPanelWords + v * kLanes);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Words left = broadcast(a + r * x.a_row + k * x.a_k);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sum[r][v] = multiply_add(left, right[v], sum[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      float* to = c + r * x.ldc + v * kLanes;
      if (whole || v + 1 < kVectors) {
        store(sum[r][v], to);
      } else {
        store_first(sum[r][v], to, last);
      }
    }
  }
}

template <int kVectors>
HWY_INLINE void multiply_panel(const MatmulArgs& x, const Word* a, const Word* b, int64_t depth, float* c,
                               int64_t columns, bool add) {
  int64_t r = 0;
  for (; r + 6 <= x.m; r += 6) multiply_tile<6, kVectors>(x, a + r * x.a_row, b, depth, c + r * x.ldc, columns, add);
  if (r + 4 <= x.m) {
    multiply_tile<4, kVectors>(x, a + r * x.a_row, b, depth, c + r * x.ldc, columns, add);
    r += 4;
  }
  if (r + 2 <= x.m) {
    multiply_tile<2, kVectors>(x, a + r * x.a_row, b, depth, c + r * x.ldc, columns, add);
    r += 2;
  }
  if (r < x.m) multiply_tile<1, kVectors>(x, a + r * x.a_row, b, depth, c + r * x.ldc, columns, add);
}

void multiply(const MatmulArgs& x) {
  const auto* a = static_cast<const Word*>(x.a);
  const auto* b = static_cast<const Word*>(x.b);
  for (int64_t column = 0; column < x.n; column += kPanelWords) {
    const int64_t columns = x.n - column < kPanelWords ? x.n - column : kPanelWords;
    for (int64_t k = 0; k == 0 || k < x.k; k += kPassDepth) {
      const int64_t depth = x.k - k < kPassDepth ? x.k - k : kPassDepth;
      const bool add = x.add || k > 0;
      const Word* from = a + k * x.a_k;
      const Word* panel = b + column / kPanelWords * x.b_panel + k * kPanelWords;
      float* to = x.c + column;
      if (columns > 2 * kLanes) {
        if constexpr (kTileVectors == 4) {
          if (columns > 3 * kLanes) {
            multiply_panel<4>(x, from, panel, depth, to, columns, add);
          } else {
            multiply_panel<3>(x, from, panel, depth, to, columns, add);
          }
        }
      } else if (columns > kLanes) {
        multiply_panel<2>(x, from, panel, depth, to, columns, add);
      } else {
        multiply_panel<1>(x, from, panel, depth, to, columns, add);
      }
    }
  }
}
