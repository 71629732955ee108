// A small backbone: the state after a history is the mean of the embeddings of its items, whatever their order.
//   h_t = mean of E[item_s] over s <= t,   score(i) = <h_t, C_i> + c_i
// The running mean is causal attention whose queries and keys are all zero: equal weights for everything seen so far.
#include <heddle/backbone.hpp>

using namespace heddle::sdk;

namespace {

struct Bag : Backbone<Bag> {
  static constexpr About about{"example.bag", "Mean of the embeddings of the items seen so far."};

  struct Options {
    int64_t hidden = 64;
    int64_t max_length = 128;
  } options;
  static constexpr Schema schema{
      field("hidden", &Options::hidden).range(1, 1 << 16).doc("Width of the embeddings."),
      field("max_length", &Options::max_length).range(1, 1 << 20).unit("items").doc("Longest history that is read.")};

  Param embedding, candidates, popularity;
  Site mean;

  void declare(Parameters& p, Sites& sites) {
    embedding = p.add("embedding.weight", {items(), options.hidden}).normal(0.02);
    candidates = p.add("candidates.weight", {items(), options.hidden}).normal(0.02).role(HEDDLE_ROLE_ITEM_TABLE);
    popularity = p.add("candidates.bias", {items()});
    mean = sites.add("mean", options.hidden, "Mean of the embeddings of the history.");
  }
  int64_t hidden() const { return options.hidden; }
  int64_t max_length() const { return options.max_length; }

  void train(Ops& ops, const Batch& batch, Losses& losses) {
    const Attention bag = average(ops, batch);
    const Tensor dhidden = ops.tensor(bag.out.shape());
    const CrossEntropyLoss loss = ops.cross_entropy({.hidden = bag.out,
                                                     .table = ops[candidates],
                                                     .bias = ops[popularity],
                                                     .targets = batch.targets,
                                                     .dhidden = dhidden,
                                                     .dtable = ops.grad(candidates),
                                                     .dbias = ops.grad(popularity)});
    losses.add("cross_entropy", loss.mean());
    const Tensor drows = ops.tensor(bag.out.shape());
    ops.attention_backward(bag, dhidden, ops.tensor(bag.q.shape()), ops.tensor(bag.k.shape()), drows);
    ops.scatter_add_rows(drows, batch.items, ops.grad(embedding));
  }
  void forward(Ops& ops, const Batch& batch, const Hook& hook, const Tensor& hidden) {
    average(ops, batch, hidden);
    hook(mean, hidden);
  }
  void score(Ops& ops, const Tensor& hidden, const Tensor& scores) {
    ops.gemm(hidden, ops[candidates], scores, {.transpose_b = true, .bias = ops[popularity]});
  }

 private:
  Attention average(Ops& ops, const Batch& batch, const Tensor& out = {}) const {
    const Tensor nothing = ops.zeros({batch.tokens, options.hidden});
    Attention bag{.offsets = batch.offsets,
                  .q = nothing,
                  .k = nothing,
                  .v = ops.gather_rows(ops[embedding], batch.items),
                  .out = out ? out : ops.tensor(nothing.shape()),
                  .log_sum_exp = ops.tensor({batch.tokens, 1})};
    ops.attention(bag);
    return bag;
  }
};

}  // namespace

HEDDLE_PLUGIN("example.bag", "1.0.0", Bag)
