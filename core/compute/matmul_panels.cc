// Lays the right side of a product out in panels. Bound by the store of each word; it happens once per op, a small share.
#include <algorithm>
#include <cstring>

#include "core/compute/matmul_kernels.h"
#include "core/compute/simd_convert.h"

namespace heddle::cpu {
namespace {

constexpr int64_t kStrip = 256;  // values converted at a time

void lay_out_f32(int64_t width, const float* b, int64_t row, int64_t column, int64_t k, int64_t n, bool round,
                 float* panels) {
  float strip[kStrip];
  for (int64_t first = 0; first < n; first += width) {
    const int64_t columns = std::min(width, n - first);
    float* panel = panels + first * k;
    if (columns < width) std::memset(panel, 0, static_cast<size_t>(k * width) * sizeof(float));
    if (column == 1) {
      for (int64_t i = 0; i < k; ++i) {
        const float* from = b + i * row + first;
        if (round) {
          round_to_bf16(from, panel + i * width, columns);
        } else {
          std::memcpy(panel + i * width, from, static_cast<size_t>(columns) * sizeof(float));
        }
      }
      continue;
    }
    for (int64_t j = 0; j < columns; ++j) {
      for (int64_t i0 = 0; i0 < k; i0 += kStrip) {
        const int64_t count = std::min(kStrip, k - i0);
        const float* from = b + (first + j) * column + i0;
        if (round) {
          round_to_bf16(from, strip, count);
          from = strip;
        }
        for (int64_t i = 0; i < count; ++i) panel[(i0 + i) * width + j] = from[i];
      }
    }
  }
}

void lay_out_bf16(int64_t width, const float* b, int64_t row, int64_t column, int64_t k, int64_t n, uint32_t* panels) {
  uint16_t low[kStrip], high[kStrip];
  const int64_t words = (k + 1) / 2;
  for (int64_t first = 0; first < n; first += width) {
    const int64_t columns = std::min(width, n - first);
    uint32_t* panel = panels + first * words;
    if (columns < width) std::memset(panel, 0, static_cast<size_t>(words * width) * sizeof *panel);
    if (column == 1) {
      for (int64_t i = 0; i < words; ++i) {
        for (int64_t j0 = 0; j0 < columns; j0 += kStrip) {
          const int64_t count = std::min(kStrip, columns - j0);
          to_bf16(b + 2 * i * row + first + j0, low, count);
          if (2 * i + 1 < k) {
            to_bf16(b + (2 * i + 1) * row + first + j0, high, count);
          } else {
            std::memset(high, 0, sizeof high);
          }
          for (int64_t j = 0; j < count; ++j) panel[i * width + j0 + j] = uint32_t{low[j]} | uint32_t{high[j]} << 16;
        }
      }
      continue;
    }
    for (int64_t j = 0; j < columns; ++j) {
      for (int64_t i0 = 0; i0 < k; i0 += kStrip) {  // kStrip is even: pairs stay whole
        const int64_t count = std::min(kStrip, k - i0);
        to_bf16(b + (first + j) * column + i0, low, count);
        if (count % 2 != 0) low[count] = 0;
        for (int64_t i = 0; i < count; i += 2)
          panel[(i0 + i) / 2 * width + j] = uint32_t{low[i]} | uint32_t{low[i + 1]} << 16;
      }
    }
  }
}

}  // namespace

int64_t panel_words(const MatmulKernel& kernel, int64_t k, int64_t n) {
  return (k + kernel.depth - 1) / kernel.depth * ((n + kernel.panel - 1) / kernel.panel) * kernel.panel;
}

void lay_out_panels(const MatmulKernel& kernel, const float* b, int64_t row, int64_t column, int64_t k, int64_t n,
                    bool round, void* panels) {
  if (kernel.depth == 2) {
    lay_out_bf16(kernel.panel, b, row, column, k, n, static_cast<uint32_t*>(panels));
  } else {
    lay_out_f32(kernel.panel, b, row, column, k, n, round, static_cast<float*>(panels));
  }
}

}  // namespace heddle::cpu
