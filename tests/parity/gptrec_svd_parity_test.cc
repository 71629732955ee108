// heddle.gptrec_svd against numpy's SVD and an independent GPT-2 in PyTorch, float64: same log -> same codes; same
// weights and batch -> same loss and gradients; lists are those of scoring every item (gptrec_svd_parity.py).
// Needs a Python with torch and numpy (peers.h); else skipped.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/rng.h"
#include "core/data/batcher.h"
#include "core/plugin/registry.h"
#include "core/store/safetensors.h"
#include "core/train/backbone.h"
#include "tests/parity/peers.h"

namespace heddle {
namespace {

constexpr int64_t kItems = 150, kMaxLength = 9, kTop = 12;

TEST(GptRecSvdParityLong, codes_loss_gradients_and_lists_are_those_of_numpy_and_pytorch) {
  if (const std::string why = peers::missing("torch, numpy"); !why.empty()) GTEST_SKIP() << why;
  const Registry registry;
  const Component& component = registry.find(HEDDLE_KIND_BACKBONE, "heddle.gptrec_svd");
  const nlohmann::json spec = {{"plugin", "heddle.gptrec"},
                               {"tokens_per_item", 3},
                               {"values_per_token", 10},
                               {"hidden", 32},
                               {"layers", 2},
                               {"heads", 2},
                               {"layer_norm_epsilon", 1e-5}};
  const Values values(component, {{"tokens_per_item", int64_t{3}, {}},
                                  {"values_per_token", int64_t{10}, {}},
                                  {"hidden", int64_t{32}, {}},
                                  {"layers", int64_t{2}, {}},
                                  {"heads", int64_t{2}, {}},
                                  {"max_length", kMaxLength, {}},
                                  {"beam_width", kItems, {}},
                                  {"noise", 0.0, {}},
                                  {"dropout", 0.0, {}}});
  const auto device = Device::cpu();
  Context context(*device);
  Backbone backbone(*device, component, values, kItems);
  backbone.initialise(context, 1);
  ParameterSet& parameters = backbone.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (parameters.info(i).buffer) continue;
    PhiloxStream random(rng_key(3, RngPurpose::test, i));
    for (float& value : parameters.tensor(i).span<float>()) value += static_cast<float>(0.2 * random.normal());
  }

  // A log with a few tastes and popular items, so that the first singular values stand apart.
  std::vector<int64_t> log_offsets{0};
  std::vector<int32_t> log_items;
  PhiloxStream random(rng_key(4, RngPurpose::test));
  for (int64_t user = 0; user < 400; ++user) {
    const uint64_t taste = random.below(5);
    for (uint64_t n = 3 + random.below(25); n > 0; --n) {
      const double u = random.uniform();
      const auto near = static_cast<uint64_t>(u * u * 30) + 30 * taste;
      log_items.push_back(static_cast<int32_t>(random.uniform() < 0.7 ? near : random.below(kItems - 1)));
    }
    log_offsets.push_back(static_cast<int64_t>(log_items.size()));
  }
  const heddle_training_log log{sizeof log, 0, 400, log_offsets.data(), log_items.data()};
  backbone.prepare(context, rng_key(1, RngPurpose::component), HEDDLE_PRECISION_F32, log);

  Batch batch;
  batch.offsets = {0};
  for (const int64_t length : {1, 4, 8, 9}) {  // the last fills the window
    for (int64_t t = 0; t < length; ++t) {
      batch.items.push_back(static_cast<int32_t>(random.below(kItems)));
      batch.targets.push_back(-1);
      batch.positions.push_back(static_cast<int32_t>(t));
    }
    for (int64_t t = 0; t + 1 < length; ++t)
      batch.targets[static_cast<size_t>(batch.offsets.back() + t)] =
          batch.items[static_cast<size_t>(batch.offsets.back() + t + 1)];
    batch.users.push_back(static_cast<int32_t>(batch.users.size()));
    batch.ranges.push_back(static_cast<int64_t>(batch.ranges.size()));
    batch.offsets.push_back(batch.tokens());
  }
  batch.bind(true);
  const int64_t n = batch.count();

  // One run for each of the two positions that a batch may begin at.
  bool begun[2] = {false, false};
  for (uint64_t step = 0; step < 32 && !(begun[0] && begun[1]); ++step) {
    TensorList gradients(*device, parameters.infos(), true);
    gradients.zero(context);
    LossCollector losses;
    backbone.train(context, rng_key(1, RngPurpose::dropout, step), HEDDLE_PRECISION_F32, batch.sequences(), gradients,
                   losses);
    const double loss = losses.total();
    std::vector<int32_t> lists(static_cast<size_t>(n * kTop));
    std::vector<float> scores(lists.size());
    ASSERT_TRUE(backbone.rank(context, HEDDLE_PRECISION_F32, batch.sequences(), nullptr, nullptr, nullptr, kTop,
                              lists.data(), scores.data()));

    SafeTensorsWriter writer;
    writer.metadata("spec", spec.dump());
    bool shifted = false;
    for (size_t i = 0; i < parameters.size(); ++i) {
      const ParameterInfo& info = parameters.info(i);
      writer.add("weight:" + info.name, stored::f32, info.shape, parameters.tensor(i).data<float>());
      if (!gradients.has(i)) continue;
      writer.add("gradient:" + info.name, stored::f32, info.shape, gradients[i].data<float>());
      if (info.name == "wpe.weight") shifted = gradients[i].span<float>()[0] == 0;
    }
    if (std::exchange(begun[shifted], true)) continue;
    writer.add("log.offsets", stored::i64, {static_cast<int64_t>(log_offsets.size())}, log_offsets.data());
    writer.add("log.items", stored::i32, {static_cast<int64_t>(log_items.size())}, log_items.data());
    writer.add("offsets", stored::i64, {n + 1}, batch.offsets.data());
    writer.add("items", stored::i32, {batch.tokens()}, batch.items.data());
    writer.add("lists", stored::i32, {n, kTop}, lists.data());
    writer.add("scores", stored::f32, {n, kTop}, scores.data());
    writer.add("loss", stored::f64, {1}, &loss);
    const std::string file = peers::file("gptrec-svd-parity.safetensors");
    writer.write(file);
    EXPECT_EQ(peers::run("gptrec_svd_parity.py", file), 0);
  }
  EXPECT_TRUE(begun[0] && begun[1]);
}

}  // namespace
}  // namespace heddle
