// heddle.l1: the sparse autoencoder with an L1 penalty, as used by the paper that this program reproduces.
//
//   f = relu(W (x - b) + c),   y = D^T f + b,   |D_j| = 1
//   loss = mean_b ||x_b - y_b||_2  +  l1 * s(t) * mean_b sum_j f_bj,   s(t) = min(t / sparsity_warmup, 1)
//
// The paper's table comes from the norm that is NOT squared: with it l1 has no unit, an atom pays for itself when its
// cosine with the residual exceeds l1, and everything collapses at l1 = 1. With the squared forms the same l1 means
// something else.
// Start: b = 0; W and c uniform in +-1/sqrt(d); D Gaussian, rows of norm 1, not tied to W.
// Source: Bricken et al. 2023, "Towards Monosemanticity"; loss form as in the libraries of 2024.
#include <heddle/dictionary.hpp>

using namespace heddle::sdk;

namespace {

struct L1 : Dictionary<L1> {
  static constexpr About about{"heddle.l1",
                               "Sparse autoencoder with an L1 penalty on its codes (Bricken et al. 2023)."};

  struct Options {
    int64_t width = 2048;
    double l1 = 0.1;
    Reconstruction reconstruction = Reconstruction::l2_norm;
    int64_t sparsity_warmup = 0;
  } options;
  static constexpr Schema schema{
      field("width", &Options::width).range(1, 1 << 24).unit("features").doc("Size of the dictionary."),
      field("l1", &Options::l1).range(0, 1e6).doc("Weight of the mean L1 norm of the codes."),
      field("reconstruction", &Options::reconstruction)
          .choices("l2_norm", "l2_squared", "mse_mean")
          .doc("Reconstruction loss: mean norm of the error (paper), mean squared norm, or mean square per entry."),
      field("sparsity_warmup", &Options::sparsity_warmup)
          .range(0)
          .unit("steps")
          .doc("The weight of the L1 norm grows linearly from 0 over this many steps.")};

  void declare(Parameters& p) {
    Dictionary::declare(p);
    p[encoder_bias].uniform(1 / std::sqrt(static_cast<double>(inputs())));
  }

  void objective(Pass& pass) const {
    pass.reconstruction(options.reconstruction);
    pass.l1_sparsity(options.l1 * ramp(pass.step.step, options.sparsity_warmup));
  }
};

}  // namespace

HEDDLE_PLUGIN("heddle.l1", "1.0.0", L1)
