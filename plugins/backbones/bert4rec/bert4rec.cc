// BERT4Rec: a bidirectional transformer trained to fill masked items (Sun et al. 2019).
//
//   x = dropout(norm(item_emb[item] + pos_emb[position]));  blocks, attention in both directions;
//   h = x, or with `transform` h = norm(gelu(x W + b));     scores = h item_emb[0..V-1]^T + bias
//
// Training is the cloze task: the host masks events (token V) with mask_probability, or in last_mask_probability of the
// windows the last event alone, which is what inference asks for; the loss is cross-entropy over the whole catalogue at
// the masked places. At inference the host appends the mask token to the history and reads its state.
//
// Norms stand behind each branch, as in BERT (block = "post_ln"); "pre_ln" adds a norm behind the last block. GELU is
// the tanh form (the original code uses erf; the two differ by less than 5e-4 everywhere). item_emb has V + 1 rows, the
// last one for the mask token. Initial values: N(0, initializer_range), biases 0. There is no padding: sequences are
// packed and attention stays inside each of them.
//
// Every state depends on all tokens of its window, so inference again behind a site runs whole windows.
#include <heddle/backbone.hpp>
#include <heddle/nn/embedding.hpp>
#include <heddle/nn/objectives.hpp>
#include <heddle/nn/stack.hpp>

using namespace heddle::sdk;

namespace {

enum class Form { post_ln, pre_ln };
enum class Origin { start, end };
enum class Padding { none };

struct Bert4Rec : Backbone<Bert4Rec> {
  static constexpr About about{
      "heddle.bert4rec",
      "Bidirectional transformer trained on masked items, cross-entropy over the catalogue (Sun et al. 2019)."};
  static constexpr bool append_mask = true;
  static constexpr int32_t batches = HEDDLE_BATCHES_CLOZE;

  struct Options {
    int64_t hidden = 64;
    int64_t layers = 2;
    int64_t heads = 2;
    int64_t max_length = 128;
    Form block = Form::post_ln;
    int64_t feed_forward = 4;
    bool transform = true;
    Origin position_origin = Origin::end;
    Padding padding = Padding::none;
    double mask_probability = 0.2;
    double last_mask_probability = 0.1;
    double dropout = 0.1;
    double initializer_range = 0.02;
    double layer_norm_epsilon = 1e-12;
  } options;
  static constexpr Schema schema{
      field("hidden", &Options::hidden).range(1, 8192).doc("Width of the hidden state; a multiple of heads."),
      field("layers", &Options::layers).range(1, 128).doc("Number of transformer blocks."),
      field("heads", &Options::heads).range(1, 128).doc("Attention heads per block."),
      field("max_length", &Options::max_length)
          .range(2, 65536)
          .unit("items")
          .doc("Longest window, the mask token at inference included; older events are not seen."),
      field("block", &Options::block)
          .choices("post_ln", "pre_ln")
          .doc("Norms behind each branch (the original), or before each and behind the last block."),
      field("feed_forward", &Options::feed_forward)
          .range(1, 64)
          .doc("Width of the feed-forward layer, in multiples of hidden."),
      field("transform", &Options::transform)
          .doc("A linear layer with GELU and a norm between the last block and the scores, as in the original."),
      field("position_origin", &Options::position_origin)
          .choices("start", "end")
          .doc("Positions count from a window's first token, or so that its last one has the last position."),
      field("padding", &Options::padding)
          .choices("none")
          .doc("Sequences are packed, no token is padding; stated here so that model files say it."),
      field("mask_probability", &Options::mask_probability)
          .range(0, 1)
          .doc("Training: an event is masked with this probability, at least one per window."),
      field("last_mask_probability", &Options::last_mask_probability)
          .range(0, 1)
          .doc("Training: in this share of the windows the last event alone is masked."),
      field("dropout", &Options::dropout)
          .range(0, 0.99)
          .doc("Dropout of embeddings, attention probabilities and residual branches."),
      field("initializer_range", &Options::initializer_range).range(0, 10).doc("Deviation of the initial weights."),
      field("layer_norm_epsilon", &Options::layer_norm_epsilon)
          .range(0, 1)
          .doc("Added to the variance in layer norms.")};

  static void check(const Options& o) { nn::check_heads(o.hidden, o.heads); }

  int64_t hidden() const { return options.hidden; }
  int64_t max_length() const { return options.max_length; }
  bool positions_from_end() const { return options.position_origin == Origin::end; }
  Cloze cloze() const { return {options.mask_probability, options.last_mask_probability}; }

  void declare(Parameters& p, Sites& sites) {
    const int64_t d = options.hidden;
    const double deviation = options.initializer_range, epsilon = options.layer_norm_epsilon;
    items_table_ = nn::Embedding(p, "item_emb", items() + 1, d, deviation, HEDDLE_ROLE_ITEM_TABLE);
    positions_table_ = nn::Embedding(p, "pos_emb", options.max_length, d, deviation);
    embedding_norm_ = nn::Norm(p, "embedding_norm", d, epsilon);
    const bool pre = options.block == Form::pre_ln;
    stack_ = nn::Stack(p, sites, "h.", options.layers,
                       {.hidden = d,
                        .heads = static_cast<int32_t>(options.heads),
                        .epsilon = epsilon,
                        .deviation = deviation,
                        .projection_deviation = deviation,
                        .kind = pre ? nn::BlockKind::pre_ln : nn::BlockKind::post_ln,
                        .causal = false,
                        .inner = options.feed_forward * d});
    if (pre) last_norm_ = nn::Norm(p, "norm", d, epsilon);
    if (options.transform) {
      transform_ = nn::Linear(p, "transform", d, d, deviation);
      transform_norm_ = nn::Norm(p, "transform_norm", d, epsilon);
    }
    bias_ = p.add("output_bias", {items()});
    objective_ = nn::Objective(p, {}, items());
    final_ = sites.add("final", d, "The state that scores are made of.");
  }

  void train(Ops& ops, const Batch& batch, Losses& losses) {
    const heddle_rng_key embedding_key = ops.rng(0);
    nn::Stack::Trace trace;
    const Tensor sum = embed(ops, batch);
    const LayerNorm embedded = embedding_norm_.forward(ops, sum);
    const Tensor first = ops.dropout(options.dropout, embedding_key, ops.copy(embedded.y));
    const Tensor x = stack_.train(ops, batch.offsets, first, options.dropout, 1, trace);
    const Head head = run_head(ops, x, true);
    const Tensor dh = ops.tensor(x.shape());
    objective_.add(ops, head.h, items_table_.table(), bias_, batch.targets, dh, losses);
    const Tensor dx = head_backward(ops, x, head, dh);
    stack_.backward(ops, trace, dx);
    ops.dropout(options.dropout, embedding_key, dx);
    embedding_norm_.backward(ops, sum, embedded, dx, dh);
    items_table_.backward(ops, batch.items, dh);
    positions_table_.backward(ops, batch.positions, dh);
  }

  void forward(Ops& ops, const Batch& batch, const Hook& hook, const Tensor& hidden) {
    const Tensor x = stack_.forward(ops, batch.offsets, embedding_norm_.forward(ops, embed(ops, batch)).y, hook);
    const Tensor h = run_head(ops, x, false).h;
    hook(final_, h);
    ops.copy(h, hidden);
  }
  void score(Ops& ops, const Tensor& hidden, const Tensor& scores) {
    items_table_.score(ops, hidden, scores, ops[bias_]);
  }

  int64_t cache_width(Site site) const { return stack_.kept_width(stack_.behind(site)); }
  void forward_caching(Ops& ops, const Batch& batch, const Hook& hook, Site site, const Tensor&, const Tensor& hidden) {
    stack_.behind(site);  // refuses sites that inference cannot start behind
    forward(ops, batch, hook, hidden);
  }
  void forward_from(Ops& ops, const Resume& from, const Tensor& hidden) {
    if (from.site.index == final_.index) {
      ops.copy(from.activations, hidden);
      return;
    }
    const Tensor x =
        stack_.forward_suffix(ops, nn::Rows(from.suffix_offsets), ops.copy(from.activations), stack_.behind(from.site));
    ops.copy(run_head(ops, x, false).h, hidden);
  }

 private:
  // What stands between the last block and the scores; kept for backward.
  struct Head {
    LayerNorm last, transformed;
    Tensor pre, activated, h;
  };
  Head run_head(Ops& ops, const Tensor& x, bool training) const {
    Head head;
    head.h = x;
    if (options.block == Form::pre_ln) {
      head.last = last_norm_.forward(ops, x);
      head.h = head.last.y;
    }
    if (options.transform) {
      if (training) head.pre = ops.tensor(x.shape());
      head.activated = transform_.forward(ops, head.h, HEDDLE_ACTIVATION_GELU_TANH, head.pre);
      head.transformed = transform_norm_.forward(ops, head.activated);
      head.h = head.transformed.y;
    }
    return head;
  }
  // dh, the gradient of head.h, becomes that of x, in the same or other memory.
  Tensor head_backward(Ops& ops, const Tensor& x, const Head& head, Tensor dh) const {
    if (options.transform) {
      const Tensor dpre = ops.tensor(x.shape());
      transform_norm_.backward(ops, head.activated, head.transformed, dh, dpre);
      ops.activation_backward(HEDDLE_ACTIVATION_GELU_TANH, head.pre, dpre, dpre);
      transform_.backward(ops, options.block == Form::pre_ln ? head.last.y : x, dpre, dh);
    }
    if (options.block == Form::post_ln) return ops.copy(dh);
    const Tensor dx = ops.tensor(x.shape());
    last_norm_.backward(ops, x, head.last, dh, dx);
    return dx;
  }

  Tensor embed(Ops& ops, const Batch& batch) const {
    const Tensor x = items_table_.forward(ops, batch.items);
    return ops.add(positions_table_.forward(ops, batch.positions), x);
  }

  nn::Embedding items_table_, positions_table_;
  nn::Norm embedding_norm_, last_norm_, transform_norm_;
  nn::Stack stack_;
  nn::Linear transform_;
  nn::Objective objective_;
  Param bias_;
  Site final_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.bert4rec", "1.0.0", Bert4Rec)
