// The product of matmul_kernels.h in pieces of 16 rows by a panel of 64 columns, by a unit that multiplies tiles: 16 rows of 16
// words by 16 words of 16 columns into 16 x 16 sums. Bound by that unit: five tile loads of 16 lines stand beside four tile
// products of 16 steps each.
//
// Tiles is the unit: AMX (matmul_amx.cc), or in a test a model of it in plain C++, because AMX is rare. Of its eight tiles 0 to
// 3 hold sums, 4 takes A and 5 takes B:
//   Tiles(rows, words)          for tiles of A of that size; sums are rows x 16, B is words x 16
//   zero<i>(), load_sums<i>(const float*, ld), store_sums<i>(float*, ld)
//   load_a(const uint32_t*, ld), load_b(const uint32_t*, ld), multiply<i>()   ld in words
// Its words are pairs of bf16. A product of tiles adds up its even and its odd halves apart and puts both onto the sum (Intel's
// manual of TDPBF16PS; denormals count as 0), so that bits depend on the steps of 16 words: these start at k = 0 always.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "core/compute/matmul_kernels.h"

namespace heddle::cpu {

inline constexpr int64_t kTileRowsAmx = 16, kTileWords = 16, kTileColumns = 16, kPanelAmx = 64;

// Rows of A as the unit loads them: word after word. A transposed A is turned round, a block of at most 16 x 16 words.
struct AmxLeft {
  const uint32_t* words;
  int64_t ld;
};
inline AmxLeft amx_left(const MatmulArgs& x, int64_t row, int64_t rows, int64_t k, int64_t words, uint32_t* block) {
  const uint32_t* a = static_cast<const uint32_t*>(x.a) + row * x.a_row + k * x.a_k;
  if (x.a_k == 1) return {a, x.a_row};
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t w = 0; w < words; ++w) block[r * kTileWords + w] = a[r * x.a_row + w * x.a_k];
  }
  return {block, kTileWords};
}

// Columns [16 i, 16 i + 16) of a panel's sums in C; those beyond C's last column go through a square of their own.
struct AmxSums {
  float* c;
  int64_t ld, columns;
  alignas(64) float square[kTileRowsAmx * kTileColumns];

  bool partial(int64_t i) const { return columns < (i + 1) * kTileColumns; }
  int64_t inside(int64_t i) const { return columns - i * kTileColumns; }  // <= 0: none
  template <class Tiles, int i>
  void load(Tiles& tiles, int64_t rows, bool add) {
    if (!add || inside(i) <= 0) return tiles.template zero<i>();
    if (!partial(i)) return tiles.template load_sums<i>(c + i * kTileColumns, ld);
    std::memset(square, 0, sizeof square);
    for (int64_t r = 0; r < rows; ++r)
      std::memcpy(square + r * kTileColumns, c + r * ld + i * kTileColumns,
                  static_cast<size_t>(inside(i)) * sizeof(float));
    tiles.template load_sums<i>(square, kTileColumns);
  }
  template <class Tiles, int i>
  void store(Tiles& tiles, int64_t rows) {
    if (inside(i) <= 0) return;
    if (!partial(i)) return tiles.template store_sums<i>(c + i * kTileColumns, ld);
    tiles.template store_sums<i>(square, kTileColumns);
    for (int64_t r = 0; r < rows; ++r)
      std::memcpy(c + r * ld + i * kTileColumns, square + r * kTileColumns,
                  static_cast<size_t>(inside(i)) * sizeof(float));
  }
};

// All panels for rows [row, row + count) in pieces of `rows`, words [k, k + depth) in steps of `words`; both divide.
template <class Tiles>
void amx_pass(const MatmulArgs& x, int64_t row, int64_t count, int64_t rows, int64_t k, int64_t depth, int64_t words,
              bool add) {
  Tiles tiles(rows, words);
  alignas(64) uint32_t block[kTileRowsAmx * kTileWords];
  AmxSums sums{};
  sums.ld = x.ldc;
  for (int64_t column = 0; column < x.n; column += kPanelAmx) {
    const uint32_t* panel = static_cast<const uint32_t*>(x.b) + column / kPanelAmx * x.b_panel;
    sums.columns = x.n - column < kPanelAmx ? x.n - column : kPanelAmx;
    for (int64_t r = row; r < row + count; r += rows) {
      sums.c = x.c + r * x.ldc + column;
      sums.template load<Tiles, 0>(tiles, rows, add);
      sums.template load<Tiles, 1>(tiles, rows, add);
      sums.template load<Tiles, 2>(tiles, rows, add);
      sums.template load<Tiles, 3>(tiles, rows, add);
      for (int64_t w = k; w < k + depth; w += words) {
        const AmxLeft left = amx_left(x, r, rows, w, words, block);
        const uint32_t* right = panel + w * kPanelAmx;
        tiles.load_a(left.words, left.ld);
        tiles.load_b(right, kPanelAmx);
        tiles.template multiply<0>();
        tiles.load_b(right + kTileColumns, kPanelAmx);
        tiles.template multiply<1>();
        tiles.load_b(right + 2 * kTileColumns, kPanelAmx);
        tiles.template multiply<2>();
        tiles.load_b(right + 3 * kTileColumns, kPanelAmx);
        tiles.template multiply<3>();
      }
      sums.template store<Tiles, 0>(tiles, rows);
      sums.template store<Tiles, 1>(tiles, rows);
      sums.template store<Tiles, 2>(tiles, rows);
      sums.template store<Tiles, 3>(tiles, rows);
    }
  }
}

template <class Tiles>
void amx_multiply(const MatmulArgs& x) {
  const int64_t rows = x.m / kTileRowsAmx * kTileRowsAmx, depth = x.k / kTileWords * kTileWords;
  const auto all_rows = [&](int64_t k, int64_t count, int64_t words, bool add) {
    if (rows > 0) amx_pass<Tiles>(x, 0, rows, kTileRowsAmx, k, count, words, add);
    if (rows < x.m) amx_pass<Tiles>(x, rows, x.m - rows, x.m - rows, k, count, words, add);
  };
  // 64 words at a time: a panel's share of B, 16 KiB, stays in L1 while all rows go over it. Then a shallower last step.
  constexpr int64_t kPassWords = 4 * kTileWords;
  for (int64_t k = 0; k < depth; k += kPassWords)
    all_rows(k, depth - k < kPassWords ? depth - k : kPassWords, kTileWords, x.add || k > 0);
  if (depth < x.k) all_rows(depth, x.k - depth, x.k - depth, x.add || depth > 0);
  if (x.k == 0 && !x.add) {
    for (int64_t r = 0; r < x.m; ++r) std::memset(x.c + r * x.ldc, 0, static_cast<size_t>(x.n) * sizeof(float));
  }
}

// Does a small product come out right? Of small numbers, which every way of adding gives exactly.
template <class Tiles>
bool amx_multiplies_rightly() {
  constexpr int64_t m = 19, n = 70, k = 90;  // words: more than one pass, and a shallow last step
  const auto value = [](size_t i) {          // 1, 1.5 or 2
    return 0x3F80u + (static_cast<uint32_t>(i) * 2654435761u >> 13) % 3 * 0x40u;
  };
  const auto number = [](uint32_t bits) { return bits == 0x3F80 ? 1.0f : bits == 0x3FC0 ? 1.5f : 2.0f; };
  std::vector<uint32_t> a(m * k), b(k * 2 * kPanelAmx);
  for (size_t i = 0; i < a.size(); ++i) a[i] = value(2 * i) | value(2 * i + 1) << 16;
  for (size_t i = 0; i < b.size(); ++i) b[i] = value(3 * i + 1) | value(5 * i) << 16;
  std::vector<float> c(m * n, 1.0f);
  amx_multiply<Tiles>({m, n, k, a.data(), k, 1, b.data(), k * kPanelAmx, c.data(), n, true});
  // Again with A turned round: so it is twice the product, on top of 1.
  std::vector<uint32_t> turned(a.size());
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t w = 0; w < k; ++w) turned[static_cast<size_t>(w * m + i)] = a[static_cast<size_t>(i * k + w)];
  }
  amx_multiply<Tiles>({m, n, k, turned.data(), 1, m, b.data(), k * kPanelAmx, c.data(), n, true});
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      float want = 1;
      for (int64_t w = 0; w < k; ++w) {
        const uint32_t left = a[static_cast<size_t>(i * k + w)];
        const uint32_t right = b[static_cast<size_t>(j / kPanelAmx * k * kPanelAmx + w * kPanelAmx + j % kPanelAmx)];
        want += 2 * (number(left & 0xFFFF) * number(right & 0xFFFF) + number(left >> 16) * number(right >> 16));
      }
      if (c[static_cast<size_t>(i * n + j)] != want) return false;
    }
  }
  return true;
}

}  // namespace heddle::cpu
