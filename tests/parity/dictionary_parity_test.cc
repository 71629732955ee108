// heddle.l1 against an independent program in PyTorch, float64 (dictionary-learning 0.1.0, dictionary_parity.py): same
// weights, same batches -> same loss at every step, same gradients, same weights after 40 steps of Adam with warm-ups
// of rate and sparsity and a decay. Two pairs: their trainer as it is, whose reconstruction term is the squared norm
// (l2_squared here), and with the norm itself, the term that the paper's tables need (l2_norm).
#include <gtest/gtest.h>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/plugin/registry.h"
#include "core/store/safetensors.h"
#include "core/train/dictionary_model.h"
#include "core/train/optimizer.h"
#include "tests/parity/peers.h"

namespace heddle {
namespace {

constexpr int64_t kInputs = 16, kFeatures = 60, kRows = 128, kSteps = 40, kDetailed[] = {0, 3, 25};
constexpr double kRate = 1e-3;
constexpr int64_t kWarmup = 5, kSparsityWarmup = 10, kDecayStart = 30;

class DictionaryParityLong : public testing::TestWithParam<const char*> {};

TEST_P(DictionaryParityLong, losses_gradients_and_steps_are_those_of_dictionary_learning) {
  if (const std::string why = peers::missing("dictionary_learning.trainers.standard"); !why.empty())
    GTEST_SKIP() << why;
  const std::string reconstruction = GetParam();
  const double l1 = reconstruction == "l2_norm" ? 0.1 : 0.4;
  const Registry registry;
  const Component& component = registry.find(HEDDLE_KIND_DICTIONARY, "heddle.l1");
  const Values values(component, {{"width", kFeatures, {}},
                                  {"l1", l1, {}},
                                  {"reconstruction", reconstruction, {}},
                                  {"sparsity_warmup", kSparsityWarmup, {}}});
  const auto device = Device::cpu();
  Context context(*device);
  DictionaryModel model(*device, component, values, kInputs);
  Tensor data(*device, DType::f32, {kSteps * kRows, kInputs});
  PhiloxStream random(rng_key(7, RngPurpose::test));
  for (float& value : data.span<float>()) value = static_cast<float>(random.normal());
  model.initialise(context, 1, data.data<float>(), kRows);
  ParameterSet& parameters = model.parameters();

  SafeTensorsWriter writer;
  nlohmann::json spec = {{"inputs", kInputs},
                         {"features", kFeatures},
                         {"rows", kRows},
                         {"steps", kSteps},
                         {"detailed", kDetailed},
                         {"rate", kRate},
                         {"warmup", kWarmup},
                         {"sparsity_warmup", kSparsityWarmup},
                         {"decay_start", kDecayStart},
                         {"l1", l1},
                         {"reconstruction", reconstruction}};
  writer.metadata("spec", spec.dump());
  std::vector<std::vector<float>> kept;  // the writer borrows
  kept.reserve(64);
  const auto add = [&](const std::string& name, size_t i, Tensor& tensor) {
    const auto now = tensor.span<float>();
    kept.emplace_back(now.begin(), now.end());
    writer.add(name + parameters.info(i).name, stored::f32, parameters.info(i).shape, kept.back().data());
  };
  for (size_t i = 0; i < parameters.size(); ++i) {
    // Biases away from 0, where a mistake would not show.
    if (parameters.info(i).name.ends_with("bias"))
      for (float& value : parameters.tensor(i).span<float>()) value += static_cast<float>(0.1 * random.normal());
    add("before:", i, parameters.tensor(i));
  }
  writer.add("data", stored::f32, {kSteps * kRows, kInputs}, data.data<float>());

  Optimizer optimizer(*device, parameters, {});
  TensorList gradients(*device, parameters.infos(), true);
  Codes codes(context);
  std::vector<double> losses;
  for (int64_t t = 0; t < kSteps; ++t) {
    const TensorView batch = data.rows(t * kRows, (t + 1) * kRows);
    const heddle_dictionary_step step{sizeof step, 0, t + 1, kSteps, batch.dl(), nullptr, 0, 0, 0};
    LossCollector terms;
    gradients.zero(context);
    model.train(context, rng_key(1, RngPurpose::dictionary_batch), HEDDLE_PRECISION_F32, step, codes.get(), gradients,
                terms);
    losses.push_back(terms.total());
    if (std::find(std::begin(kDetailed), std::end(kDetailed), t) != std::end(kDetailed)) {
      for (size_t i = 0; i < parameters.size(); ++i) add("gradient" + std::to_string(t) + ":", i, gradients[i]);
    }
    optimizer.step(context, parameters, gradients, learning_rate_at({kRate, kWarmup, kDecayStart}, t, kSteps));
  }
  for (size_t i = 0; i < parameters.size(); ++i) add("after:", i, parameters.tensor(i));
  writer.add("losses", stored::f64, {kSteps}, losses.data());
  const std::string file = peers::file("parity-dictionary-" + reconstruction + ".safetensors");
  writer.write(file);
  EXPECT_EQ(peers::run("dictionary_parity.py", file), 0) << file;
}

INSTANTIATE_TEST_SUITE_P(Reconstructions, DictionaryParityLong, testing::Values("l2_squared", "l2_norm"),
                         [](const auto& parameter) { return std::string(parameter.param); });

}  // namespace
}  // namespace heddle
