// GPTRec over several tokens per item (Petrov & Macdonald 2023): the codes of an item come from a truncated SVD of the
// training log (item_codes.h), a GPT-2 decoder is trained to predict the next token, and lists are made by beam search
// over the codes of the catalogue (decode.h).
//
//   token k of an item = k v + its k-th code;   x = dropout(wte[token] + wpe[position]);  blocks;  h = ln_f(x)
//   loss: cross-entropy of the next token over all t v tokens, at every token but the last of a sequence
//   rank: score(item) = sum_k log p(code k | history, codes 1..k-1), p over the v values of place k
//
// The rows of a site are the items of a batch: the states of an item's t tokens side by side, [T, t * hidden].
// Windows of max_length items use the positions 0 .. max_length * t - 1, and the item decoded behind a full window the
// t ones after them. So that these are trained too, each training batch starts at item position 0 or 1, by chance.
// Tensors have the names and orientation of GPT-2, as in heddle.gptrec; `tokens` is the buffer of the items' tokens.
#include <cmath>
#include <cstdio>

#include "decode.h"
#include "item_codes.h"

using namespace heddle::sdk;

namespace {

struct GptRecSvd : Backbone<GptRecSvd> {
  static constexpr About about{"heddle.gptrec_svd",
                               "GPT-2 decoder over several tokens per item, from an SVD of the log, with beam search "
                               "(Petrov & Macdonald 2023)."};
  static constexpr bool causal = true;
  static constexpr int32_t batches = HEDDLE_BATCHES_WHOLE;

  struct Options {
    int64_t tokens_per_item = 4;
    int64_t values_per_token = 512;
    double noise = 1e-5;
    int64_t beam_width = 32;
    int64_t hidden = 128;
    int64_t layers = 3;
    int64_t heads = 4;
    int64_t max_length = 100;
    double dropout = 0.1;
    double initializer_range = 0.02;
    double layer_norm_epsilon = 1e-5;
  } options;
  static constexpr Schema schema{
      field("tokens_per_item", &Options::tokens_per_item)
          .range(1, 32)
          .doc("Tokens per item: components of the truncated SVD."),
      field("values_per_token", &Options::values_per_token)
          .range(2, 65536)
          .doc("Values that a token may have: quantiles of a component."),
      field("noise", &Options::noise)
          .range(0, 1)
          .doc("Deviation of the noise that tells items with the same component, scaled to [0,1], apart."),
      field("beam_width", &Options::beam_width)
          .range(1, 65536)
          .doc("Hypotheses kept per code when a list is made; at least the length of the list."),
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

  static void check(const Options& o) { nn::check_heads(o.hidden, o.heads); }

  int64_t hidden() const { return row_width(); }
  int64_t max_length() const { return options.max_length; }

  void declare(Parameters& p, Sites& sites) {
    const int64_t d = options.hidden, t = options.tokens_per_item;
    const double deviation = options.initializer_range;
    tokens_table_ = nn::Embedding(p, "wte", t * options.values_per_token, d, deviation);
    positions_table_ = nn::Embedding(p, "wpe", (options.max_length + 1) * t, d, deviation);
    const nn::BlockShape shape{d, static_cast<int32_t>(options.heads), options.layer_norm_epsilon, deviation,
                               deviation / std::sqrt(2.0 * static_cast<double>(options.layers))};
    stack_ = nn::Stack(p, sites, "h.", options.layers, shape, t);
    norm_ = nn::Norm(p, "ln_f", d, options.layer_norm_epsilon);
    final_ =
        sites.add("final", row_width(), "The normalised states of an item's tokens that tokens are predicted from.");
    tokens_ = p.add("tokens", {items(), t}).buffer();
  }

  void prepare(Ops& ops, const TrainingLog& log) {
    const gptrec_svd::TruncatedSvd found = gptrec_svd::make_tokens(
        ops, ops.rng(), log, {options.tokens_per_item, options.values_per_token, options.noise}, ops[tokens_]);
    const std::string values = text(rounded(found.values.front()), " to ", rounded(found.values.back()));
    if (!found.converged)
      host.warning("the singular vectors have not settled within ", found.iterations, " iterations (values ", values,
                   "); the codes are usable, but another start would give others");
    else host.info("codes of ", items(), " items from ", log.users(), " users, singular values ", values);
  }

  void train(Ops& ops, const Batch& batch, Losses& losses) {
    const double dropout = options.dropout;
    const heddle_rng_key embedding_key = ops.rng(0);
    const int64_t shift = coin(embedding_key);
    const Tensor tokens = tokens_of(ops, batch);
    const std::vector<int64_t> token_offsets = offsets_of(batch);
    const Tensor offsets = Tensor::of(token_offsets.data(), {batch.count + 1});
    nn::Stack::Trace trace;
    const Tensor x = stack_.train(ops, offsets, ops.dropout(dropout, embedding_key, embed(ops, batch, tokens, shift)),
                                  dropout, 1, trace);
    const LayerNorm normed = norm_.forward(ops, x);
    const Tensor dnormed = ops.tensor(x.shape());
    const CrossEntropyLoss loss = ops.cross_entropy({.hidden = normed.y,
                                                     .table = ops[tokens_table_.table()],
                                                     .targets = next_tokens(ops, tokens, token_offsets),
                                                     .dhidden = dnormed,
                                                     .dtable = ops.grad(tokens_table_.table())});
    losses.add("cross_entropy", loss.mean());
    const Tensor dx = ops.tensor(x.shape());
    norm_.backward(ops, x, normed, dnormed, dx);
    stack_.backward(ops, trace, dx);
    ops.dropout(dropout, embedding_key, dx);
    tokens_table_.backward(ops, tokens, dx);
    ops.scatter_add_rows(by_item(dx), batch.positions, placed(ops.grad(positions_table_.table()), shift));
  }

  void forward(Ops& ops, const Batch& batch, const Hook& hook, const Tensor& hidden) {
    ops.copy(run(ops, batch, hook, {}), hidden);
  }

  // The state alone knows the first code only: items get the logit of theirs, and those that share it tie. Lists are
  // made by rank().
  void score(Ops& ops, const Tensor& hidden, const Tensor& scores) {
    const int64_t d = options.hidden, n = items() * options.tokens_per_item;
    const Tensor tokens = ops.copy(ops[tokens_].reshaped({n}), ops.tensor({n}, i32));
    const Tensor first = by_item(ops.gather_rows(ops[tokens_table_.table()], tokens)).column_slice(0, d);
    ops.gemm(hidden.column_slice(row_width() - d, d), first, scores, {.transpose_b = true});
  }

  void rank(Ops& ops, const Batch& batch, const Hook& hook, const RankedLists& lists) {
    if (batch.count == 0) return;
    const int64_t d = options.hidden, t = options.tokens_per_item;
    const std::vector<int64_t> token_offsets = offsets_of(batch);
    const Tensor cache = ops.tensor({batch.tokens * t, stack_.kept_width(0)});
    const Tensor states = run(ops, batch, hook, cache);
    const Tensor last = ops.tensor({batch.count}, i32);
    std::vector<int64_t> positions;
    for (int64_t s = 0; s < batch.count; ++s) {
      const auto row = static_cast<std::size_t>(batch.offsets.span<int64_t>()[static_cast<std::size_t>(s) + 1] - 1);
      if (token_offsets[static_cast<std::size_t>(s)] == token_offsets[static_cast<std::size_t>(s) + 1])
        raise(HEDDLE_INVALID_ARGUMENT, "history ", s, " has no event to go on from");
      last.span<int32_t>()[static_cast<std::size_t>(s)] = static_cast<int32_t>(row);
      positions.push_back((batch.positions.span<int32_t>()[row] + 1) * t);
    }
    const gptrec_svd::DecoderParts parts{stack_, norm_, ops[tokens_table_.table()], ops[positions_table_.table()],
                                         options.values_per_token};
    gptrec_svd::Decoder(ops, parts, trie(ops[tokens_]), std::max(options.beam_width, lists.length()))
        .decode({Tensor::of(token_offsets.data(), {batch.count + 1}), std::move(positions), cache,
                 ops.gather_rows(states, last).column_slice(row_width() - d, d)},
                lists);
  }

 private:
  int64_t row_width() const { return options.tokens_per_item * options.hidden; }
  // [tokens, hidden] seen as [items, t * hidden].
  Tensor by_item(const Tensor& x) const {
    return x.reshaped({x.rows() / options.tokens_per_item, x.columns() * options.tokens_per_item});
  }
  // Rows of the positions table by item, from item position `shift` on.
  Tensor placed(const Tensor& table, int64_t shift) const {
    return by_item(table).row_slice(shift, options.max_length);
  }

  static std::string rounded(double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.4g", value);
    return digits;
  }
  static int64_t coin(heddle_rng_key key) {
    return static_cast<int64_t>(rng_stream({0, key.seed ^ key.stream}, 0).stream >> 63);
  }

  // The items' tokens, i32 [T * t].
  Tensor tokens_of(Ops& ops, const Batch& batch) const {
    const int64_t n = batch.tokens * options.tokens_per_item;
    return ops.copy(ops.gather_rows(ops[tokens_], batch.items).reshaped({n}), ops.tensor({n}, i32));
  }
  std::vector<int64_t> offsets_of(const Batch& batch) const {
    std::vector<int64_t> out;
    for (const int64_t offset : batch.offsets.span<int64_t>()) out.push_back(offset * options.tokens_per_item);
    return out;
  }
  static Tensor next_tokens(Ops& ops, const Tensor& tokens, const std::vector<int64_t>& offsets) {
    const int64_t n = tokens.rows();
    const Tensor next = ops.tensor({n}, i32);
    if (n > 0) ops.copy(tokens.row_slice(1, n - 1), next.row_slice(0, n - 1));
    for (std::size_t s = 1; s < offsets.size(); ++s)
      if (offsets[s] > offsets[s - 1]) ops.fill(-1, next.row_slice(offsets[s] - 1, 1));
    return next;
  }
  Tensor embed(Ops& ops, const Batch& batch, const Tensor& tokens, int64_t shift) const {
    const Tensor x = tokens_table_.forward(ops, tokens);
    const Tensor positions = ops.gather_rows(placed(ops[positions_table_.table()], shift), batch.positions);
    ops.add(positions, by_item(x));
    return x;
  }
  // Inference over whole histories: normalised states by item, [T, t * hidden].
  Tensor run(Ops& ops, const Batch& batch, const Hook& hook, const Tensor& cache) const {
    const Tensor tokens = tokens_of(ops, batch);
    const std::vector<int64_t> offsets = offsets_of(batch);
    const Tensor x = stack_.forward(ops, Tensor::of(offsets.data(), {batch.count + 1}), embed(ops, batch, tokens, 0),
                                    hook, 0, cache);
    const Tensor states = by_item(norm_.forward(ops, x).y);
    hook(final_, states);
    return states;
  }

  // The trie of these tokens; made anew when they are others than in the call before.
  const gptrec_svd::CodeTrie& trie(const Tensor& tokens) {
    const auto given = tokens.span<float>();
    if (!std::equal(given.begin(), given.end(), trie_tokens_.begin(), trie_tokens_.end())) {
      trie_tokens_.assign(given.begin(), given.end());
      trie_ = gptrec_svd::CodeTrie(trie_tokens_, items(), options.tokens_per_item);
    }
    return trie_;
  }

  nn::Embedding tokens_table_, positions_table_;
  nn::Stack stack_;
  nn::Norm norm_;
  Site final_;
  Param tokens_;
  std::vector<int32_t> trie_tokens_;
  gptrec_svd::CodeTrie trie_;
};

}  // namespace

HEDDLE_PLUGIN("heddle.gptrec_svd", "1.0.0", GptRecSvd)
