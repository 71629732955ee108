// Norm: layer normalisation with gain and offset, and its backward pass.
//
// A handle to two declared tensors; copy freely. What forward returns is what backward needs. Threads: as Ops.
#pragma once

#include "../ops.hpp"

namespace heddle::sdk::nn {

class Norm {
 public:
  Norm() = default;
  // Declares NAME.weight = 1 and NAME.bias = 0.
  Norm(Parameters& parameters, const std::string& name, int64_t width, double epsilon)
      : epsilon_(epsilon),
        weight_(parameters.add(name + ".weight", {width}).constant(1)),
        bias_(parameters.add(name + ".bias", {width})) {}

  // out: memory of an earlier forward to be used again.
  LayerNorm forward(Ops& ops, const Tensor& x, const LayerNorm& out = {}) const {
    return ops.layer_norm(x, ops[weight_], ops[bias_], epsilon_, out);
  }

  // dx = (or, with accumulate, +=) the gradient of x.
  void backward(Ops& ops, const Tensor& x, const LayerNorm& state, const Tensor& dy, const Tensor& dx,
                bool accumulate = false) const {
    ops.layer_norm_backward(x, ops[weight_], state, dy, dx, ops.grad(weight_), ops.grad(bias_), accumulate);
  }

 private:
  double epsilon_ = 1e-5;
  Param weight_, bias_;
};

}  // namespace heddle::sdk::nn
