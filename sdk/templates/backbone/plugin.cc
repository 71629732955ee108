// @ID@: a backbone whose state is the embedding of the last item: a factorised Markov chain.
//   h_t = E[item_t],   score(i) = <h_t, C_i>
#include <heddle/backbone.hpp>

using namespace heddle::sdk;

namespace {

struct @CLASS@ : Backbone<@CLASS@> {
  static constexpr About about{"@ID@", "Factorised Markov chain over items."};

  struct Options {
    int64_t hidden = 64;
  } options;
  static constexpr Schema schema{field("hidden", &Options::hidden).range(1, 1 << 16).doc("Width of the embeddings.")};

  Param embedding, candidates;
  Site state;

  void declare(Parameters& p, Sites& sites) {
    embedding = p.add("embedding.weight", {items(), options.hidden}).normal(0.02);
    candidates = p.add("candidates.weight", {items(), options.hidden}).normal(0.02).role(HEDDLE_ROLE_ITEM_TABLE);
    state = sites.add("state", options.hidden, "Embedding of the last item.");
  }
  int64_t hidden() const { return options.hidden; }
  int64_t max_length() const { return 128; }

  void train(Ops& ops, const Batch& batch, Losses& losses) {
    const Tensor h = ops.gather_rows(ops[embedding], batch.items), dh = ops.tensor(h.shape());
    const CrossEntropyLoss loss = ops.cross_entropy({.hidden = h,
                                                     .table = ops[candidates],
                                                     .targets = batch.targets,
                                                     .dhidden = dh,
                                                     .dtable = ops.grad(candidates)});
    losses.add("cross_entropy", loss.mean());
    ops.scatter_add_rows(dh, batch.items, ops.grad(embedding));
  }
  void forward(Ops& ops, const Batch& batch, const Hook& hook, const Tensor& hidden) {
    ops.gather_rows(ops[embedding], batch.items, hidden);
    hook(state, hidden);  // here the host reads activations, and steers
  }
  void score(Ops& ops, const Tensor& hidden, const Tensor& scores) {
    ops.gemm(hidden, ops[candidates], scores, {.transpose_b = true});
  }
};

}  // namespace

HEDDLE_PLUGIN("@ID@", "0.1.0", @CLASS@)
