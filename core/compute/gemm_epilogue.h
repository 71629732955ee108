// What happens to a finished tile of a product on its way into C. [any thread]
#pragma once

#include <cstdint>

namespace heddle::cpu {

struct Epilogue {
  float alpha, beta;
  int32_t activation;  // HEDDLE_ACTIVATION_*
};

// One row: v = alpha * product + bias; pre = v; c = activation(v) + beta * c. bias and pre may be null; with beta 0
// the old c is not read.
void epilogue_row(const Epilogue& e, const float* product, const float* bias, float* pre, float* c, int64_t n);
// sum += part.
void add_to(const float* part, float* sum, int64_t n);
// dpre = dy * activation'(pre).
void activation_backward_block(int32_t activation, const float* pre, const float* dy, float* dpre, int64_t n);

}  // namespace heddle::cpu
