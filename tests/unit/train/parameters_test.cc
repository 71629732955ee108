// Parameters from a declaration: initial values, refusals, files; Adam and its schedule.
#include <cmath>

#include "core/base/error.h"
#include "core/store/safetensors.h"
#include "core/train/checkpoint.h"
#include "core/train/data_init.h"
#include "core/train/optimizer.h"
#include "fixture.h"

namespace heddle {
namespace {

using test::Machine;

heddle_parameter declared(const char* name, std::vector<int64_t> shape, int32_t init, double scale,
                          int64_t source = -1) {
  heddle_parameter p{sizeof p,
                     0,
                     name,
                     static_cast<int32_t>(shape.size()),
                     init,
                     HEDDLE_CONSTRAINT_NONE,
                     HEDDLE_ROLE_OTHER,
                     scale,
                     source,
                     {1, 1, 1, 1}};
  std::copy(shape.begin(), shape.end(), p.shape);
  return p;
}

ParameterSet make(Machine& machine, std::vector<heddle_parameter> items) {
  return ParameterSet(*machine.device, heddle_parameters{sizeof(heddle_parameters), 0, items.size(), items.data()},
                      "test.model");
}

TEST(Parameters, are_initialised_as_declared) {
  Machine machine;
  ParameterSet set =
      make(machine,
           {declared("zeros", {3}, HEDDLE_INIT_ZEROS, 0), declared("constant", {2, 2}, HEDDLE_INIT_CONSTANT, 1.5),
            declared("normal", {100, 100}, HEDDLE_INIT_NORMAL, 0.02),
            declared("uniform", {50, 50}, HEDDLE_INIT_UNIFORM, 0.125),
            declared("rows", {6, 5}, HEDDLE_INIT_UNIT_ROWS, 0.1), declared("copy", {6, 5}, HEDDLE_INIT_COPY, -2, 4),
            declared("mean", {2}, HEDDLE_INIT_DATA_MEAN, 1), declared("median", {2}, HEDDLE_INIT_GEOMETRIC_MEDIAN, 1)});
  const std::vector<float> sample{0, 0, 4, 0, 2, 9};
  set.initialise(machine.context, 7, sample.data(), 3, 2);
  for (const float value : set.tensor(0).span<float>()) EXPECT_EQ(value, 0.0f);
  for (const float value : set.tensor(1).span<float>()) EXPECT_EQ(value, 1.5f);
  double squares = 0;
  for (const float value : set.tensor(2).span<float>())
    squares += static_cast<double>(value) * static_cast<double>(value);
  EXPECT_NEAR(std::sqrt(squares / 10000), 0.02, 0.001);
  for (const float value : set.tensor(3).span<float>()) EXPECT_LE(std::abs(value), 0.125f);
  for (int64_t row = 0; row < 6; ++row) {
    double norm = 0;
    for (int64_t d = 0; d < 5; ++d) norm += std::pow(static_cast<double>(set.tensor(4).data<float>()[row * 5 + d]), 2);
    EXPECT_NEAR(std::sqrt(norm), 0.1, 1e-6);
  }
  for (int64_t i = 0; i < 30; ++i) EXPECT_EQ(set.tensor(5).data<float>()[i], -2.0f * set.tensor(4).data<float>()[i]);
  EXPECT_EQ(set.tensor(6).data<float>()[0], 2.0f);
  EXPECT_EQ(set.tensor(6).data<float>()[1], 3.0f);
  // The point with equal angles to the three corners (Fermat): x = 2 by symmetry, y = 2/sqrt(3).
  EXPECT_NEAR(set.tensor(7).data<float>()[0], 2.0, 1e-3);
  EXPECT_NEAR(set.tensor(7).data<float>()[1], 2 / std::sqrt(3.0), 2e-3);
}

TEST(Parameters, do_not_depend_on_those_after_them_nor_on_threads) {
  Machine one(1), three(3);
  ParameterSet small = make(one, {declared("a", {33, 7}, HEDDLE_INIT_NORMAL, 1)});
  ParameterSet large =
      make(three, {declared("a", {33, 7}, HEDDLE_INIT_NORMAL, 1), declared("b", {5}, HEDDLE_INIT_NORMAL, 1)});
  small.initialise(one.context, 5);
  large.initialise(three.context, 5);
  std::vector<float> head = test::bits(large);
  head.resize(33 * 7);
  EXPECT_TRUE(test::same_bits(test::bits(small), head));
  small.initialise(one.context, 6);
  EXPECT_FALSE(test::same_bits(test::bits(small), head));
}

TEST(Parameters, impossible_declarations_are_refused_by_name) {
  Machine machine;
  const auto refused = [&](std::vector<heddle_parameter> items, const std::string& wanted) {
    try {
      make(machine, items);
      ADD_FAILURE() << "accepted: " << wanted;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(wanted), std::string::npos) << error.what();
    }
  };
  refused({declared("w", {0, 3}, HEDDLE_INIT_ZEROS, 0)}, "'w'");
  refused({declared("w", {2}, HEDDLE_INIT_ZEROS, 0), declared("w", {2}, HEDDLE_INIT_ZEROS, 0)}, "two parameters");
  refused({declared("w", {2}, HEDDLE_INIT_COPY, 1, 0)}, "copy");
  refused({declared("w", {2}, HEDDLE_INIT_UNIT_ROWS, 1)}, "unit rows");
  refused({declared("w", {2}, 77, 1)}, "77");
  refused({declared("w", {2}, HEDDLE_INIT_NORMAL, NAN)}, "not finite");
}

TEST(Parameters, files_are_strict_in_names_and_shapes) {
  Machine machine;
  const auto folder = test::scratch_folder();
  ParameterSet set =
      make(machine, {declared("a", {2, 3}, HEDDLE_INIT_NORMAL, 1), declared("b", {4}, HEDDLE_INIT_NORMAL, 1)});
  set.initialise(machine.context, 1);
  save_parameters(set, {{"heddle", {{"plugin", "test.model"}}}, {"note", "x"}}, folder / "a.safetensors");
  ParameterSet again =
      make(machine, {declared("a", {2, 3}, HEDDLE_INIT_ZEROS, 0), declared("b", {4}, HEDDLE_INIT_ZEROS, 0)});
  const nlohmann::json metadata = load_parameters(again, folder / "a.safetensors", "test.model");
  EXPECT_EQ(metadata["heddle"]["plugin"], "test.model");
  EXPECT_EQ(metadata["note"], "x");
  EXPECT_TRUE(test::same_bits(test::bits(set), test::bits(again)));
  ParameterSet fewer = make(machine, {declared("a", {2, 3}, HEDDLE_INIT_ZEROS, 0)});
  EXPECT_THROW(load_parameters(fewer, folder / "a.safetensors", "x"), Error);
  ParameterSet more =
      make(machine, {declared("a", {2, 3}, HEDDLE_INIT_ZEROS, 0), declared("b", {4}, HEDDLE_INIT_ZEROS, 0),
                     declared("c", {1}, HEDDLE_INIT_ZEROS, 0)});
  EXPECT_THROW(load_parameters(more, folder / "a.safetensors", "x"), Error);
  ParameterSet other =
      make(machine, {declared("a", {3, 2}, HEDDLE_INIT_ZEROS, 0), declared("b", {4}, HEDDLE_INIT_ZEROS, 0)});
  EXPECT_THROW(load_parameters(other, folder / "a.safetensors", "x"), Error);
}

TEST(DataInit, the_median_of_equal_points_is_that_point) {
  const std::vector<float> equal{1, 2, 1, 2, 1, 2};
  EXPECT_EQ(geometric_median(equal.data(), 3, 2), (std::vector<float>{1, 2}));
  // A point on the mean is where the division by zero would be.
  const std::vector<float> centred{-1, 0, 1};
  EXPECT_NEAR(geometric_median(centred.data(), 3, 1)[0], 0.0f, 1e-6);
}

TEST(Optimizer, learning_rate_warms_up_and_decays_linearly) {
  const LearningRate schedule{1e-3, 1000, 8000};
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 0, 10000), 0);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 1, 10000), 1e-6);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 500, 10000), 5e-4);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 5000, 10000), 1e-3);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 9000, 10000), 5e-4);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 10000, 10000), 0);
  EXPECT_DOUBLE_EQ(learning_rate_at({2e-3, 0, 0}, 1, 10), 2e-3);
}

TEST(Optimizer, clips_by_the_norm_over_all_parameters) {
  Machine machine;
  ParameterSet set =
      make(machine, {declared("a", {1}, HEDDLE_INIT_ZEROS, 0), declared("b", {1}, HEDDLE_INIT_ZEROS, 0)});
  TensorList gradients(*machine.device, set.infos(), true);
  gradients[0].data<float>()[0] = 3;
  gradients[1].data<float>()[0] = -4;
  Optimizer optimizer(*machine.device, set, {0.9, 0.999, 1e-8, 0, 1});
  EXPECT_DOUBLE_EQ(optimizer.step(machine.context, set, gradients, 0.1), 5);
  EXPECT_NEAR(optimizer.first_moments()[0].data<float>()[0], 0.1 * 3 / 5,
              1e-7);                                        // the moment sees the clipped gradient
  EXPECT_NEAR(set.tensor(0).data<float>()[0], -0.1, 1e-6);  // Adam's first step is the learning rate
  EXPECT_NEAR(set.tensor(1).data<float>()[0], 0.1, 1e-6);
  EXPECT_EQ(optimizer.steps(), 1);
}

}  // namespace
}  // namespace heddle
