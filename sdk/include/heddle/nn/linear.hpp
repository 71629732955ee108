// Linear: y = activation(x W + b), W [in,out] (the orientation of GPT-2's Conv1D), with its backward pass.
//
// A handle to two declared tensors, without data of its own; copy freely. Threads: as Ops.
#pragma once

#include "../ops.hpp"

namespace heddle::sdk::nn {

class Linear {
 public:
  Linear() = default;
  // Declares NAME.weight ~ N(0, deviation) and NAME.bias = 0.
  Linear(Parameters& parameters, const std::string& name, int64_t in, int64_t out, double deviation)
      : out_(out),
        weight_(parameters.add(name + ".weight", {in, out}).normal(deviation)),
        bias_(parameters.add(name + ".bias", {out})) {}

  // x [T,in] -> [T,out]. pre, if given, receives the value before the activation.
  Tensor forward(Ops& ops, const Tensor& x, int32_t activation = HEDDLE_ACTIVATION_NONE, const Tensor& pre = {},
                 Tensor y = {}) const {
    if (!y) y = ops.tensor({x.rows(), out_});
    return ops.gemm(x, ops[weight_], y, {.bias = ops[bias_], .activation = activation, .pre = pre});
  }

  // dy is the gradient of x W + b. Adds to the gradients of W and b; dx = dy W^T.
  Tensor backward(Ops& ops, const Tensor& x, const Tensor& dy, Tensor dx = {}) const {
    if (!dx) dx = ops.tensor(x.shape());
    ops.gemm(x, dy, ops.grad(weight_), {.transpose_a = true, .beta = 1});
    ops.sum_rows(dy, ops.grad(bias_));
    return ops.gemm(dy, ops[weight_], dx, {.transpose_b = true});
  }

 private:
  int64_t out_ = 0;
  Param weight_, bias_;
};

}  // namespace heddle::sdk::nn
