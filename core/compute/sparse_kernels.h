// Vector kernels of the sparse-code ops, one set per instruction set, chosen once per process (Highway run-time
// dispatch). They know nothing of tensors, threads or errors: raw pointers, a range of rows or features, no allocation.
//
// The order of every sum is fixed per output element (encode and the weight gradients: one chain of fused multiply-adds),
// so the bits depend neither on which rows share a call nor on the tiling. [any thread]
#pragma once

#include <cstdint>

namespace heddle::cpu::sparse {

// Features are packed in panels of this many columns: a multiple of every vector length.
constexpr int64_t kPanel = 32;
// Every staged row has this many elements beyond its width: compressed vectors are stored whole, then overwritten.
constexpr int64_t kStageSlack = 16;

enum class Rule { floor, threshold, margin };

// How numbers enter the encoder's products: as they are, rounded to bf16 and kept as floats, or as bf16 in pairs adjacent in the
// input (a lone last one is paired with zero).
enum class Words { f32, rounded, pairs };

// A block of rows against all packed panels; what passes the rule is appended to each row's staging area.
struct EncodeBlock {
  const float* x;  // [rows, d]
  int64_t x_stride, rows, d;
  const float* center;  // [d] or null
  bool round_bf16;      // round x - center to bf16 first (encode_block_bf16 does so always)
  const float* panels;  // [panels][words of d][kPanel], by `pack`
  int64_t panel_count;
  const float* bias;       // [panels * kPanel], -inf where no feature stands
  const float* threshold;  // the same, +inf there; rules threshold and margin
  const int32_t* ids;      // feature of each column
  Rule rule;
  float floor;       // Rule::floor keeps p > floor
  float margin;      // Rule::margin keeps p > threshold - margin, as 0 unless p > threshold
  float* packed_x;   // scratch, at least rows * d, 64-byte aligned
  float* values;     // [rows, stage_stride]
  int32_t* indices;  // the same
  float* pre;        // the same, Rule::margin only
  int64_t stage_stride;
  int64_t* counts;  // [rows], overwritten
  // How many entries of each row stand before every starts_every-th panel, or null: the i-th of these at
  // starts[i * starts_stride]; all of the row's in the last.
  int32_t* starts;
  int64_t starts_stride, starts_every;
  // One bit per column that was kept, [rows, masks_stride bytes], or null; zero before.
  uint8_t* masks;
  int64_t masks_stride;
};

// Columns of a strip: what the tile kernels hold in registers at once.
constexpr int64_t kStrip = 64;

// The entries of some rows that lie in a tile of a weight matrix: features from `first` on, one strip of columns.
struct Tile {
  const int64_t* offsets;  // [rows]
  const int32_t* begins;   // [rows] place within its row of the row's first entry in the tile
  const int32_t* ends;     // [rows] the same behind the last
  int64_t rows;
  const int32_t* indices;
  int64_t first;        // feature
  const float* weight;  // of feature `first`; whole vectors are read
  int64_t stride;       // floats from one feature to the next
  int64_t columns;      // 1 to kStrip
};

// Entries of a feature wait beside it until there are kTerms of them, so that its sums are loaded and stored once for all
// of these.
struct Term {
  int32_t row;
  float value;
};
constexpr int64_t kTerms = 32;

// Where the gradient of the weights comes from and goes to; scratch is 64-byte aligned.
struct Gradient {
  const float* x;  // [rows of the tile, d]
  int64_t x_stride, d;
  const float* center;  // [d] or null
  float* weight;        // [features, d]
  int64_t stride, features;
  Term* terms;      // scratch of gradient_tile: [features, kTerms]
  int32_t* counts;  // and [features]
};

struct Kernels {
  // Turns `count` <= kPanel rows of d numbers round, less the centre (or null): word k of row r to to[k * apart + r]. A row that
  // is null gives zeros.
  void (*pack)(const float* const* rows, int64_t count, int64_t d, const float* center, Words words, int64_t apart,
               float* to);
  void (*encode_block)(const EncodeBlock& block);
  // The same with bf16 inputs by the processor's dot instruction, where native_bf16(): words are pairs.
  void (*encode_block_bf16)(const EncodeBlock& block);

  // The k-th largest of n >= k >= 1 values; *above = how many are larger. scratch: n + kStageSlack floats. Values > 0.
  float (*kth_largest)(const float* values, int64_t n, int64_t k, float* scratch, int64_t* above);
  // Keeps values > limit and the first *ties values == limit (in order; *ties counts down), compacting to the left:
  // to_values/to_indices may be the sources themselves or lie before them in the same arrays. Returns how many were
  // kept.
  int64_t (*keep_largest)(const float* values, const int32_t* indices, int64_t n, float limit, int64_t* ties,
                          float* to_values, int32_t* to_indices);
  int64_t (*count_nonzero)(const float* values, int64_t n);
  // Appends the entries of x != 0 as (value, index); needs kStageSlack elements to spare. Returns how many.
  int64_t (*compress_nonzero)(const float* x, int64_t n, float* values, int32_t* indices);

  // y[b] = bias + sum_i values[i] weight[indices[i]], entries in order, for `rows` rows whose offsets are given.
  void (*decode_rows)(const int64_t* offsets, int64_t rows, const int32_t* indices, const float* values,
                      const float* weight, int64_t weight_stride, const float* bias, int64_t d, float* y,
                      int64_t y_stride);
  // dvalues[i] = <dy[row(i)], weight[indices[i]]> + add.
  void (*dot_rows)(const int64_t* offsets, int64_t rows, const int32_t* indices, const float* dy, int64_t dy_stride,
                   const float* weight, int64_t weight_stride, int64_t d, float add, float* dvalues);
  // The same over the entries of a tile. y += values weight; values as a chain in the order of entries, so that any way
  // of cutting features into tiles gives the same bits, decode_rows included.
  void (*decode_tile)(const Tile& tile, const float* values, float* y, int64_t y_stride);
  // dvalues[i] = <dy, weight> + add, or dvalues[i] += <dy, weight> where `more` says that another strip was there.
  void (*dot_tile)(const Tile& tile, const float* dy, int64_t dy_stride, float add, bool more, float* dvalues);
  // A strip of a matrix to [features][kStrip], zeros beyond the columns; 64-byte aligned.
  void (*pack_tile)(const float* weight, int64_t stride, int64_t features, int64_t columns, float* tile);
  // weight[j] += sum over the entries of feature j, rows ascending, of value * (x - center): one chain. The tile's weights
  // are not used.
  void (*gradient_tile)(const Tile& tile, const float* values, const Gradient& gradient);
  // Dense rows from stored entries and back. mask: one bit per feature, from a multiple of 16 on; features are done in
  // sixteens, the last ones beyond the mask's own being zero bits. values: of the row's first entry there. Returns how many
  // entries there were.
  int64_t (*expand)(const uint16_t* mask, int64_t features, const float* values, float* to);
  // A pair of rows as words of bf16 (matmul_kernels.h); the second mask may be null.
  void (*expand_rows)(const uint16_t* const mask[2], int64_t features, const float* const values[2], uint32_t* to);
  // sums[feature] += value.
  void (*add_columns)(const uint16_t* mask, int64_t features, const float* values, double* sums);
  // values = add + those of `from` whose bit is set.
  int64_t (*compress)(const uint16_t* mask, int64_t features, const float* from, float add, float* values);
  // Sum of squares of x - y over one row; dy (when not null) receives y - x.
  double (*residual_row)(const float* x, const float* y, int64_t d, float* dy);
  void (*scale_row)(float scale, int64_t d, float* y);
  // *sum_abs += sum |v|, *active += count of v != 0, *smallest = min(*smallest, v > 0).
  void (*summary)(const float* values, int64_t n, double* sum_abs, int64_t* active, double* smallest);
};

// The set of this process: the best one that the processor has and the device allows.
const Kernels& kernels();

}  // namespace heddle::cpu::sparse
