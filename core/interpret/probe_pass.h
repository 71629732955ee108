// One pass over the rows of all probes: loss, gradient and Hessian at given weights. Internal to probe training.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/compute/tensor.h"
#include "core/interpret/probe.h"

namespace heddle {

// What one probe asks of a pass and gets back. The last entry of `point` and `gradient` is the bias.
struct ProbeTask {
  int32_t attribute = 0;
  double positive_weight = 1, negative_weight = 1;
  std::vector<double> point;     // [width + 1]
  double loss = 0;               // without the penalty
  std::vector<double> gradient;  // [width + 1], without the penalty
  std::vector<double> hessian;   // [width + 1, width + 1], without the penalty
};

class ProbePass {
 public:
  ProbePass(Context& context, const ProbeRows& rows, const AttributeTable& table);
  // Fills loss, gradient and hessian of every task. Points are rounded to f32 first, as they will be stored.
  void run(std::span<ProbeTask* const> tasks);

 private:
  int64_t read_block(int64_t begin);
  void fill_curvatures(std::span<ProbeTask* const> tasks, int64_t count);
  void add_hessians(std::span<ProbeTask* const> tasks, int64_t count);
  void multiply(bool transpose_a, bool transpose_b, const DLTensor* a, const DLTensor* b, DLTensor* c);

  Context& context_;
  const ProbeRows& rows_;
  const AttributeTable& table_;
  int64_t columns_;                                     // width + 1: a column of ones carries the bias
  std::vector<float> x_, raw_;                          // [block, columns_], [block, width]
  std::vector<int32_t> block_items_;                    // of the rows in x_
  std::vector<float> logits_, residuals_, curvatures_;  // [block, tasks]
  std::vector<float> scaled_, product_;                 // of add_hessians; scaled_ only where the device is not the CPU
  Tensor device_x_, device_scaled_, device_product_;
};

}  // namespace heddle
