// Kernels of cross_entropy: what happens to a tile of logits. One thread each. [any thread]
#pragma once

#include <cstdint>

namespace heddle::cpu {

// tile [rows,n] of logits: adds bias (may be null), stores the row maximum, replaces logits by e^(logit - maximum) and
// stores their sum. Where targets[r] - first lies in [0,n), that logit with its bias goes to target_logit[r].
void softmax_tile(float* tile, int64_t rows, int64_t n, const float* bias, const int32_t* targets, int64_t first,
                  float* maximum, float* sum, float* target_logit);

// For each of `rows` rows (a multiple of 16) over `chunks` chunks laid out [chunk][row]: normaliser[r] = ln of the
// whole sum; maximum[chunk][r] becomes the factor e^(maximum - normaliser) that turns a chunk's exponentials into
// probabilities.
void combine_chunks(float* maximum, const float* sum, int64_t chunks, int64_t rows, float* normaliser);

// y[r] = factor[r] * scale * x[r]; all [rows,n] dense.
void scale_rows(const float* x, const float* factor, float scale, float* y, int64_t rows, int64_t n);
// y[r] += factor[r] * scale * x[r].
void add_scaled_row(const float* x, float factor, float* y, int64_t n);
// sum[n] += scale * sum_r factor[r] tile[r].
void weighted_column_sum(const float* tile, const float* factor, float scale, float* sum, int64_t rows, int64_t n);

}  // namespace heddle::cpu
