// GPTRec: a GPT-2 decoder (Radford et al. 2019) over item ids, trained by next-item cross-entropy over the whole
// catalogue at every position (Petrov & Macdonald 2023).
//
//   x = dropout(wte[item] + wpe[position]);  blocks (heddle/nn/transformer.hpp);  h = ln_f(x);  scores = h wte^T
//
// Sequences are packed, positions count from 0 in each window, and there is no padding item: the table has exactly one
// row per item. Initial values: N(0, initializer_range), every c_proj N(0, initializer_range / sqrt(2 layers)), biases
// 0. Tensors have GPT-2's names and [in,out] orientation, so that weights move to and from other implementations
// unchanged.
#include <cmath>

#include <heddle/backbone.hpp>
#include <heddle/nn/embedding.hpp>
#include <heddle/nn/transformer.hpp>

using namespace heddle::sdk;

namespace {

struct GptRec : Backbone<GptRec> {
  static constexpr About about{
      "heddle.gptrec",
      "GPT-2 decoder over item ids with a tied head and full cross-entropy (Petrov & Macdonald 2023)."};

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
          .doc("Dropout of embeddings, attention probabilities and residual branches."),
      field("initializer_range", &Options::initializer_range).range(0, 10).doc("Deviation of the initial weights."),
      field("layer_norm_epsilon", &Options::layer_norm_epsilon)
          .range(0, 1)
          .doc("Added to the variance in layer norms.")};

  static void check(const Options& o) {
    if (o.hidden % o.heads != 0)
      raise(HEDDLE_INVALID_ARGUMENT, "hidden is ", o.hidden, ", which is no multiple of heads, ", o.heads);
  }

  int64_t hidden() const { return options.hidden; }
  int64_t max_length() const { return options.max_length; }

  void declare(Parameters& p, Sites& sites) {
    const int64_t d = options.hidden;
    const double deviation = options.initializer_range;
    items_table_ = nn::Embedding(p, "wte", items(), d, deviation, HEDDLE_ROLE_ITEM_TABLE);
    positions_table_ = nn::Embedding(p, "wpe", options.max_length, d, deviation);
    const nn::BlockShape shape{d, static_cast<int32_t>(options.heads), options.layer_norm_epsilon, deviation,
                               deviation / std::sqrt(2.0 * static_cast<double>(options.layers))};
    for (int64_t i = 0; i < options.layers; ++i) {
      blocks_.emplace_back(p, text("h.", i), shape);
      const std::string site = text("block.", i);
      sites_.push_back({sites.add(site + ".attn.out", d, "What attention adds to the residual stream."),
                        sites.add(site + ".mlp.out", d, "What the feed-forward layer adds to the residual stream."),
                        sites.add(site + ".out", d, "The residual stream behind the block.")});
    }
    norm_ = nn::Norm(p, "ln_f", d, options.layer_norm_epsilon);
    final_ = sites.add("final", d, "The normalised state that scores are made of.");
  }

  void train(Ops& ops, const Batch& batch, Losses& losses) {
    const double dropout = options.dropout;
    const heddle_rng_key embedding_key = ops.rng(0);
    std::vector<nn::PreNormBlock::State> states(blocks_.size());
    Tensor x = ops.dropout(dropout, embedding_key, embed(ops, batch));
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      stop_if_cancelled(ops);
      x = blocks_[i].forward(
          ops, batch.offsets, x, dropout, ops.rng(1 + i), states[i], [](const Tensor&) {}, [](const Tensor&) {});
    }
    const LayerNorm normed = norm_.forward(ops, x);
    stop_if_cancelled(ops);
    const Tensor dnormed = ops.tensor(x.shape());
    const CrossEntropyLoss loss = ops.cross_entropy({.hidden = normed.y,
                                                     .table = ops[items_table_.table()],
                                                     .targets = batch.targets,
                                                     .dhidden = dnormed,
                                                     .dtable = ops.grad(items_table_.table())});
    losses.add("cross_entropy", loss.mean());
    const Tensor dx = ops.tensor(x.shape());
    norm_.backward(ops, x, normed, dnormed, dx);
    for (std::size_t i = blocks_.size(); i-- > 0;) {
      stop_if_cancelled(ops);
      blocks_[i].backward(ops, states[i], dx);
    }
    ops.dropout(dropout, embedding_key, dx);
    items_table_.backward(ops, batch.items, dx);
    positions_table_.backward(ops, batch.positions, dx);
  }

  void forward(Ops& ops, const Batch& batch, const Hook& hook, const Tensor& hidden) {
    Tensor x = embed(ops, batch);
    nn::PreNormBlock::State state{.reuse = true};
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      x = blocks_[i].forward(
          ops, batch.offsets, x, 0, {}, state, [&](const Tensor& a) { hook(sites_[i].attention, a); },
          [&](const Tensor& m) { hook(sites_[i].mlp, m); });
      hook(sites_[i].out, x);
    }
    const Tensor normed = norm_.forward(ops, x).y;
    hook(final_, normed);
    ops.copy(normed, hidden);
  }

  void score(Ops& ops, const Tensor& hidden, const Tensor& scores) { items_table_.score(ops, hidden, scores); }

 private:
  struct BlockSites {
    Site attention, mlp, out;
  };

  Tensor embed(Ops& ops, const Batch& batch) const {
    const Tensor x = items_table_.forward(ops, batch.items);
    return ops.add(positions_table_.forward(ops, batch.positions), x);
  }
  // A batch may take a second: the user's wish to stop is looked at between its parts.
  static void stop_if_cancelled(Ops& ops) {
    if (ops.cancelled()) raise(HEDDLE_CANCELLED, "stopped on request");
  }

  nn::Embedding items_table_, positions_table_;
  std::vector<nn::PreNormBlock> blocks_;
  std::vector<BlockSites> sites_;
  nn::Norm norm_;
  Site final_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.gptrec", "1.0.0", GptRec)
