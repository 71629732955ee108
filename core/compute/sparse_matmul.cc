// Bound by the FMA ports and by the reading of the stored values (17 MB at d = 64, m = 2048 and half of all stored), which come
// from L3 or memory. Laying out the right side happens once per op.
#include "core/compute/sparse_matmul.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/compute/matmul_kernels.h"
#include "core/compute/simd_convert.h"

namespace heddle::cpu {
namespace {

using Word = uint32_t;  // of a product: a float or a pair of bf16

constexpr int64_t kRowsOfTask = 96;
constexpr int64_t kTileRows = 24;  // of a task at a time: a tile of kChunk features takes 48 KiB
constexpr int64_t kChunk = 512;    // features
// Of the gradient: a block of codes laid out dense stays in L3.
constexpr int64_t kBlockBytes = int64_t{4} << 20;
constexpr int64_t kMostBlockRows = 512;
constexpr int64_t kRowsOfLayout = 16, kFeaturesOfTask = 64;
constexpr int64_t kPad = 16;  // words: tile rows are not whole pages apart, or columns would share a set of L1

// Shares of stored entries from which the dense way is faster. Measured with B = 4096 on one Zen 5 core with m = 2048, where both
// ways take the same time; bf16 halves what the dense way costs:
//                    d = 64       256         512
//   gradients  f32   .26          .27         .24
//              bf16  .20-.25      .17         .135
//   backward   f32   never         .43         .38
//              bf16  .33          .16         .15
// (weight gradients at d = 512 and half of all stored: f32 46 ms against 77, bf16 26.) Decoding is never slower by the tiles of
// sparse_products.cc, which need no ordering by columns: 41 ms against 44 at d = 512.
constexpr int64_t kWide = 128;
struct Shares {
  double narrow, wide;  // d below kWide and from there
};
constexpr Shares kGradient = {0.26, 0.26}, kGradientBf16 = {0.22, 0.15};
constexpr Shares kBackward = {2.0, 0.42}, kBackwardBf16 = {0.33, 0.16};

int64_t whole(int64_t features) { return ceil_div(features, 16) * 16; }
const uint16_t* sixteens(const RowMasks& masks, int64_t row, int64_t feature) {
  return reinterpret_cast<const uint16_t*>(masks.of(row)) + feature / 16;
}

ProductInputs inputs_of(const heddle_codes* codes) {
  return ProductInputs(data_of(codes).precision == HEDDLE_PRECISION_BF16);
}

// A weight matrix [features, d], turned round, as right side in chunks of features.
struct Chunks {
  Chunks(CpuContext& c, const ProductInputs& by, const DLTensor* weight, const char* op)
      : features(dim(weight, 0)),
        d(dim(weight, 1)),
        count(ceil_div(features, kChunk)),
        step(panel_words(by.kernel, d, std::min(kChunk, features))),
        panels(c.arena.need<Word>(count * step, op)) {
    c.pool.run(count, [&](int64_t chunk) {
      const float* from = data<float>(weight) + first(chunk) * rows_apart(weight);
      lay_out_panels(by.kernel, from, 1, rows_apart(weight), d, size(chunk), by.round, panels + chunk * step);
    });
  }
  int64_t first(int64_t chunk) const { return chunk * kChunk; }
  int64_t size(int64_t chunk) const { return std::min(kChunk, features - first(chunk)); }
  int64_t features, d, count, step;
  Word* panels;
};

// Some columns of the right side of a weight gradient: rows less the centre.
void lay_out_centred(const ProductInputs& by, const float* rows, int64_t stride, int64_t count, int64_t columns,
                     const float* center, Arena& arena, Word* panels) {
  if (center != nullptr) {
    float* centred = arena.need<float>(count * columns, "codes_weight_gradient");
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t k = 0; k < columns; ++k) centred[r * columns + k] = rows[r * stride + k] - center[k];
    }
    rows = centred;
    stride = columns;
  }
  lay_out_panels(by.kernel, rows, stride, 1, count, columns, by.round, panels);
}

}  // namespace

bool worth_dense(CodesProduct product, const heddle_codes* codes, int64_t d) {
  if (d == 0) return false;
  // By what was asked for, not by what the processor has: what is rounded must not depend on it.
  const bool bf16 = data_of(codes).precision == HEDDLE_PRECISION_BF16;
  const Shares& from =
      product == CodesProduct::gradient ? (bf16 ? kGradientBf16 : kGradient) : (bf16 ? kBackwardBf16 : kBackward);
  return stored_share(codes) >= (d < kWide ? from.narrow : from.wide);
}

bool worth_masks(const heddle_codes* codes) {
  return stored_share(codes) >= (data_of(codes).precision == HEDDLE_PRECISION_BF16 ? kGradientBf16 : kGradient).wide;
}

void codes_backward_dense(CpuContext& c, const heddle_codes* codes, const DLTensor* dy, const DLTensor* weight,
                          float l1, float* dvalues) {
  constexpr const char* op = "codes_backward";
  const ProductInputs by = inputs_of(codes);
  const RowMasks& masks = row_masks(c, codes);
  ArenaScope scope(c.arena);
  const Chunks right(c, by, weight, op);
  const sparse::Kernels& kernel = sparse::kernels();
  const int64_t d = right.d, words = by.words(d);
  const int64_t stride = whole(std::min(kChunk, right.features)) + kPad;
  c.pool.run(ceil_div(codes->rows, kRowsOfTask), [&](int64_t task, int worker) {
    Arena& arena = c.worker_arena(worker);
    ArenaScope own(arena);
    const int64_t row = task * kRowsOfTask, rows = std::min(kRowsOfTask, codes->rows - row);
    float* tile = arena.need<float>(kTileRows * stride, op);
    const float* from = data<float>(dy) + row * rows_apart(dy);
    const void* left = from;
    int64_t left_row = rows_apart(dy);
    if (by.pairs || by.round) {
      Word* rounded = arena.need<Word>(rows * words, op);
      for (int64_t r = 0; r < rows; ++r) by.lay_out_row(from + r * rows_apart(dy), d, rounded + r * words);
      left = rounded;
      left_row = words;
    }
    std::array<float*, kRowsOfTask> next;
    for (int64_t r = 0; r < rows; ++r) next[static_cast<size_t>(r)] = dvalues + codes->offsets[row + r];
    for (int64_t chunk = 0; chunk < right.count; ++chunk) {
      const int64_t size = right.size(chunk);
      for (int64_t r0 = 0; r0 < rows; r0 += kTileRows) {
        const int64_t m = std::min(kTileRows, rows - r0);
        by.kernel.multiply({m, size, words, static_cast<const Word*>(left) + r0 * left_row, left_row, 1,
                            right.panels + chunk * right.step, words * by.kernel.panel, tile, stride, false});
        for (int64_t r = 0; r < m; ++r) {
          float*& to = next[static_cast<size_t>(r0 + r)];
          to += kernel.compress(sixteens(masks, row + r0 + r, right.first(chunk)), size, tile + r * stride, l1, to);
        }
      }
    }
  });
}

// Block of rows by block of rows: codes laid out dense by tasks of rows, because their entries come from memory and want to be read
// in order; then multiplied by tasks of features.
void codes_weight_gradient_dense(CpuContext& c, const heddle_codes* codes, const float* values, const DLTensor* rows,
                                 const float* center, DLTensor* dweight) {
  constexpr const char* op = "codes_weight_gradient";
  const ProductInputs by = inputs_of(codes);
  const RowMasks& masks = row_masks(c, codes);
  ArenaScope scope(c.arena);
  const sparse::Kernels& kernel = sparse::kernels();
  const int64_t d = dim(rows, 1), stride = whole(codes->width) + kPad;
  const int64_t most = std::clamp(kBlockBytes / (4 * stride) * by.kernel.depth / kRowsOfLayout * kRowsOfLayout,
                                  kRowsOfLayout, kMostBlockRows);
  const int64_t room = std::min(most, codes->rows);
  Word* dense = c.arena.need<Word>(by.words(room) * stride, op);
  Word* panels = c.arena.need<Word>(panel_words(by.kernel, room, d), op);
  for (int64_t row = 0; row < codes->rows; row += most) {
    const int64_t count = std::min(most, codes->rows - row), words = by.words(count);
    // One task per panel of the right side, then those of the codes.
    const int64_t width = by.kernel.panel, right = ceil_div(d, width);
    c.pool.run(right + ceil_div(count, kRowsOfLayout), [&](int64_t task, int worker) {
      if (task < right) {
        Arena& arena = c.worker_arena(worker);
        ArenaScope own(arena);
        const int64_t column = task * width;
        lay_out_centred(by, data<float>(rows) + row * rows_apart(rows) + column, rows_apart(rows), count,
                        std::min(width, d - column), center ? center + column : nullptr, arena,
                        panels + column * words);
        return;
      }
      const int64_t first = (task - right) * kRowsOfLayout;
      for (int64_t r = first; r < std::min(count, first + kRowsOfLayout); r += by.pairs ? 2 : 1) {
        const auto mask_of = [&](int64_t at) { return sixteens(masks, row + at, 0); };
        const auto values_of = [&](int64_t at) { return values + codes->offsets[row + at]; };
        if (by.pairs) {
          const bool two = r + 1 < count;
          const uint16_t* const mask[2] = {mask_of(r), two ? mask_of(r + 1) : nullptr};
          const float* const from[2] = {values_of(r), two ? values_of(r + 1) : nullptr};
          kernel.expand_rows(mask, codes->width, from, dense + r / 2 * stride);
        } else {
          auto* to = reinterpret_cast<float*>(dense + r * stride);
          kernel.expand(mask_of(r), codes->width, values_of(r), to);
          if (by.round) round_to_bf16(to, to, codes->width);
        }
      }
    });
    c.pool.run(ceil_div(codes->width, kFeaturesOfTask), [&](int64_t task) {
      const int64_t first = task * kFeaturesOfTask;
      by.kernel.multiply({std::min(kFeaturesOfTask, codes->width - first), d, words, dense + first, 1, stride, panels,
                          words * by.kernel.panel, data<float>(dweight) + first * rows_apart(dweight),
                          rows_apart(dweight), true});
    });
  }
}

}  // namespace heddle::cpu
