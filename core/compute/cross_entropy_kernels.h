// Kernels of cross_entropy: what happens to a tile of logits. One thread each. [any thread]
#pragma once

#include <cstdint>

namespace heddle::cpu {

// tile [rows,n] of logits: adds bias (may be null), stores the row maximum, replaces logits by e^(logit - maximum) and
// stores their sum. Where targets[r] - first lies in [0,n), that logit with its bias goes to target_logit[r].
void softmax_tile(float* tile, int64_t rows, int64_t n, const float* bias, const int32_t* targets, int64_t first,
                  float* maximum, float* sum, float* target_logit);

// For 16 rows over `chunks` chunks that lie `stride` apart: normaliser[r] = ln of the whole sum; maximum[c * stride + r]
// becomes the factor e^(maximum - normaliser) that turns a chunk's exponentials into probabilities.
void combine_chunks(float* maximum, const float* sum, int64_t chunks, int64_t stride, float* normaliser);

// Exponentials [rows,n] laid out by item for the product that sums over rows: items in groups of 16, group g at
// kept + g * group, word (row word, item) at [row word, 16]. f32: a word is a value.
void keep_rows(const float* tile, int64_t rows, int64_t n, float* kept, int64_t group);

// Exponentials to bf16 twice: row after row into left (rows left_stride words apart; of odd n the last word's upper half is
// 0), and laid out as by keep_rows with rows 2i and 2i+1 side by side in a word (null: not wanted; a lone last row is paired
// with 0). Only where native_bf16().
void pair_rows(const float* tile, int64_t rows, int64_t n, uint32_t* left, int64_t left_stride, uint32_t* kept,
               int64_t group);

// y[r] = factor[r] * scale * x[r]; all [rows,n] dense.
void scale_rows(const float* x, const float* factor, float scale, float* y, int64_t rows, int64_t n);
// y += factor * x; [n].
void add_scaled_row(const float* x, float factor, float* y, int64_t n);

}  // namespace heddle::cpu
