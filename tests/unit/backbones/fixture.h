// What the tests of backbones share: every form of every backbone in small, batches of the kind that each wants.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/data/batcher.h"
#include "core/plugin/registry.h"
#include "core/train/backbone.h"

namespace heddle::test {

constexpr int64_t kItems = 13, kHidden = 8;

struct Form {
  std::string name, plugin;
  std::vector<GivenValue> options;
};

inline GivenValue option(std::string name, GivenValue::Variant value) {
  return {std::move(name), std::move(value), {}};
}
inline GivenValue choice(std::string name, std::string value) { return option(std::move(name), std::move(value)); }

inline std::vector<Form> forms() {
  const int64_t three = 3;
  return {{"gptrec", "heddle.gptrec", {}},
          {"query_ln", "heddle.sasrec", {}},
          {"query_ln_projected",
           "heddle.sasrec",
           {option("output_projection", true), choice("position_origin", "start"), option("feed_forward", three)}},
          {"pre_ln", "heddle.sasrec", {choice("block", "pre_ln"), option("output_projection", true)}},
          {"pre_ln_bare", "heddle.sasrec", {choice("block", "pre_ln"), choice("activation", "gelu_tanh")}},
          {"post_ln",
           "heddle.sasrec",
           {choice("block", "post_ln"), option("output_projection", true), option("tied_head", false)}},
          {"gbce", "heddle.sasrec", {choice("objective", "gbce"), option("negatives", three)}},
          {"bert4rec", "heddle.bert4rec", {}},
          {"bert4rec_pre_ln", "heddle.bert4rec", {choice("block", "pre_ln")}},
          {"bert4rec_bare", "heddle.bert4rec", {option("transform", false)}}};
}
// For names of parameterised tests.
inline std::string name_of(const testing::TestParamInfo<Form>& info) { return info.param.name; }

struct Machine {
  explicit Machine(int threads = 2) : device(Device::cpu({threads, "auto"})), context(*device) {}
  std::unique_ptr<Device> device;
  Context context;
};

inline const Registry& registry() {
  static const Registry one;
  return one;
}

inline Values values_of(const Form& form, double dropout, int64_t layers = 2, int64_t heads = 2) {
  std::vector<GivenValue> given{option("hidden", kHidden), option("layers", layers), option("heads", heads),
                                option("max_length", int64_t{10}), option("dropout", dropout)};
  given.insert(given.end(), form.options.begin(), form.options.end());
  return Values(registry().find(HEDDLE_KIND_BACKBONE, form.plugin), std::move(given));
}

// Initialised, with weights so large that every path of the network matters.
inline std::unique_ptr<Backbone> make(Machine& machine, const Form& form, double dropout = 0, int64_t layers = 2) {
  auto backbone = std::make_unique<Backbone>(*machine.device, registry().find(HEDDLE_KIND_BACKBONE, form.plugin),
                                             values_of(form, dropout, layers), kItems);
  backbone->initialise(machine.context, 1);
  for (size_t i = 0; i < backbone->parameters().size(); ++i) {
    PhiloxStream random(rng_key(11, RngPurpose::test, i));
    for (float& value : backbone->parameters().tensor(i).span<float>())
      value += static_cast<float>(0.3 * random.normal());
  }
  return backbone;
}

// Random sequences of these lengths, with positions, mask tokens and targets as the host gives them to this backbone.
inline void fill(Batch& batch, const Backbone& backbone, const std::vector<int64_t>& lengths, uint64_t seed,
                 bool training) {
  const bool cloze = backbone.batches() == HEDDLE_BATCHES_CLOZE;
  PhiloxStream random(rng_key(seed, RngPurpose::test));
  batch.clear();
  batch.offsets = {0};
  for (const int64_t length : lengths) {
    for (int64_t t = 0; t < length; ++t) {
      const auto item = static_cast<int32_t>(random.below(kItems)), target = static_cast<int32_t>(random.below(kItems));
      const bool masked = cloze && (training ? t % 3 == 0 : t + 1 == length);
      batch.items.push_back(masked ? static_cast<int32_t>(kItems) : item);
      if (training) batch.targets.push_back((cloze ? masked : t != 2) ? target : -1);
      batch.positions.push_back(
          static_cast<int32_t>(t + (backbone.positions_from_end() ? backbone.max_length() - length : 0)));
    }
    batch.users.push_back(static_cast<int32_t>(batch.users.size()));
    batch.ranges.push_back(static_cast<int64_t>(batch.ranges.size()));
    batch.offsets.push_back(batch.tokens());
  }
  batch.bind(training);
}

inline std::vector<float> forward(Machine& machine, Backbone& backbone, const Batch& batch, const Hook& hook = {}) {
  Tensor hidden(*machine.device, DType::f32, {batch.tokens(), backbone.hidden()});
  EXPECT_TRUE(backbone.forward(machine.context, HEDDLE_PRECISION_F32, batch.sequences(), hook, hidden));
  return {hidden.span<float>().begin(), hidden.span<float>().end()};
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace heddle::test
