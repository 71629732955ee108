// heddle.gptrec against an independent GPT-2 in PyTorch: same weights and batch -> same scores, loss and gradients.
// Needs a Python with torch and numpy: HEDDLE_PEERS_VENV, or .venv of this tree (./dev bench --peers makes it); else skipped.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/data/batcher.h"
#include "core/plugin/registry.h"
#include "core/store/safetensors.h"
#include "core/train/backbone.h"

namespace heddle {
namespace {

constexpr int64_t kItems = 211;

std::filesystem::path python() {
  const char* given = std::getenv("HEDDLE_PEERS_VENV");
  const std::filesystem::path venv = given != nullptr ? given : HEDDLE_SOURCE_DIR "/.venv";
  return venv / "bin/python";
}

// Sequences of 1, 2, 31 and 48 tokens; every seventh token carries no loss.
void fill(Batch& batch) {
  PhiloxStream random(rng_key(2, RngPurpose::test));
  batch.offsets = {0};
  for (const int64_t length : {1, 2, 31, 48}) {
    for (int64_t t = 0; t < length; ++t) {
      batch.items.push_back(static_cast<int32_t>(random.below(kItems)));
      batch.targets.push_back(batch.tokens() % 7 == 3 ? -1 : static_cast<int32_t>(random.below(kItems)));
      batch.positions.push_back(static_cast<int32_t>(t));
    }
    batch.users.push_back(static_cast<int32_t>(batch.users.size()));
    batch.ranges.push_back(static_cast<int64_t>(batch.ranges.size()));
    batch.offsets.push_back(batch.tokens());
  }
  batch.bind(true);
}

TEST(GptrecParityLong, scores_loss_and_gradients_are_those_of_pytorch) {
  if (!std::filesystem::exists(python())) GTEST_SKIP() << "no " << python() << " (./dev bench --peers makes it)";
  const Registry registry;
  const Component& component = registry.find(HEDDLE_KIND_BACKBONE, "heddle.gptrec");
  const Values values(component, {{"hidden", int64_t{64}, {}},
                                  {"layers", int64_t{3}, {}},
                                  {"heads", int64_t{2}, {}},
                                  {"max_length", int64_t{48}, {}},
                                  {"dropout", 0.0, {}}});
  const auto device = Device::cpu();
  Context context(*device);
  Backbone backbone(*device, component, values, kItems);
  backbone.initialise(context, 1);
  // Biases and gains away from 0 and 1, where a mistake would not show.
  ParameterSet& parameters = backbone.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    PhiloxStream random(rng_key(3, RngPurpose::test, i));
    for (float& value : parameters.tensor(i).span<float>()) value += static_cast<float>(0.1 * random.normal());
  }

  Batch batch;
  fill(batch);
  const int64_t tokens = batch.tokens();
  Tensor hidden(*device, DType::f32, {tokens, backbone.hidden()}), scores(*device, DType::f32, {tokens, kItems});
  ASSERT_TRUE(backbone.forward(context, HEDDLE_PRECISION_F32, batch.sequences(), nullptr, hidden));
  backbone.score(context, HEDDLE_PRECISION_F32, hidden, scores);
  TensorList gradients(*device, parameters.infos(), true);
  gradients.zero(context);
  LossCollector losses;
  backbone.train(context, rng_key(1, RngPurpose::dropout), HEDDLE_PRECISION_F32, batch.sequences(), gradients, losses);
  const double loss = losses.total();

  SafeTensorsWriter writer;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const ParameterInfo& info = parameters.info(i);
    writer.add("weight:" + info.name, stored::f32, info.shape, parameters.tensor(i).data<float>());
    if (gradients.has(i)) writer.add("gradient:" + info.name, stored::f32, info.shape, gradients[i].data<float>());
  }
  writer.add("offsets", stored::i64, {static_cast<int64_t>(batch.offsets.size())}, batch.offsets.data());
  writer.add("items", stored::i32, {tokens}, batch.items.data());
  writer.add("targets", stored::i32, {tokens}, batch.targets.data());
  writer.add("scores", stored::f32, {tokens, kItems}, scores.data<float>());
  writer.add("loss", stored::f64, {1}, &loss);
  const std::filesystem::path file = std::filesystem::path(HEDDLE_BUILD_DIR) / "gptrec-parity.safetensors";
  writer.write(file);

  const std::string command =
      python().string() + " " HEDDLE_SOURCE_DIR "/tests/parity/gptrec_parity.py " + file.string();
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

}  // namespace
}  // namespace heddle
