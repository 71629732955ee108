// Sampler: negatives of sampled objectives, drawn for every token of a batch by the device (ops.sample_candidates).
//
// Uniform, or in proportion to (events of the item in the training log)^power; an item without events counts as one
// event, so every item may be drawn and log-Q is finite. The popularity of items lives in buffers among the backbone's
// tensors: prepare() writes them once, a checkpoint keeps them, and training on a device reads them there. A uniform
// sampler declares nothing.
//
// A handle to declared tensors; copy freely. Threads: as Ops. Errors: those of the op (a catalogue of one item).
// Source: log-Q correction, Bengio & Senecal 2008; powers of popularity, Mikolov et al. 2013.
#pragma once

#include <cmath>

#include "../backbone.hpp"

namespace heddle::sdk::nn {

enum class Negatives : int32_t { uniform, popularity };

class Sampler {
 public:
  Sampler() = default;
  // For popularity: declares the buffers PREFIX.weights and PREFIX.corrections [items].
  Sampler(Parameters& parameters, const std::string& prefix, int64_t items, int64_t count, Negatives kind, double power)
      : items_(items), count_(count), power_(power) {
    if (kind == Negatives::uniform) return;
    weights_ = parameters.add(prefix + ".weights", {items}).buffer();
    corrections_ = parameters.add(prefix + ".corrections", {items}).buffer();
  }

  // Call from the backbone's prepare().
  void prepare(Ops& ops, const TrainingLog& log) const {
    if (!weights_) return;
    std::vector<int64_t> events(static_cast<std::size_t>(items_), 0);
    for (int64_t user = 0; user < log.users(); ++user)
      for (int32_t item : log.items_of(user)) ++events.at(static_cast<std::size_t>(item));
    std::vector<float> weights, corrections;
    double sum = 0;
    for (int64_t n : events) {
      weights.push_back(static_cast<float>(std::pow(static_cast<double>(n < 1 ? 1 : n), power_)));
      sum += static_cast<double>(weights.back());
    }
    for (float weight : weights)
      corrections.push_back(
          static_cast<float>(std::log(static_cast<double>(count_) * static_cast<double>(weight) / sum)));
    ops.copy(Tensor::of(weights.data(), {items_}), ops[weights_]);
    ops.copy(Tensor::of(corrections.data(), {items_}), ops[corrections_]);
  }

  // Row t: the target with value 0 and the drawn items with how often each was drawn; see abi/ops.h.
  Codes draw(Ops& ops, heddle_rng_key key, const Tensor& targets) const {
    return ops.sample_candidates(key, items_, count_, targets, weights_ ? ops[weights_] : Tensor());
  }

  // log(count q_j) for every item: what sampled softmax subtracts from the scores of negatives. For popularity q_j is
  // the item's share of all items, the target included: a row's estimate of the partition function is off by the factor
  // 1 - share(target), the same for all its negatives. Uniform: exact.
  Tensor corrections(Ops& ops) const {
    if (corrections_) return ops[corrections_];
    return ops.fill(std::log(static_cast<double>(count_) / static_cast<double>(items_ - 1)), ops.tensor({items_}));
  }

  int64_t count() const { return count_; }
  int64_t items() const { return items_; }

 private:
  int64_t items_ = 0, count_ = 0;
  double power_ = 0;
  Param weights_, corrections_;
};

}  // namespace heddle::sdk::nn
