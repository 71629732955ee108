// Adam over a ParameterSet, and the learning-rate schedule of a run.
//
// Ownership: owns the moments. One thread at a time. Errors: those of the ops.
// Formula: Kingma & Ba 2015, bias-corrected, decoupled weight decay; parameters declared UNIT_ROWS take the constrained
// step (gradient made tangent, rows renormalised) inside the same op. Clipping: gradients are scaled by min(1,
// clip/||g||), with ||g|| the norm over all parameters before the projection, in f64, summed in the order of the
// declaration.
#pragma once

#include "core/train/parameters.h"

namespace heddle {

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  double clip = 0;  // global norm of the gradient; 0 = no clipping
};

struct LearningRate {
  double rate = 1e-3;
  int64_t warmup = 0;       // steps
  int64_t decay_start = 0;  // first step of the linear decay to 0 at the last step; 0 = no decay
};

// Learning rate of step t out of `steps`. Dictionaries count t from 0 (their reference does: with a warm-up the first
// update has rate 0 and only fills the moments), backbones from 1 (every update moves). Adam's bias correction always
// counts from 1.
//   lr * min(t / warmup, 1), times (steps - t) / (steps - decay_start) after decay_start (linear, to 0 at t = steps).
double learning_rate_at(const LearningRate& schedule, int64_t step, int64_t steps);

class Optimizer {
 public:
  Optimizer(Device& device, const ParameterSet& parameters, const AdamOptions& options);

  // One update with the accumulated gradients. Returns the norm of the gradient before clipping (0 when clipping is
  // off).
  double step(Context& context, ParameterSet& parameters, TensorList& gradients, double learning_rate);

  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }
  TensorList& first_moments() { return m_; }
  TensorList& second_moments() { return v_; }

 private:
  AdamOptions options_;
  int64_t steps_ = 0;
  TensorList m_, v_;
};

}  // namespace heddle
