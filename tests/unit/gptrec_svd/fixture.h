// What the tests of heddle.gptrec_svd share: a small model with codes from a log, packed histories, scores of all items
// by running every item behind the history.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <set>

#include "core/base/error.h"
#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/rng.h"
#include "core/data/batcher.h"
#include "core/plugin/registry.h"
#include "core/train/backbone.h"

namespace heddle::test {

constexpr int64_t kItems = 40, kTokens = 3, kValues = 6, kHidden = 16, kLength = 7;
using Histories = std::vector<std::vector<int32_t>>;

// Steps through the catalogue, now and then a jump.
inline Histories walks(int64_t users, uint64_t seed) {
  Histories out;
  for (int64_t u = 0; u < users; ++u) {
    PhiloxStream random(rng_key(seed, RngPurpose::test, static_cast<uint64_t>(u)));
    auto item = static_cast<int32_t>(random.below(kItems));
    std::vector<int32_t> history;
    for (uint64_t t = 1 + random.below(kLength); t > 0; --t) {
      history.push_back(item);
      item = random.uniform() < 0.8 ? static_cast<int32_t>((item + 3) % kItems)
                                    : static_cast<int32_t>(random.below(kItems));
    }
    out.push_back(history);
  }
  return out;
}

inline void pack(Batch& batch, const Histories& histories, bool training = false) {
  batch.offsets = {0};
  batch.items.clear(), batch.positions.clear(), batch.users.clear(), batch.ranges.clear(), batch.targets.clear();
  for (const std::vector<int32_t>& history : histories) {
    for (size_t t = 0; t < history.size(); ++t) {
      batch.items.push_back(history[t]);
      batch.positions.push_back(static_cast<int32_t>(t));
      if (training) batch.targets.push_back(t + 1 < history.size() ? history[t + 1] : -1);
    }
    batch.users.push_back(static_cast<int32_t>(batch.users.size()));
    batch.ranges.push_back(static_cast<int64_t>(batch.ranges.size()));
    batch.offsets.push_back(batch.tokens());
  }
  batch.bind(training);
}

struct Lists {
  std::vector<int32_t> items;
  std::vector<float> scores;
  bool operator==(const Lists& other) const {
    return items == other.items && std::memcmp(scores.data(), other.scores.data(), scores.size() * sizeof(float)) == 0;
  }
};

class Model {
 public:
  explicit Model(int64_t beam_width = 1000, int threads = 2, double dropout = 0.0)
      : device(Device::cpu({threads, "auto"})),
        context(*device),
        backbone(*device, registry().find(HEDDLE_KIND_BACKBONE, "heddle.gptrec_svd"),
                 Values(registry().find(HEDDLE_KIND_BACKBONE, "heddle.gptrec_svd"), {{"tokens_per_item", kTokens, {}},
                                                                                     {"values_per_token", kValues, {}},
                                                                                     {"beam_width", beam_width, {}},
                                                                                     {"hidden", kHidden, {}},
                                                                                     {"layers", int64_t{2}, {}},
                                                                                     {"heads", int64_t{2}, {}},
                                                                                     {"max_length", kLength, {}},
                                                                                     {"dropout", dropout, {}}}),
                 kItems) {
    backbone.initialise(context, 1);
  }

  void prepare(const Histories& log) {
    std::vector<int64_t> offsets{0};
    std::vector<int32_t> items;
    for (const auto& history : log) {
      items.insert(items.end(), history.begin(), history.end());
      offsets.push_back(static_cast<int64_t>(items.size()));
    }
    const heddle_training_log raw{sizeof raw, 0, static_cast<int64_t>(log.size()), offsets.data(), items.data()};
    backbone.prepare(context, rng_key(1, RngPurpose::component), HEDDLE_PRECISION_F32, raw);
  }
  // Weights large enough that every token of a code changes what is likely behind it.
  void stir() {
    for (size_t i = 0; i < backbone.parameters().size(); ++i) {
      if (backbone.parameters().info(i).buffer) continue;
      PhiloxStream random(rng_key(11, RngPurpose::test, i));
      for (float& value : backbone.parameters().tensor(i).span<float>())
        value += static_cast<float>(0.4 * random.normal());
    }
  }
  const Tensor& parameter(const std::string& name) {
    for (size_t i = 0; i < backbone.parameters().size(); ++i)
      if (backbone.parameters().info(i).name == name) return backbone.parameters().tensor(i);
    throw std::logic_error(name);
  }
  std::vector<float> tokens() {
    const auto values = const_cast<Tensor&>(parameter("tokens")).span<float>();
    return {values.begin(), values.end()};
  }

  // seen: one sorted list per history, or none at all.
  Lists rank(const Histories& histories, const Histories& seen, int64_t k, const Hook& hook = {}) {
    Batch batch;
    pack(batch, histories);
    std::vector<int64_t> offsets{0};
    std::vector<int32_t> items;
    for (const auto& row : seen) {
      items.insert(items.end(), row.begin(), row.end());
      offsets.push_back(static_cast<int64_t>(items.size()));
    }
    const size_t n = histories.size() * static_cast<size_t>(k);
    Lists out{std::vector<int32_t>(n), std::vector<float>(n)};
    EXPECT_TRUE(backbone.rank(context, HEDDLE_PRECISION_F32, batch.sequences(), hook,
                              seen.empty() ? nullptr : offsets.data(), items.data(), k, out.items.data(),
                              out.scores.data()));
    return out;
  }

  std::vector<float> forward(const Histories& histories, const Hook& hook = {}) {
    Batch batch;
    pack(batch, histories);
    Tensor hidden(*device, DType::f32, {batch.tokens(), backbone.hidden()});
    EXPECT_TRUE(backbone.forward(context, HEDDLE_PRECISION_F32, batch.sequences(), hook, hidden));
    const auto values = hidden.span<float>();
    return {values.begin(), values.end()};
  }

  static const Registry& registry() {
    static const Registry one;
    return one;
  }

  std::unique_ptr<Device> device;
  Context context;
  Backbone backbone;
};

// log p(codes of item | history) of all items: the item is put behind the history, and every token's state gives the
// distribution of the next one. Shares nothing with rank() but forward().
inline std::vector<double> exhaustive(Model& model, const std::vector<int32_t>& history, const Hook& hook = {}) {
  const auto tokens = model.tokens();
  const auto table = const_cast<Tensor&>(model.parameter("wte.weight")).span<float>();
  std::vector<double> scores;
  for (int32_t item = 0; item < kItems; ++item) {
    std::vector<int32_t> longer = history;
    longer.push_back(item);
    const std::vector<float> states = model.forward({longer}, hook);  // [items, tokens, hidden]
    double sum = 0;
    for (int64_t k = 0; k < kTokens; ++k) {
      const float* state = states.data() + (static_cast<int64_t>(history.size()) * kTokens + k - 1) * kHidden;
      const auto code = static_cast<int64_t>(tokens[static_cast<size_t>(item * kTokens + k)]);
      double total = 0, own = 0;
      for (int64_t v = 0; v < kValues; ++v) {
        double logit = 0;
        for (int64_t c = 0; c < kHidden; ++c)
          logit += static_cast<double>(state[c]) *
                   static_cast<double>(table[static_cast<size_t>((k * kValues + v) * kHidden + c)]);
        total += std::exp(logit);
        if (k * kValues + v == code) own = logit;
      }
      sum += own - std::log(total);
    }
    scores.push_back(sum);
  }
  return scores;
}

}  // namespace heddle::test
