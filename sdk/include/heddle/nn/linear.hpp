// Linear: y = activation(x W + b), W [in,out] (the orientation of GPT-2's Conv1D), with its backward pass.
//
// A handle to two declared tensors, without data of its own; copy freely. Threads: as Ops.
#pragma once

#include <cmath>

#include "../ops.hpp"

namespace heddle::sdk::nn {

// Deviation of initial weights: the given one, or for `glorot` that of Glorot & Bengio 2010, sqrt(2 / (in + out)).
inline constexpr double glorot = -1;
inline double initial_deviation(double given, int64_t in, int64_t out) {
  return given >= 0 ? given : std::sqrt(2.0 / static_cast<double>(in + out));
}

class Linear {
 public:
  Linear() = default;
  // Declares NAME.weight ~ N(0, initial_deviation(deviation, in, out / fused)) and NAME.bias = 0; `fused` layers side by
  // side are one tensor.
  Linear(Parameters& parameters, const std::string& name, int64_t in, int64_t out, double deviation, int64_t fused = 1)
      : out_(out),
        weight_(parameters.add(name + ".weight", {in, out}).normal(initial_deviation(deviation, in, out / fused))),
        bias_(parameters.add(name + ".bias", {out})) {}

  // The same layer with the outputs begin .. begin+count-1 alone: for layers fused into one tensor (queries, keys and
  // values) of which a part has an input of its own.
  Linear columns(int64_t begin, int64_t count) const {
    Linear part = *this;
    part.begin_ = begin_ + begin;
    part.out_ = count;
    part.sliced_ = true;
    return part;
  }

  // x [T,in] -> [T,out]. pre, if given, receives the value before the activation.
  Tensor forward(Ops& ops, const Tensor& x, int32_t activation = HEDDLE_ACTIVATION_NONE, const Tensor& pre = {},
                 Tensor y = {}) const {
    if (!y) y = ops.tensor({x.rows(), out_});
    return ops.gemm(x, weight(ops[weight_]), y, {.bias = bias(ops[bias_]), .activation = activation, .pre = pre});
  }

  // dy is the gradient of x W + b. Adds to the gradients of W and b; dx = (or, with accumulate, +=) dy W^T.
  Tensor backward(Ops& ops, const Tensor& x, const Tensor& dy, Tensor dx = {}, bool accumulate = false) const {
    if (!dx) dx = ops.tensor(x.shape());
    ops.gemm(x, dy, weight(ops.grad(weight_)), {.transpose_a = true, .beta = 1});
    ops.sum_rows(dy, bias(ops.grad(bias_)));
    return ops.gemm(dy, weight(ops[weight_]), dx, {.transpose_b = true, .beta = accumulate ? 1.0f : 0.0f});
  }

 private:
  Tensor weight(const Tensor& whole) const { return sliced_ ? whole.column_slice(begin_, out_) : whole; }
  Tensor bias(const Tensor& whole) const { return sliced_ ? whole.row_slice(begin_, out_) : whole; }

  int64_t begin_ = 0, out_ = 0;
  bool sliced_ = false;
  Param weight_, bias_;
};

}  // namespace heddle::sdk::nn
