// JumpReLU: every feature learns the threshold above which it fires (Rajamanoharan et al. 2024, arXiv 2407.14435).
//   f = p * 1[p > theta],  loss = mean_b ||x - y||^2 + sparsity * s(t) * (L0 / target_l0 - 1)^2
// A threshold has no gradient of its own; it gets one by a straight-through estimator within `bandwidth` around it.
#include <heddle/dictionary.hpp>

using namespace heddle::sdk;

namespace {

struct JumpReLU : Dictionary<JumpReLU> {
  static constexpr About about{"example.jumprelu", "Dictionary with a learned threshold per feature."};
  static constexpr bool centred = false;

  struct Options {
    int64_t width = 2048;
    double target_l0 = 20;
    double sparsity = 1;
    int64_t sparsity_warmup = 2000;
    double bandwidth = 1e-3;
    double threshold = 1e-3;
  } options;
  static constexpr Schema schema{
      field("width", &Options::width).range(1, 1 << 24).unit("features").doc("Size of the dictionary."),
      field("target_l0", &Options::target_l0).range(1e-3, 1e9).unit("features").doc("Active features to aim for."),
      field("sparsity", &Options::sparsity).range(0, 1e6).doc("Weight of the distance from target_l0."),
      field("sparsity_warmup", &Options::sparsity_warmup).range(0).unit("steps").doc("Growth of that weight."),
      field("bandwidth", &Options::bandwidth).range(1e-9, 1e3).doc("Width of the estimator's window."),
      field("threshold", &Options::threshold).range(0, 1e3).doc("Where all thresholds start.")};

  Param threshold;

  void declare(Parameters& p) {
    Dictionary::declare(p);
    p[encoder].copy_of(decoder);
    threshold = p.add("threshold", {features()}).constant(options.threshold).role(HEDDLE_ROLE_THRESHOLD);
  }
  Select select(Ops& ops) const { return above(ops[threshold]); }
  Select training_select(Ops& ops) const { return above(ops[threshold], static_cast<float>(options.bandwidth / 2)); }

  double weight(const Pass& pass) const { return options.sparsity * ramp(pass.step.step, options.sparsity_warmup); }
  double excess(const Pass& pass) const { return pass.l0() / options.target_l0 - 1; }

  void objective(Pass& pass) const {
    pass.reconstruction(Reconstruction::l2_squared);
    pass.losses.add("sparsity", excess(pass) * excess(pass), weight(pass));
  }
  void selection_backward(Pass& pass, const Tensor& dvalues) const {
    const Tensor theta = pass.ops[threshold], dtheta = pass.ops.grad(threshold);
    const double l0_weight = pass.per_row(weight(pass) * 2 * excess(pass) / options.target_l0);
    pass.ops.threshold_backward(pass.z, dvalues, theta, options.bandwidth, l0_weight, dtheta);
  }
};

}  // namespace

HEDDLE_PLUGIN("example.jumprelu", "1.0.0", JumpReLU)
