// Objective: what a backbone with an item table is trained for. Loss and gradients of one batch, from the states of its
// tokens and their targets, without ever storing the scores of all items.
//
//   struct Options : nn::ObjectiveOptions { int64_t hidden = 64; … } options;
//   static constexpr Schema schema = nn::with_objective(field("hidden", &Options::hidden), …);   // + objective …
//   void declare(Parameters& p, Sites& sites) { …; objective_ = nn::Objective(p, options, items()); }
//   void prepare(Ops& ops, const TrainingLog& log) { objective_.prepare(ops, log); }
//   void train(…) { …; objective_.add(ops, hidden, table, bias, batch.targets, dhidden, losses); … }
//
// With s the scores hidden table^T + bias, k = `negatives` draws, n_j how often item j was drawn, means over the tokens
// with a target y:
//   cross_entropy    -log softmax(s)_y over all items
//   bce              (softplus(-s_y) + sum_j n_j softplus(s_j)) / (k + 1)
//   gbce             (beta softplus(-s_y) + sum_j n_j softplus(s_j)) / (k + 1),
//                    beta = alpha (t (1 - 1/alpha) + 1/alpha), alpha = k / (V - 1), at most 1; t = `calibration`: 0 is
//                    bce, 1 undoes the sampling's overconfidence (Petrov & Macdonald, gSASRec, RecSys 2023)
//   sampled_softmax  -s_y + log(e^{s_y} + sum_j n_j e^{s_j - log(k q_j)}), an estimate of cross_entropy (log-Q
//                    correction, Bengio & Senecal 2008)
// A handle to declared tensors; copy freely. Threads: as Ops.
#pragma once

#include "sampler.hpp"

namespace heddle::sdk::nn {

enum class ObjectiveKind : int32_t { cross_entropy, bce, gbce, sampled_softmax };

// Base of a backbone's Options.
struct ObjectiveOptions {
  ObjectiveKind objective = ObjectiveKind::cross_entropy;
  int64_t negatives = 256;
  Negatives negatives_from = Negatives::uniform;
  double popularity_power = 0.75;
  double calibration = 0.75;
};

// The schema of a backbone: its own fields, then those of ObjectiveOptions.
template <class... Fields>
constexpr auto with_objective(Fields... own) {
  using O = ObjectiveOptions;
  return Schema(
      own...,
      field("objective", &O::objective)
          .choices("cross_entropy", "bce", "gbce", "sampled_softmax")
          .doc("Training objective: over all items, or over the target and sampled negatives."),
      field("negatives", &O::negatives).range(1, 1 << 20).unit("items").doc("Sampled objectives: draws per target."),
      field("negatives_from", &O::negatives_from)
          .choices("uniform", "popularity")
          .doc("Sampled objectives: all items alike, or in proportion to their training events^popularity_power."),
      field("popularity_power", &O::popularity_power).range(0, 2).doc("Exponent of the events of an item."),
      field("calibration", &O::calibration)
          .range(0, 1)
          .doc("gbce: t of Petrov & Macdonald 2023; 0 is bce, 1 gives calibrated probabilities."));
}

class Objective {
 public:
  Objective() = default;
  // Declares what the sampler keeps, under PREFIX. items: V, the rows of the table that are items.
  Objective(Parameters& parameters, const ObjectiveOptions& options, int64_t items, const char* prefix = "sampler")
      : options_(options), items_(items) {
    if (sampled())
      sampler_ =
          Sampler(parameters, prefix, items, options.negatives, options.negatives_from, options.popularity_power);
  }

  // Call from the backbone's prepare().
  void prepare(Ops& ops, const TrainingLog& log) const {
    if (sampled()) sampler_.prepare(ops, log);
  }

  // hidden [T,d]; table [V or more,d], of which the first V rows are the items; bias [V or more] or Param(); targets
  // i32 [T], -1 = no loss here. Adds the loss, named as the objective, fills dhidden [T,d] and adds to the gradients of
  // table and bias. Returns the loss. Draws are those of stream kStream of the call: once per call.
  double add(Ops& ops, const Tensor& hidden, Param table, Param bias, const Tensor& targets, const Tensor& dhidden,
             Losses& losses) const {
    const Head head{ops[table].row_slice(0, items_), ops.grad(table).row_slice(0, items_),
                    bias ? first(ops[bias]) : Tensor(), bias ? first(ops.grad(bias)) : Tensor()};
    const double loss = sampled() ? over_candidates(ops, hidden, head, targets, dhidden)
                                  : over_all(ops, hidden, head, targets, dhidden);
    losses.add(name(), loss);
    return loss;
  }

  bool sampled() const { return options_.objective != ObjectiveKind::cross_entropy; }
  const char* name() const {
    constexpr const char* names[] = {"cross_entropy", "bce", "gbce", "sampled_softmax"};
    return names[static_cast<int>(options_.objective)];
  }
  // gbce: the power of the target's probability.
  double beta() const {
    const double others = static_cast<double>(items_ > 1 ? items_ - 1 : 1);
    const double share = static_cast<double>(options_.negatives) / others, alpha = share < 1 ? share : 1;
    return alpha * (options_.calibration * (1 - 1 / alpha) + 1 / alpha);
  }

  static constexpr uint64_t kStream = 0x4F424A4543544956;  // far from the small numbers that backbones use

 private:
  struct Head {
    Tensor table, dtable, bias, dbias;
  };
  Tensor first(const Tensor& vector) const {
    return vector.reshaped({vector.elements(), 1}).row_slice(0, items_).reshaped({items_});
  }

  static double over_all(Ops& ops, const Tensor& hidden, const Head& head, const Tensor& targets,
                         const Tensor& dhidden) {
    return ops
        .cross_entropy({.hidden = hidden,
                        .table = head.table,
                        .bias = head.bias,
                        .targets = targets,
                        .dhidden = dhidden,
                        .dtable = head.dtable,
                        .dbias = head.dbias})
        .mean();
  }

  double over_candidates(Ops& ops, const Tensor& hidden, const Head& head, const Tensor& targets,
                         const Tensor& dhidden) const {
    const bool softmax = options_.objective == ObjectiveKind::sampled_softmax;
    const double scale = softmax ? 1 : 1 / static_cast<double>(options_.negatives + 1);
    const Codes drawn = sampler_.draw(ops, ops.rng(kStream), targets);
    const int64_t stored = drawn.stored();
    const Tensor logits = ops.codes_backward(drawn, hidden, head.table), dlogits = ops.tensor({stored});
    if (head.bias) {
      const Tensor biases = ops.gather_rows(head.bias.reshaped({items_, 1}), drawn.indices());
      ops.add(biases.reshaped({stored}), logits);
    }
    const CrossEntropyLoss loss =
        ops.candidate_loss({.kind = softmax ? HEDDLE_CANDIDATES_SOFTMAX : HEDDLE_CANDIDATES_BINARY,
                            .scale = scale,
                            .positive_power = options_.objective == ObjectiveKind::gbce ? beta() : 1.0,
                            .codes = drawn,
                            .targets = targets,
                            .logits = logits,
                            .corrections = softmax ? sampler_.corrections(ops) : Tensor(),
                            .dlogits = dlogits});
    ops.decode_values(drawn, dlogits, head.table, {}, dhidden);
    ops.codes_weight_gradient(drawn, dlogits, hidden, {}, head.dtable);
    if (head.bias) ops.codes_column_sum(drawn, dlogits, head.dbias);
    return scale * loss.mean();
  }

  ObjectiveOptions options_;
  int64_t items_ = 0;
  Sampler sampler_;
};

}  // namespace heddle::sdk::nn
