// SASRec: self-attentive sequential recommendation (Kang & McAuley 2018), in the form of the original and in those of
// its later implementations, for any objective of heddle/nn/objectives.hpp.
//
//   x = dropout(scale * item_emb[item] + pos_emb[position]);  blocks (heddle/nn/transformer.hpp);
//   h = norm(x);  scores = h table^T
//
// scale is sqrt(hidden) with embedding_scale, else 1; table is item_emb, or output_emb with tied_head = false (gSASRec).
// Three different computations go by this name: block = query_ln is the original (only queries are normalised, and the
// residual path carries them), pre_ln and post_ln are those of later PyTorch ports; the original has no output
// projection. Tensors have the names of heddle.gptrec's blocks, weights are [in,out].
//
// The file of a trained model states in its metadata all that its numbers do not show: block, position_origin and
// padding. There is no padding item: sequences are packed. With position_origin = "end" the last token of each window
// has the last position, as in implementations that pad on the left; with "start" the first token has position 0, as in
// those that pad on the right.
#include <cmath>

#include <heddle/backbone.hpp>
#include <heddle/nn/embedding.hpp>
#include <heddle/nn/objectives.hpp>
#include <heddle/nn/stack.hpp>

using namespace heddle::sdk;

namespace {

enum class Origin { start, end };
enum class Padding { none };
enum class Activation { relu, gelu_tanh };

struct SasRec : Backbone<SasRec> {
  static constexpr About about{
      "heddle.sasrec",
      "Self-attentive recommender (Kang & McAuley 2018): three block forms; full, sampled, BCE and gBCE objectives."};
  static constexpr bool causal = true;

  struct Options : nn::ObjectiveOptions {
    int64_t hidden = 64;
    int64_t layers = 2;
    int64_t heads = 1;
    int64_t max_length = 128;
    nn::BlockKind block = nn::BlockKind::query_ln;
    bool output_projection = false;
    int64_t feed_forward = 1;
    Activation activation = Activation::relu;
    bool embedding_scale = true;
    Origin position_origin = Origin::end;
    Padding padding = Padding::none;
    bool tied_head = true;
    double dropout = 0.2;
    double initializer_range = 0;
    double layer_norm_epsilon = 1e-8;
  } options;
  static constexpr auto schema = nn::with_objective(
      field("hidden", &Options::hidden).range(1, 8192).doc("Width of the hidden state; a multiple of heads."),
      field("layers", &Options::layers).range(1, 128).doc("Number of transformer blocks."),
      field("heads", &Options::heads).range(1, 128).doc("Attention heads per block."),
      field("max_length", &Options::max_length)
          .range(1, 65536)
          .unit("items")
          .doc("Longest window; older events are not seen."),
      field("block", &Options::block)
          .choices("query_ln", "pre_ln", "post_ln")
          .doc("Where the norms stand: before the queries alone (the original), before or behind each branch."),
      field("output_projection", &Options::output_projection)
          .doc("A linear layer behind the heads; the original has none, ports on torch's MultiheadAttention have one."),
      field("feed_forward", &Options::feed_forward)
          .range(1, 64)
          .doc("Width of the feed-forward layer, in multiples of hidden."),
      field("activation", &Options::activation)
          .choices("relu", "gelu_tanh")
          .doc("Activation of the feed-forward layer."),
      field("embedding_scale", &Options::embedding_scale)
          .doc("Item embeddings times sqrt(hidden) before positions are added."),
      field("position_origin", &Options::position_origin)
          .choices("start", "end")
          .doc("Positions count from a window's first token, or so that its last one has the last position."),
      field("padding", &Options::padding)
          .choices("none")
          .doc("Sequences are packed, no token is padding; stated here so that model files say it."),
      field("tied_head", &Options::tied_head)
          .doc("Scores by the table of item embeddings; false: by a table of their own, as in gSASRec."),
      field("dropout", &Options::dropout)
          .range(0, 0.99)
          .doc(
              "Dropout of embeddings, attention probabilities and feed-forward layers, and behind output projections."),
      field("initializer_range", &Options::initializer_range)
          .range(0, 10)
          .doc("Deviation of the initial weights; 0: sqrt(2 / (inputs + outputs)) of each (Glorot & Bengio 2010)."),
      field("layer_norm_epsilon", &Options::layer_norm_epsilon)
          .range(0, 1)
          .doc("Added to the variance in layer norms."));

  static void check(const Options& o) { nn::check_heads(o.hidden, o.heads); }

  int64_t hidden() const { return options.hidden; }
  int64_t max_length() const { return options.max_length; }
  bool positions_from_end() const { return options.position_origin == Origin::end; }

  void declare(Parameters& p, Sites& sites) {
    const int64_t d = options.hidden;
    const double deviation = options.initializer_range > 0 ? options.initializer_range : nn::glorot;
    const auto role = [&](bool scores) { return scores ? HEDDLE_ROLE_ITEM_TABLE : HEDDLE_ROLE_OTHER; };
    items_table_ = nn::Embedding(p, "item_emb", items(), d, deviation, role(options.tied_head));
    positions_table_ = nn::Embedding(p, "pos_emb", options.max_length, d, deviation);
    stack_ = nn::Stack(
        p, sites, "h.", options.layers,
        {.hidden = d,
         .heads = static_cast<int32_t>(options.heads),
         .epsilon = options.layer_norm_epsilon,
         .deviation = deviation,
         .projection_deviation = deviation,
         .kind = options.block,
         .output_projection = options.output_projection,
         .inner = options.feed_forward * d,
         .activation = options.activation == Activation::relu ? HEDDLE_ACTIVATION_RELU : HEDDLE_ACTIVATION_GELU_TANH,
         .attention_dropout = options.output_projection,
         .inner_dropout = true});
    norm_ = nn::Norm(p, "norm", d, options.layer_norm_epsilon);
    head_ = options.tied_head ? items_table_ : nn::Embedding(p, "output_emb", items(), d, deviation, role(true));
    objective_ = nn::Objective(p, options, items());
    final_ = sites.add("final", d, "The normalised state that scores are made of.");
  }

  void prepare(Ops& ops, const TrainingLog& log) { objective_.prepare(ops, log); }

  void train(Ops& ops, const Batch& batch, Losses& losses) {
    const heddle_rng_key embedding_key = ops.rng(0);
    nn::Stack::Trace trace;
    const Tensor embedded = ops.dropout(options.dropout, embedding_key, embed(ops, batch));
    const Tensor x = stack_.train(ops, batch.offsets, embedded, options.dropout, 1, trace);
    const LayerNorm normed = norm_.forward(ops, x);
    const Tensor dnormed = ops.tensor(x.shape()), dx = ops.tensor(x.shape());
    objective_.add(ops, normed.y, head_.table(), Param{}, batch.targets, dnormed, losses);
    norm_.backward(ops, x, normed, dnormed, dx);
    stack_.backward(ops, trace, dx);
    ops.dropout(options.dropout, embedding_key, dx);
    positions_table_.backward(ops, batch.positions, dx);
    items_table_.backward(ops, batch.items, ops.axpby(scale(), dx, 0, ops.tensor(dx.shape())));
  }

  void forward(Ops& ops, const Batch& batch, const Hook& hook, const Tensor& hidden) {
    forward_caching(ops, batch, hook, final_, {}, hidden);
  }
  void score(Ops& ops, const Tensor& hidden, const Tensor& scores) { head_.score(ops, hidden, scores); }

  int64_t cache_width(Site site) const { return stack_.kept_width(stack_.behind(site)); }
  void forward_caching(Ops& ops, const Batch& batch, const Hook& hook, Site site, const Tensor& cache,
                       const Tensor& hidden) {
    const Tensor x = stack_.forward(ops, batch.offsets, embed(ops, batch), hook, stack_.behind(site), cache);
    const Tensor normed = norm_.forward(ops, x).y;
    hook(final_, normed);
    ops.copy(normed, hidden);
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

 private:
  double scale() const { return options.embedding_scale ? std::sqrt(static_cast<double>(options.hidden)) : 1.0; }
  Tensor embed(Ops& ops, const Batch& batch) const {
    const Tensor x = items_table_.forward(ops, batch.items);
    return ops.axpby(scale(), x, 1, positions_table_.forward(ops, batch.positions));
  }

  nn::Embedding items_table_, positions_table_, head_;
  nn::Stack stack_;
  nn::Norm norm_;
  nn::Objective objective_;
  Site final_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.sasrec", "1.0.0", SasRec)
