// Lays the right side of a product out in panels. Bound by the stores of its words; it happens once per op, a small share of
// one with many rows.
#include "core/compute/matmul_kernels.h"
#include "core/compute/simd.h"
#include "core/compute/simd_convert.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/compute/matmul_panels.cc"
#include "hwy/foreach_target.h"

#include "core/compute/transpose-inl.h"

HWY_BEFORE_NAMESPACE();
namespace heddle::cpu::HWY_NAMESPACE {

void Transpose(const float* from, int64_t ld, int64_t rows, int64_t width, float* to, int64_t ldt) {
  pack_transposed(from, ld, rows, width, to, ldt);
}

}  // namespace heddle::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <cstring>

namespace heddle::cpu {
namespace {

HWY_EXPORT(Transpose);

constexpr int64_t kStripColumns = 64, kStripDepth = 128;  // converted at a time: 32 KiB of words

// One panel, from rows of B.
void rows_f32(const float* b, int64_t row, int64_t k, int64_t columns, int64_t width, bool round, float* panel) {
  for (int64_t i = 0; i < k; ++i) {
    if (round) {
      round_to_bf16(b + i * row, panel + i * width, columns);
    } else {
      std::memcpy(panel + i * width, b + i * row, static_cast<size_t>(columns) * sizeof(float));
    }
  }
}

void rows_bf16(const float* b, int64_t row, int64_t k, int64_t columns, int64_t width, uint32_t* panel) {
  uint16_t low[kStripColumns], high[kStripColumns] = {};
  for (int64_t j0 = 0; j0 < columns; j0 += kStripColumns) {
    const int64_t count = std::min(kStripColumns, columns - j0);
    for (int64_t i = 0; i < (k + 1) / 2; ++i) {
      to_bf16(b + 2 * i * row + j0, low, count);
      if (2 * i + 1 < k) {
        to_bf16(b + (2 * i + 1) * row + j0, high, count);
      } else {
        std::memset(high, 0, sizeof high);
      }
      for (int64_t j = 0; j < count; ++j) panel[i * width + j0 + j] = uint32_t{low[j]} | uint32_t{high[j]} << 16;
    }
  }
}

// One panel, from columns of B that lie `column` apart, each contiguous.
void columns_f32(const float* b, int64_t column, int64_t k, int64_t columns, int64_t width, bool round, float* panel) {
  if (!round) return HWY_DYNAMIC_DISPATCH(Transpose)(b, column, columns, k, panel, width);
  float strip[kStripColumns * kStripDepth];
  for (int64_t j0 = 0; j0 < columns; j0 += kStripColumns) {
    const int64_t count = std::min(kStripColumns, columns - j0);
    for (int64_t i0 = 0; i0 < k; i0 += kStripDepth) {
      const int64_t depth = std::min(kStripDepth, k - i0);
      for (int64_t j = 0; j < count; ++j) round_to_bf16(b + (j0 + j) * column + i0, strip + j * kStripDepth, depth);
      HWY_DYNAMIC_DISPATCH(Transpose)(strip, kStripDepth, count, depth, panel + i0 * width + j0, width);
    }
  }
}

void columns_bf16(const float* b, int64_t column, int64_t k, int64_t columns, int64_t width, uint32_t* panel) {
  alignas(64) uint16_t strip[kStripColumns * 2 * kStripDepth];
  for (int64_t j0 = 0; j0 < columns; j0 += kStripColumns) {
    const int64_t count = std::min(kStripColumns, columns - j0);
    for (int64_t i0 = 0; i0 < k; i0 += 2 * kStripDepth) {
      const int64_t depth = std::min(2 * kStripDepth, k - i0);
      for (int64_t j = 0; j < count; ++j) {
        to_bf16(b + (j0 + j) * column + i0, strip + j * 2 * kStripDepth, depth);
        if (depth % 2 != 0) strip[j * 2 * kStripDepth + depth] = 0;
      }
      HWY_DYNAMIC_DISPATCH(Transpose)
      (reinterpret_cast<const float*>(strip), kStripDepth, count, (depth + 1) / 2,
       reinterpret_cast<float*>(panel + i0 / 2 * width + j0), width);
    }
  }
}

}  // namespace

ProductInputs::ProductInputs(bool bf16)
    : kernel(bf16 && native_bf16() ? bf16_matmul() : f32_matmul()), pairs(kernel.depth == 2), round(bf16 && !pairs) {}

void ProductInputs::lay_out_row(const float* row, int64_t n, void* to) const {
  if (pairs) {
    auto* halves = static_cast<uint16_t*>(to);
    if (n % 2 != 0) halves[n] = 0;
    to_bf16(row, halves, n);
  } else if (round) {
    round_to_bf16(row, static_cast<float*>(to), n);
  } else {
    std::memcpy(to, row, static_cast<size_t>(n) * sizeof(float));
  }
}

int64_t panel_words(const MatmulKernel& kernel, int64_t k, int64_t n) {
  return (k + kernel.depth - 1) / kernel.depth * ((n + kernel.panel - 1) / kernel.panel) * kernel.panel;
}

void lay_out_panels(const MatmulKernel& kernel, const float* b, int64_t row, int64_t column, int64_t k, int64_t n,
                    bool round, void* panels) {
  const int64_t width = kernel.panel, words = (k + kernel.depth - 1) / kernel.depth;
  for (int64_t first = 0; first < n; first += width) {
    const int64_t columns = std::min(width, n - first);
    auto* panel = static_cast<uint32_t*>(panels) + first * words;
    auto* values = reinterpret_cast<float*>(panel);
    if (columns < width) std::memset(panel, 0, static_cast<size_t>(words * width) * sizeof *panel);
    if (kernel.depth == 2) {
      if (column == 1) rows_bf16(b + first, row, k, columns, width, panel);
      else columns_bf16(b + first * column, column, k, columns, width, panel);
    } else {
      if (column == 1) rows_f32(b + first, row, k, columns, width, round, values);
      else columns_f32(b + first * column, column, k, columns, width, round, values);
    }
  }
}

}  // namespace heddle::cpu
#endif
