// heddle.gptrec: gradients against finite differences, rows that do not depend on their batch, bits that do not depend
// on threads, sites and hooks.
#include <cmath>

#include "core/base/error.h"
#include "fixture.h"

namespace heddle {
namespace {

using test::Machine;

constexpr int64_t kItems = 13;

void fill(Batch& batch, const std::vector<int64_t>& lengths, uint64_t seed, bool training) {
  PhiloxStream random(rng_key(seed, RngPurpose::test));
  batch.offsets = {0};
  for (const int64_t length : lengths) {
    for (int64_t t = 0; t < length; ++t) {
      batch.items.push_back(static_cast<int32_t>(random.below(kItems)));
      const auto target = static_cast<int32_t>(random.below(kItems));
      if (training) batch.targets.push_back(t == 2 ? -1 : target);
      batch.positions.push_back(static_cast<int32_t>(t));
    }
    batch.users.push_back(static_cast<int32_t>(batch.users.size()));
    batch.ranges.push_back(static_cast<int64_t>(batch.ranges.size()));
    batch.offsets.push_back(batch.tokens());
  }
  batch.bind(training);
}

// Weights large enough that every path of the network matters to the loss.
void stir(Backbone& backbone) {
  for (size_t i = 0; i < backbone.parameters().size(); ++i) {
    PhiloxStream random(rng_key(11, RngPurpose::test, i));
    for (float& value : backbone.parameters().tensor(i).span<float>())
      value += static_cast<float>(0.3 * random.normal());
  }
}

double loss_of(Machine& machine, Backbone& backbone, const Batch& batch, TensorList& gradients) {
  LossCollector losses;
  gradients.zero(machine.context);
  backbone.train(machine.context, rng_key(3, RngPurpose::dropout), HEDDLE_PRECISION_F32, batch.sequences(), gradients,
                 losses);
  return losses.total();
}

void check_gradients(double dropout) {
  Machine machine;
  Backbone backbone = test::gptrec(machine, kItems, test::gptrec_values(dropout));
  backbone.initialise(machine.context, 1);
  stir(backbone);
  Batch batch;
  fill(batch, {5, 1, 9}, 4, true);
  TensorList gradients(*machine.device, backbone.parameters().infos(), true),
      unused(*machine.device, backbone.parameters().infos(), true);
  loss_of(machine, backbone, batch, gradients);
  for (size_t i = 0; i < backbone.parameters().size(); ++i) {
    Tensor& weights = backbone.parameters().tensor(i);
    PhiloxStream random(rng_key(5, RngPurpose::test, i));
    // Along a random direction, the derivative is the inner product with the gradient; f32 noise asks for a wide step.
    std::vector<float> before(weights.span<float>().begin(), weights.span<float>().end()), direction(before.size());
    double expected = 0, norm = 0;
    for (size_t j = 0; j < direction.size(); ++j) {
      direction[j] = static_cast<float>(random.normal());
      expected += static_cast<double>(direction[j]) * static_cast<double>(gradients[i].data<float>()[j]);
      norm += static_cast<double>(direction[j]) * static_cast<double>(direction[j]);
    }
    const double step = 4e-3 / std::sqrt(norm) * std::sqrt(static_cast<double>(std::min<size_t>(direction.size(), 16)));
    const auto at = [&](double t) {
      for (size_t j = 0; j < direction.size(); ++j)
        weights.data<float>()[j] = before[j] + static_cast<float>(t * step) * direction[j];
      return loss_of(machine, backbone, batch, unused);
    };
    const double measured = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step);
    std::copy(before.begin(), before.end(), weights.data<float>());
    EXPECT_NEAR(measured, expected, 2e-3 * std::max(1.0, std::abs(expected))) << backbone.parameters().info(i).name;
  }
}

TEST(Gptrec, gradients_are_those_of_the_loss) { check_gradients(0); }
TEST(Gptrec, gradients_are_those_of_the_loss_under_dropout) { check_gradients(0.2); }

TEST(Gptrec, declares_the_names_and_shapes_of_gpt2) {
  Machine machine;
  Backbone backbone = test::gptrec(machine, kItems, test::gptrec_values(0.1, 8, 1, 2, 10));
  std::vector<std::string> names;
  for (const ParameterInfo& info : backbone.parameters().infos())
    names.push_back(info.name + " " + shape_text(info.shape));
  EXPECT_EQ(names, (std::vector<std::string>{
                       "wte.weight [13,8]", "wpe.weight [10,8]", "h.0.ln_1.weight [8]", "h.0.ln_1.bias [8]",
                       "h.0.attn.c_attn.weight [8,24]", "h.0.attn.c_attn.bias [24]", "h.0.attn.c_proj.weight [8,8]",
                       "h.0.attn.c_proj.bias [8]", "h.0.ln_2.weight [8]", "h.0.ln_2.bias [8]",
                       "h.0.mlp.c_fc.weight [8,32]", "h.0.mlp.c_fc.bias [32]", "h.0.mlp.c_proj.weight [32,8]",
                       "h.0.mlp.c_proj.bias [8]", "ln_f.weight [8]", "ln_f.bias [8]"}));
  EXPECT_EQ(backbone.parameters().with_role(HEDDLE_ROLE_ITEM_TABLE), size_t{0});
  EXPECT_EQ(backbone.max_length(), 10);
  EXPECT_EQ(backbone.hidden(), 8);
}

TEST(Gptrec, a_sequence_does_not_depend_on_its_batch_nor_on_threads) {
  std::vector<float> all;
  for (const int threads : {1, 2, 3}) {
    Machine machine(threads);
    Backbone backbone = test::gptrec(machine, kItems, test::gptrec_values(0.1));
    backbone.initialise(machine.context, 1);
    stir(backbone);
    Batch together;
    fill(together, {7, 3, 10}, 8, false);
    Tensor hidden(*machine.device, DType::f32, {20, 8});
    backbone.forward(machine.context, HEDDLE_PRECISION_F32, together.sequences(), {}, hidden);
    const std::vector<float> now(hidden.span<float>().begin(), hidden.span<float>().end());
    if (threads > 1) {
      EXPECT_TRUE(test::same_bits(all, now)) << threads;
    }
    all = now;
    for (size_t s = 0; s < 3; ++s) {
      Batch alone;
      const auto begin = static_cast<size_t>(together.offsets[s]), end = static_cast<size_t>(together.offsets[s + 1]);
      alone.items.assign(together.items.begin() + static_cast<std::ptrdiff_t>(begin),
                         together.items.begin() + static_cast<std::ptrdiff_t>(end));
      alone.positions.assign(together.positions.begin() + static_cast<std::ptrdiff_t>(begin),
                             together.positions.begin() + static_cast<std::ptrdiff_t>(end));
      alone.offsets = {0, static_cast<int64_t>(end - begin)};
      alone.users = {0};
      alone.ranges = {0};
      alone.bind(false);
      Tensor own(*machine.device, DType::f32, {alone.tokens(), 8});
      backbone.forward(machine.context, HEDDLE_PRECISION_F32, alone.sequences(), {}, own);
      EXPECT_EQ(std::memcmp(own.data<float>(), all.data() + begin * 8, own.bytes()), 0) << "sequence " << s;
    }
  }
}

TEST(Gptrec, gradients_have_the_same_bits_for_any_number_of_threads) {
  std::vector<float> first;
  for (const int threads : {1, 2, 3}) {
    Machine machine(threads);
    Backbone backbone = test::gptrec(machine, kItems, test::gptrec_values(0.1));
    backbone.initialise(machine.context, 1);
    Batch batch;
    fill(batch, std::vector<int64_t>(40, 9), 4, true);
    TensorList gradients(*machine.device, backbone.parameters().infos(), true);
    loss_of(machine, backbone, batch, gradients);
    std::vector<float> now;
    for (size_t i = 0; i < gradients.size(); ++i)
      now.insert(now.end(), gradients[i].span<float>().begin(), gradients[i].span<float>().end());
    if (threads == 1) first = now;
    EXPECT_TRUE(test::same_bits(first, now)) << threads;
  }
}

TEST(Gptrec, the_hook_is_called_at_every_site_in_order_and_may_stop_or_write) {
  Machine machine;
  Backbone backbone = test::gptrec(machine, kItems, test::gptrec_values(0.1));
  backbone.initialise(machine.context, 1);
  stir(backbone);
  Batch batch;
  fill(batch, {4, 4}, 8, false);
  Tensor plain(*machine.device, DType::f32, {8, 8}), hooked(*machine.device, DType::f32, {8, 8});
  backbone.forward(machine.context, HEDDLE_PRECISION_F32, batch.sequences(), {}, plain);
  std::vector<std::string> seen;
  const Hook look = [&](const HookPoint& point) {
    seen.push_back(backbone.sites()[static_cast<size_t>(point.site)].name);
    EXPECT_EQ(point.activations->shape[0], 8);
    return true;
  };
  EXPECT_TRUE(backbone.forward(machine.context, HEDDLE_PRECISION_F32, batch.sequences(), look, hooked));
  EXPECT_EQ(seen, (std::vector<std::string>{"block.0.attn.out", "block.0.mlp.out", "block.0.out", "block.1.attn.out",
                                            "block.1.mlp.out", "block.1.out", "final"}));
  EXPECT_EQ(std::memcmp(plain.data<float>(), hooked.data<float>(), plain.bytes()), 0);
  const int64_t site = backbone.site("block.0.out");
  EXPECT_FALSE(backbone.forward(
      machine.context, HEDDLE_PRECISION_F32, batch.sequences(), [&](const HookPoint& p) { return p.site != site; },
      hooked));
  const Hook write = [&](const HookPoint& point) {
    if (point.site == site) static_cast<float*>(point.activations->data)[0] += 1;
    return true;
  };
  EXPECT_TRUE(backbone.forward(machine.context, HEDDLE_PRECISION_F32, batch.sequences(), write, hooked));
  EXPECT_NE(std::memcmp(plain.data<float>(), hooked.data<float>(), plain.bytes()), 0);
  // The second sequence is untouched by what was written into the first.
  EXPECT_EQ(std::memcmp(plain.data<float>() + 32, hooked.data<float>() + 32, 32 * sizeof(float)), 0);
  EXPECT_THROW(backbone.forward(
                   machine.context, HEDDLE_PRECISION_F32, batch.sequences(),
                   [](const HookPoint&) -> bool { fail(HEDDLE_DATA_LOSS, "mine"); }, hooked),
               Error);
  EXPECT_THROW(backbone.site("block.9.out"), Error);
}

TEST(Gptrec, options_that_contradict_each_other_are_refused) { EXPECT_THROW(test::gptrec_values(0.1, 9, 1, 2), Error); }

TEST(Gptrec, initial_weights_are_those_of_gpt2) {
  Machine machine;
  Backbone backbone = test::gptrec(machine, 500, test::gptrec_values(0.1, 64, 3, 2, 128));
  backbone.initialise(machine.context, 1);
  for (size_t i = 0; i < backbone.parameters().size(); ++i) {
    const ParameterInfo& info = backbone.parameters().info(i);
    double squares = 0;
    for (const float value : backbone.parameters().tensor(i).span<float>())
      squares += static_cast<double>(value) * static_cast<double>(value);
    const double deviation = std::sqrt(squares / static_cast<double>(info.size()));
    const bool gain = info.name.find("ln_") != std::string::npos && info.name.ends_with("weight");
    const bool projection = info.name.ends_with("c_proj.weight");
    const double wanted = gain ? 1 : info.name.ends_with("bias") ? 0 : projection ? 0.02 / std::sqrt(6.0) : 0.02;
    EXPECT_NEAR(deviation, wanted, 0.05 * wanted) << info.name;
  }
}

}  // namespace
}  // namespace heddle
