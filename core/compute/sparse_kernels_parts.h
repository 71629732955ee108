// The translation units that fill the table of sparse_kernels.h; what they all include.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/compute/sparse_kernels.h"

namespace heddle::cpu::sparse {

// For each set of 8 lanes, the bytes of the lane numbers in it, ascending: the shuffle that moves them to the front.
struct CompressOrder8 {
  uint64_t order[256];
  constexpr CompressOrder8() : order() {
    for (int set = 0; set < 256; ++set) {
      int filled = 0;
      for (int lane = 0; lane < 8; ++lane) {
        if (set >> lane & 1) order[set] |= static_cast<uint64_t>(lane) << (8 * filled++);
      }
    }
  }
  constexpr const uint64_t& operator[](int set) const { return order[set]; }
};
inline constexpr CompressOrder8 kCompressOrder8;

// The reverse: for each set of 8 lanes, the bytes of the front lanes that go to them; any for the others.
struct ExpandOrder8 {
  uint64_t order[256];
  constexpr ExpandOrder8() : order() {
    for (int set = 0; set < 256; ++set) {
      uint64_t taken = 0;
      for (int lane = 0; lane < 8; ++lane) {
        order[set] |= taken << (8 * lane);
        taken += static_cast<uint64_t>(set >> lane & 1);
      }
    }
  }
  constexpr const uint64_t& operator[](int set) const { return order[set]; }
};
inline constexpr ExpandOrder8 kExpandOrder8;

// Called before each panel, and after the last.
inline __attribute__((always_inline)) void note_starts(const EncodeBlock& b, int64_t panel) {
  if (b.starts == nullptr || (panel % b.starts_every != 0 && panel != b.panel_count)) return;
  int32_t* starts = b.starts + (panel + b.starts_every - 1) / b.starts_every * b.starts_stride;
  for (int64_t row = 0; row < b.rows; ++row) starts[row] = static_cast<int32_t>(b.counts[row]);
}

// Some rows of a block as words of the encoder.
inline void pack_rows(const EncodeBlock& b, int64_t first, int64_t count, Words words, float* to) {
  const float* rows[kPanel];
  for (int64_t r = 0; r < count; ++r) rows[r] = b.x + (first + r) * b.x_stride;
  kernels().pack(rows, count, b.d, b.center, words, count, to);
}

void add_pack_kernels(Kernels* table);
void add_encode_kernels(Kernels* table);
void add_encode_bf16_kernels(Kernels* table);
void add_select_kernels(Kernels* table);
void add_gather_kernels(Kernels* table);
void add_tile_kernels(Kernels* table);
void add_dense_kernels(Kernels* table);
void add_reduce_kernels(Kernels* table);

}  // namespace heddle::cpu::sparse
