// @ID@: a sparse dictionary. heddle/dictionary.hpp lists all that a variant may change.
#include <heddle/dictionary.hpp>

using namespace heddle::sdk;

namespace {

struct @CLASS@ : Dictionary<@CLASS@> {
  static constexpr About about{"@ID@", "Sparse autoencoder with an L1 penalty on its codes."};

  struct Options {
    int64_t width = 2048;
    double l1 = 0.1;
  } options;
  static constexpr Schema schema{
      field("width", &Options::width).range(1, 1 << 24).unit("features").doc("Size of the dictionary."),
      field("l1", &Options::l1).range(0, 1e6).doc("Weight of the mean L1 norm of the codes.")};

  // Which features fire; others: top_k(k), above(ops[threshold]), batch_top_k(k) in training_select().
  Select select(Ops&) const { return relu(); }

  // The loss, term by term.
  void objective(Pass& pass) const {
    pass.reconstruction(Reconstruction::l2_norm);
    pass.l1_sparsity(options.l1);
  }
};

}  // namespace

HEDDLE_PLUGIN("@ID@", "0.1.0", @CLASS@)
