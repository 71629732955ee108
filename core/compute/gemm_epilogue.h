// What happens to a finished tile of a product on its way into C. [any thread]
#pragma once

#include <cstdint>

namespace heddle::cpu {

struct Epilogue {
  float alpha, beta;
  int32_t activation;  // HEDDLE_ACTIVATION_*
};

// A tile [m,n] of the product: v = alpha * product + bias; pre = v; c = activation(v) + beta * c. bias and pre may be
// null; with beta 0 the old c is not read. ld*: row strides.
struct EpilogueTile {
  Epilogue epilogue;
  const float* product;
  int64_t ld;
  const float* bias;
  float* pre;
  int64_t ldpre;
  float* c;
  int64_t ldc;
  int64_t m, n;
  bool stream_pre;  // pre goes past the caches: it is larger than they are, and only the backward will read it
};
void epilogue_tile(const EpilogueTile& tile);
// sum += part.
void add_to(const float* part, float* sum, int64_t n);
// dpre = dy * activation'(pre).
void activation_backward_block(int32_t activation, const float* pre, const float* dy, float* dpre, int64_t n);

}  // namespace heddle::cpu
