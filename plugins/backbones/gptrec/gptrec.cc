// GPTRec: a GPT-2 decoder (Radford et al. 2019) over item ids, trained by
// next-item cross-entropy over the whole catalogue at every position (Petrov &
// Macdonald 2023).
//
//   x = dropout(wte[item] + wpe[position]);  blocks (heddle/nn/stack.hpp);  h =
//   ln_f(x);  scores = h wte^T
//
// Sequences are packed, positions count from 0 in each window, and there is no
// padding item: the table has exactly one row per item. Initial values: N(0,
// initializer_range), every c_proj N(0, initializer_range / sqrt(2 layers)),
// biases 0. Tensors have GPT-2's names and [in,out] orientation, so that
// weights move to and from other implementations unchanged.
#include <cmath>

#include <heddle/backbone.hpp>
#include <heddle/nn/embedding.hpp>
#include <heddle/nn/stack.hpp>

using namespace heddle::sdk;

namespace {

struct GptRec : Backbone<GptRec> {
  static constexpr About about{"heddle.gptrec",
                               "GPT-2 decoder over item ids with a tied head and full "
                               "cross-entropy (Petrov & Macdonald 2023)."};
  static constexpr bool causal = true;

  struct Options {
    int64_t hidden = 64;
    int64_t layers = 3;
    int64_t heads = 2;
    int64_t max_length = 128;
    double dropout = 0.1;
    double initializer_range = 0.02;
    double layer_norm_epsilon = 1e-5;
  } options;
  static constexpr Schema schema{
      field("hidden", &Options::hidden).range(1, 8192).doc("Width of the hidden state; a multiple of heads."),
      field("layers", &Options::layers).range(1, 128).doc("Number of transformer blocks."),
      field("heads", &Options::heads).range(1, 128).doc("Attention heads per block."),
      field("max_length", &Options::max_length)
          .range(1, 65536)
          .unit("items")
          .doc("Longest window; older events are not seen."),
      field("dropout", &Options::dropout)
          .range(0, 0.99)
          .doc("Dropout of embeddings, attention probabilities and residual "
               "branches."),
      field("initializer_range", &Options::initializer_range).range(0, 10).doc("Deviation of the initial weights."),
      field("layer_norm_epsilon", &Options::layer_norm_epsilon)
          .range(0, 1)
          .doc("Added to the variance in layer norms.")};

  static void check(const Options& o) { nn::check_heads(o.hidden, o.heads); }

  int64_t hidden() const { return options.hidden; }
  int64_t max_length() const { return options.max_length; }

  void declare(Parameters& p, Sites& sites) {
    const int64_t d = options.hidden;
    const double deviation = options.initializer_range;
    items_table_ = nn::Embedding(p, "wte", items(), d, deviation, HEDDLE_ROLE_ITEM_TABLE);
    positions_table_ = nn::Embedding(p, "wpe", options.max_length, d, deviation);
    const nn::BlockShape shape{d, static_cast<int32_t>(options.heads), options.layer_norm_epsilon, deviation,
                               deviation / std::sqrt(2.0 * static_cast<double>(options.layers))};
    stack_ = nn::Stack(p, sites, "h.", options.layers, shape);
    norm_ = nn::Norm(p, "ln_f", d, options.layer_norm_epsilon);
    final_ = sites.add("final", d, "The normalised state that scores are made of.");
  }

  void train(Ops& ops, const Batch& batch, Losses& losses) {
    const double dropout = options.dropout;
    const heddle_rng_key embedding_key = ops.rng(0);
    nn::Stack::Trace trace;
    const Tensor x =
        stack_.train(ops, batch.offsets, ops.dropout(dropout, embedding_key, embed(ops, batch)), dropout, 1, trace);
    const LayerNorm normed = norm_.forward(ops, x);
    const Tensor dnormed = ops.tensor(x.shape());
    const CrossEntropyLoss loss = ops.cross_entropy({.hidden = normed.y,
                                                     .table = ops[items_table_.table()],
                                                     .targets = batch.targets,
                                                     .dhidden = dnormed,
                                                     .dtable = ops.grad(items_table_.table())});
    losses.add("cross_entropy", loss.mean());
    const Tensor dx = ops.tensor(x.shape());
    norm_.backward(ops, x, normed, dnormed, dx);
    stack_.backward(ops, trace, dx);
    ops.dropout(dropout, embedding_key, dx);
    items_table_.backward(ops, batch.items, dx);
    positions_table_.backward(ops, batch.positions, dx);
  }

  void forward(Ops& ops, const Batch& batch, const Hook& hook, const Tensor& hidden) {
    run(ops, batch, hook, 0, {}, hidden);
  }

  int64_t cache_width(Site site) const { return stack_.kept_width(stack_.behind(site)); }
  void forward_caching(Ops& ops, const Batch& batch, const Hook& hook, Site site, const Tensor& cache,
                       const Tensor& hidden) {
    run(ops, batch, hook, stack_.behind(site), cache, hidden);
  }
  void forward_from(Ops& ops, const Resume& from, const Tensor& hidden) {
    if (from.site.index == final_.index) {
      ops.copy(from.activations, hidden);
      return;
    }
    const nn::Rows rows(from.suffix_offsets, from.prefix_begin, from.prefix_end, from.cache);
    const Tensor x = stack_.forward_suffix(ops, rows, ops.copy(from.activations), stack_.behind(from.site));
    ops.copy(norm_.forward(ops, x).y, hidden);
  }

  void score(Ops& ops, const Tensor& hidden, const Tensor& scores) { items_table_.score(ops, hidden, scores); }

 private:
  Tensor embed(Ops& ops, const Batch& batch) const {
    const Tensor x = items_table_.forward(ops, batch.items);
    return ops.add(positions_table_.forward(ops, batch.positions), x);
  }
  // Inference; with a cache, keys and values of the blocks from kept_from on go
  // there.
  void run(Ops& ops, const Batch& batch, const Hook& hook, int64_t kept_from, const Tensor& cache,
           const Tensor& hidden) const {
    const Tensor x = stack_.forward(ops, batch.offsets, embed(ops, batch), hook, kept_from, cache);
    const Tensor normed = norm_.forward(ops, x).y;
    hook(final_, normed);
    ops.copy(normed, hidden);
  }

  nn::Embedding items_table_, positions_table_;
  nn::Stack stack_;
  nn::Norm norm_;
  Site final_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.gptrec", "1.0.0", GptRec)
