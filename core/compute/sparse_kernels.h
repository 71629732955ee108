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

// A block of rows against all packed panels; what passes the rule is appended to each row's staging area.
struct EncodeBlock {
  const float* x;  // [rows, d]
  int64_t x_stride, rows, d;
  const float* center;  // [d] or null
  bool round_bf16;      // round x - center to bf16 first
  const float* panels;  // [panels][d][kPanel]
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
};

// Stored entries by feature, for one block of rows: the entries of feature j are order[starts[j]] ..
// order[starts[j+1]-1], rows ascending.
struct Entry {
  int32_t row;       // within the block
  int32_t position;  // of its value, within the block
};

// A block of dense codes: rows are laid out as a matrix, and so are the vectors that they multiply.
struct DenseBlock {
  const int64_t* offsets;  // [rows + 1]
  int64_t rows, width;
  const int32_t* indices;
  const float* values;
  const float* x;  // [rows, d]
  int64_t x_stride, d;
  const float* center;  // [d] or null
  float* dweight;       // [width, d]
  int64_t dweight_stride;
  float* codes;  // scratch [rows, codes_stride], codes_stride >= width + kStageSlack
  int64_t codes_stride;
  float* panel;  // scratch [rows, panel_stride], 64-byte aligned; panel_stride = d rounded up to kPanel
  int64_t panel_stride;
};

struct Kernels {
  // Packs rows ids[32*panel .. +32) of weight [m, d] into one panel, transposed; ids < 0 give zeros.
  void (*pack_panel)(const float* weight, int64_t stride, int64_t d, const int32_t* ids, bool round_bf16, float* panel);
  void (*encode_block)(const EncodeBlock& block);

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
  // dweight[j] += sum over the entries of feature j of values[position] * (rows[row] - center), for j in [first, last).
  void (*accumulate_features)(const Entry* order, const int32_t* starts, int64_t first, int64_t last,
                              const float* values, const float* rows, int64_t rows_stride, const float* center,
                              int64_t d, float* dweight, int64_t dweight_stride);
  // The same sums when codes are dense: first rows [first, last) of the block are laid out, then features [first, last)
  // of dweight receive all rows of the block.
  void (*lay_out_dense)(const DenseBlock& block, int64_t first, int64_t last);
  void (*multiply_dense)(const DenseBlock& block, int64_t first, int64_t last);
  // Sum of squares of x - y over one row; dy (when not null) receives y - x.
  double (*residual_row)(const float* x, const float* y, int64_t d, float* dy);
  void (*scale_row)(float scale, int64_t d, float* y);
  // *sum_abs += sum |v|, *active += count of v != 0, *smallest = min(*smallest, v > 0).
  void (*summary)(const float* values, int64_t n, double* sum_abs, int64_t* active, double* smallest);
};

// The set of this process: the best one that the processor has and the device allows.
const Kernels& kernels();

}  // namespace heddle::cpu::sparse
