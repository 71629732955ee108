// heddle.topk: the k-sparse autoencoder. Sparsity is a number, not a penalty.
//
//   f = the k largest entries of relu(W (x - b) + c) per row,   y = D^T f + b,   |D_j| = 1
//   loss = mean_b sum_d (x - y)^2  (+ AuxK when the experiment asks for revival = "auxk"; see heddle/dictionary.hpp)
//
// Start: W = D (Gaussian rows of norm 1), c = 0, b = the geometric median of the first batch.
// A threshold is kept beside the weights: the moving average of mean_b(smallest active value). With inference =
// "threshold" a feature fires when it exceeds it, so that the number of active features follows the input; before
// threshold_start it is 0.
// Source: Gao et al. 2024, arXiv 2406.04093.
#include <heddle/dictionary.hpp>

using namespace heddle::sdk;

namespace {

enum class Inference { top_k, threshold };

struct TopK : Dictionary<TopK> {
  static constexpr About about{"heddle.topk",
                               "k-sparse autoencoder: the k largest activations per row (Gao et al. 2024)."};

  struct Options {
    int64_t width = 2048;
    int64_t k = 32;
    Inference inference = Inference::top_k;
    int64_t threshold_start = 1000;
    double threshold_decay = 0.999;
  } options;
  static constexpr Schema schema{
      field("width", &Options::width).range(1, 1 << 24).unit("features").doc("Size of the dictionary."),
      field("k", &Options::k).range(1, 1 << 24).unit("features").doc("Active features per input."),
      field("inference", &Options::inference)
          .choices("top_k", "threshold")
          .doc("Outside training: the k largest per row, or all above the learned threshold."),
      field("threshold_start", &Options::threshold_start)
          .range(0)
          .unit("steps")
          .doc("Steps before the threshold is averaged."),
      field("threshold_decay", &Options::threshold_decay).range(0, 1).doc("Decay of the threshold's moving average.")};
  static void check(const Options& o) {
    if (o.k > o.width) raise(HEDDLE_INVALID_ARGUMENT, "k = ", o.k, " is more than width = ", o.width);
  }

  Param threshold;

  void declare(Parameters& p) {
    Dictionary::declare(p);
    p[encoder].copy_of(decoder);
    p[bias].geometric_median();
    threshold = p.add("threshold", {features()}).buffer().role(HEDDLE_ROLE_THRESHOLD);
  }

  Select training_select(Ops&) const { return top_k(options.k); }
  Select select(Ops& ops) const {
    return options.inference == Inference::top_k ? top_k(options.k) : above(ops[threshold]);
  }

  void objective(Pass& pass) const { pass.reconstruction(Reconstruction::l2_squared); }

  void train(Ops& ops, const Step& step, Codes z, Losses& losses) {
    Dictionary::train(ops, step, z, losses);
    if (step.step > options.threshold_start) average_threshold(ops, z, step.step == options.threshold_start + 1);
  }

 private:
  void average_threshold(Ops& ops, Codes z, bool first) const {
    double sum = 0;
    int64_t rows = 0;
    for (int64_t b = 0; b < z.rows(); ++b) {
      const auto values = z.row(b).values;
      if (values.empty()) continue;
      sum += *std::min_element(values.begin(), values.end());
      ++rows;
    }
    if (rows == 0) return;
    const double decay = first ? 0 : options.threshold_decay;
    const Tensor now = ops.fill(sum / static_cast<double>(rows), ops.tensor({features()}));
    ops.axpby(1 - decay, now, decay, ops[threshold]);
  }
};

}  // namespace

HEDDLE_PLUGIN("heddle.topk", "1.0.0", TopK)
