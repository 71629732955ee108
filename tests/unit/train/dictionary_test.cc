// Dictionaries: side by side as alone, the same bits after kills and on any number of threads, revival, quality by
// hand.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <thread>

#include "core/base/error.h"
#include "core/train/dictionary_evaluation.h"
#include "core/train/dictionary_trainer.h"
#include "core/train/revival.h"
#include "fixture.h"

namespace heddle {
namespace {

using test::Machine;

constexpr int64_t kWidth = 12, kFeatures = 48;

struct Spec {
  std::string name, plugin;
  uint64_t seed;
  std::vector<GivenValue> given;
};

std::vector<Spec> specs() {
  return {{"l1", "heddle.l1", 1, {{"width", int64_t{kFeatures}, {}}, {"l1", 0.1, {}}}},
          {"topk", "heddle.topk", 2, {{"width", int64_t{4 * kFeatures}, {}}, {"k", int64_t{4}, {}}}}};
}

DictionaryTraining options() {
  DictionaryTraining out;
  out.steps = 60;
  out.batch = 64;
  out.learning_rate = 1e-2;
  out.warmup_steps = 10;
  out.decay_start = 40;
  out.clip = 5;
  out.dead_window = 0.2;
  return out;
}

struct Outcome {
  std::vector<std::vector<float>> weights;
  std::vector<DictionaryTrainingResult> results;
};

Outcome train(const std::vector<Spec>& which, const DictionaryTraining& how, int threads = 2,
              const std::filesystem::path& checkpoints = {}) {
  const Activations data = test::mixtures(700, kWidth);
  const Normalizer normalizer = Normalizer::fit(Normalization::per_dimension, data);
  Machine machine(threads);
  std::vector<std::unique_ptr<DictionaryModel>> models;
  std::vector<DictionaryJob> jobs;
  for (const Spec& spec : which) {
    const Component& c = test::component(HEDDLE_KIND_DICTIONARY, spec.plugin);
    models.push_back(std::make_unique<DictionaryModel>(*machine.device, c, Values(c, spec.given), kWidth));
    jobs.push_back({spec.name,
                    models.back().get(),
                    spec.seed,
                    how,
                    checkpoints.empty() ? checkpoints : checkpoints / spec.name,
                    {{"name", spec.name}}});
  }
  Outcome out;
  out.results = train_dictionaries(jobs, machine.context, {data, normalizer, 5, HEDDLE_PRECISION_F32});
  for (const auto& model : models) out.weights.push_back(test::bits(model->parameters()));
  return out;
}

void expect_same(const Outcome& a, const Outcome& b) {
  ASSERT_EQ(a.weights.size(), b.weights.size());
  for (size_t i = 0; i < a.weights.size(); ++i) {
    EXPECT_TRUE(test::same_bits(a.weights[i], b.weights[i])) << a.results[i].name;
    EXPECT_EQ(a.results[i].l0, b.results[i].l0);
    EXPECT_EQ(a.results[i].dead, b.results[i].dead);
    EXPECT_EQ(a.results[i].revived, b.results[i].revived);
    ASSERT_EQ(a.results[i].losses.size(), b.results[i].losses.size());
    for (size_t t = 0; t < a.results[i].losses.size(); ++t)
      EXPECT_EQ(a.results[i].losses[t].value, b.results[i].losses[t].value);
  }
}

TEST(Dictionaries, trained_side_by_side_they_are_as_alone) {
  const Outcome both = train(specs(), options());
  for (size_t i = 0; i < 2; ++i) {
    const Outcome alone = train({specs()[i]}, options());
    EXPECT_TRUE(test::same_bits(both.weights[i], alone.weights[0])) << specs()[i].name;
  }
  EXPECT_EQ(both.results[0].steps, 60);
  EXPECT_GT(both.results[0].l0, 0);
  EXPECT_LE(both.results[1].l0, 4);
}

TEST(Dictionaries, same_bits_for_any_number_of_threads_and_every_revival) {
  std::vector<Outcome> outcomes;
  for (const Revival revival : {Revival::none, Revival::resample, Revival::auxk}) {
    DictionaryTraining how = options();
    how.revival = revival;
    how.resample_every = 7;
    outcomes.push_back(train(specs(), how, 1));
    expect_same(outcomes.back(), train(specs(), how, 2));
    expect_same(outcomes.back(), train(specs(), how, 3));
  }
  // A wide top-k dictionary has dead features, so each way of reviving them makes a difference.
  EXPECT_GT(outcomes[0].results[1].dead, 0);
  EXPECT_EQ(outcomes[0].results[1].revived, 0);
  EXPECT_GT(outcomes[1].results[1].revived, 0);
  EXPECT_FALSE(test::same_bits(outcomes[0].weights[1], outcomes[1].weights[1]));
  EXPECT_FALSE(test::same_bits(outcomes[0].weights[1], outcomes[2].weights[1]));
  const auto& losses = outcomes[2].results[1].losses;
  EXPECT_TRUE(std::any_of(losses.begin(), losses.end(), [](const LossTerm& term) { return term.name == "auxk"; }));
}

TEST(Dictionaries, the_rows_of_the_decoder_keep_norm_1) {
  const Activations data = test::mixtures(300, kWidth);
  Machine machine;
  const Component& c = test::component(HEDDLE_KIND_DICTIONARY, "heddle.l1");
  DictionaryModel model(*machine.device, c, Values(c, {{"width", int64_t{kFeatures}, {}}}), kWidth);
  std::vector<DictionaryJob> jobs{{"l1", &model, 1, options()}};
  train_dictionaries(jobs, machine.context, {data, Normalizer(kWidth), 5, HEDDLE_PRECISION_F32});
  const Tensor& decoder = model.parameters().tensor(model.parameters().with_role(HEDDLE_ROLE_DECODER).value());
  for (int64_t j = 0; j < kFeatures; ++j) {
    double norm = 0;
    for (int64_t d = 0; d < kWidth; ++d)
      norm += std::pow(static_cast<double>(decoder.data<float>()[j * kWidth + d]), 2);
    EXPECT_NEAR(norm, 1, 1e-5);
  }
}

TEST(Dictionaries, killed_at_any_moment_training_goes_on_to_the_same_bits) {
  DictionaryTraining how = options();
  how.steps = 150;
  how.decay_start = 0;
  how.revival = Revival::resample;
  how.resample_every = 9;
  const Outcome whole = train(specs(), how);
  const auto checkpoints = test::scratch_folder();
  how.checkpoint_seconds = 0;
  int kills = 0;
  for (int round = 0; round < 200; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        set_quiet(true);
        train(specs(), how, 2, checkpoints);
        _exit(0);
      } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        _exit(9);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + 17 * (round % 5)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      if (kills > 0) break;
      for (const Spec& spec : specs())
        std::filesystem::remove(checkpoints /
                                spec.name);  // this thread woke too late to kill: once more from the start
    }
    ++kills;
  }
  EXPECT_GT(kills, 0);
  expect_same(whole, train(specs(), how, 2, checkpoints));
}

TEST(Dictionaries, an_interrupted_sweep_goes_on_with_others_in_it) {
  DictionaryTraining how = options();
  how.revival = Revival::resample;
  how.resample_every = 7;
  const Outcome whole = train(specs(), how);
  const auto checkpoints = test::scratch_folder();
  how.checkpoint_seconds = 0;
  // The first is killed somewhere on its way, alone; then the second comes to it.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    set_quiet(true);
    train({specs()[0]}, how, 2, checkpoints);
    _exit(0);
  }
  while (!std::filesystem::exists(checkpoints / "l1")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  expect_same(whole, train(specs(), how, 2, checkpoints));
  // The second is finished by now; then the first is asked for anew, and one whose checkpoint is another's is refused.
  std::filesystem::remove(checkpoints / "l1");
  expect_same(whole, train(specs(), how, 2, checkpoints));
  std::filesystem::copy_file(checkpoints / "topk", checkpoints / "l1",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THROW(train(specs(), how, 2, checkpoints), Error);
}

TEST(Dictionaries, lengths_that_differ_cannot_train_side_by_side) {
  Machine machine;
  const Activations data = test::mixtures(300, kWidth);
  const Component& c = test::component(HEDDLE_KIND_DICTIONARY, "heddle.l1");
  DictionaryModel a(*machine.device, c, Values(c, {}), kWidth), b(*machine.device, c, Values(c, {}), kWidth);
  std::vector<DictionaryJob> jobs{{"a", &a, 1, options()}, {"b", &b, 1, options()}};
  jobs[1].options.steps = 61;
  EXPECT_THROW(train_dictionaries(jobs, machine.context, {data, Normalizer(kWidth), 5, HEDDLE_PRECISION_F32}), Error);
}

TEST(Quality, of_a_worked_example) {
  // x = (0,0), (2,0), (4,6); guesses miss by (1,0), (1,0), (1,3).
  const std::vector<float> x{0, 0, 2, 0, 4, 6}, guess{-1, 0, 1, 0, 3, 3};
  QualitySums sums({2, 2});
  sums.add(x.data(), guess.data(), 2);
  sums.add(x.data() + 4, guess.data() + 4, 1);
  DictionaryQuality q;
  sums.finish(q);
  EXPECT_NEAR(q.rmse_global, std::sqrt(12.0 / 6), 1e-12);
  EXPECT_NEAR(q.l2_mean, (1 + 1 + std::sqrt(10.0)) / 3 / std::sqrt(2.0), 1e-12);
  const double variance_x = 8.0 / 3 + 8.0, variance_e = 0 + 2.0;
  EXPECT_NEAR(q.ev_var, 1 - variance_e / variance_x, 1e-12);
  EXPECT_NEAR(q.ev_r2, 1 - (12.0 / 3) / variance_x, 1e-12);
  // ||x - mean||^2 is 8, 4, 20; ||x||^2 is 0 (left out), 4, 52.
  EXPECT_NEAR(q.ev_legacy, 1 - (1.0 / 8 + 1.0 / 4 + 10.0 / 20) / 3, 1e-12);
  EXPECT_NEAR(q.nmse, (1.0 / 4 + 10.0 / 52) / 2, 1e-12);
}

TEST(Quality, a_large_mean_cancels_nothing) {
  // x = 2^23 + {0, 1, 2}; the errors are 4096 + {0, 1, 0}.
  const float big = 8388608.0f;
  const std::vector<float> x{big, big + 1, big + 2}, guess{big - 4096, big - 4096, big + 2 - 4096};
  QualitySums sums({static_cast<double>(big) + 1});
  sums.add(x.data(), guess.data(), 3);
  DictionaryQuality q;
  sums.finish(q);
  EXPECT_NEAR(q.ev_var, 1 - (2.0 / 9) / (2.0 / 3), 1e-9);
}

TEST(Quality, of_a_trained_dictionary_does_not_depend_on_the_block) {
  Machine machine;
  const Activations data = test::mixtures(700, kWidth);
  const Normalizer normalizer = Normalizer::fit(Normalization::per_dimension, data);
  const Component& c = test::component(HEDDLE_KIND_DICTIONARY, "heddle.topk");
  DictionaryModel model(*machine.device, c, Values(c, {{"width", int64_t{kFeatures}, {}}, {"k", int64_t{4}, {}}}),
                        kWidth);
  std::vector<DictionaryJob> jobs{{"topk", &model, 1, options()}};
  jobs[0].options.steps = 600;
  jobs[0].options.decay_start = 0;
  train_dictionaries(jobs, machine.context, {data, normalizer, 5, HEDDLE_PRECISION_F32});
  const DictionaryQuality q = evaluate_dictionary(model, machine.context, data, normalizer);
  const DictionaryQuality blocks = evaluate_dictionary(model, machine.context, data, normalizer, 33);
  EXPECT_EQ(q.rmse_global, blocks.rmse_global);
  EXPECT_EQ(q.l0, blocks.l0);
  EXPECT_EQ(q.fired, blocks.fired);
  EXPECT_GT(q.ev_var, 0.6);
  EXPECT_LE(q.l0, 4);
  EXPECT_NEAR(q.ev_var, q.ev_r2, 0.05);
}

TEST(DeadFeatures, are_those_silent_for_the_window) {
  DeadFeatures dead(3, 20);
  dead.update(std::vector<int64_t>{1, 0, 0}, 10);
  EXPECT_EQ(dead.count(), 0);
  dead.update(std::vector<int64_t>{0, 2, 0}, 10);
  EXPECT_EQ(dead.mask(), (std::vector<uint8_t>{0, 0, 1}));
  EXPECT_EQ(dead.silent(), (std::vector<int64_t>{10, 0, 20}));
  dead.revive(2);
  EXPECT_EQ(dead.count(), 0);
}

TEST(Resampling, draws_without_replacement_by_weight) {
  std::vector<double> weights(100, 0.0);
  weights[3] = 1;
  weights[70] = 3;
  int first = 0;
  for (uint64_t draw = 0; draw < 2000; ++draw) {
    const std::vector<int64_t> rows = weighted_sample(weights, 5, rng_key(draw, RngPurpose::test));
    ASSERT_EQ(rows.size(), size_t{2});  // rows of weight 0 are never drawn
    EXPECT_NE(rows[0], rows[1]);
    first += rows[0] == 70;
  }
  EXPECT_NEAR(first / 2000.0, 0.75, 0.04);
}

TEST(Resampling, points_dead_features_at_badly_reconstructed_inputs) {
  Machine machine;
  const Component& c = test::component(HEDDLE_KIND_DICTIONARY, "heddle.l1");
  DictionaryModel model(*machine.device, c, Values(c, {{"width", int64_t{4}, {}}}), 2);
  model.initialise(machine.context, 1, nullptr, 0);
  Optimizer optimizer(*machine.device, model.parameters(), {});
  const size_t encoder = model.parameters().with_role(HEDDLE_ROLE_ENCODER).value(),
               decoder = model.parameters().with_role(HEDDLE_ROLE_DECODER).value();
  for (float& value : optimizer.first_moments()[encoder].span<float>()) value = 1;
  DeadFeatures dead(4, 10);
  dead.update(std::vector<int64_t>{1, 1, 0, 1}, 10);
  double norm = 0;
  for (const size_t j : {size_t{0}, size_t{1}, size_t{3}}) {
    const float* row = model.parameters().tensor(encoder).data<float>() + j * 2;
    norm += std::hypot(row[0], row[1]) / 3;
  }
  const std::vector<float> before = test::bits(model.parameters());
  const std::vector<float> x{5, 5, 3, 4}, guess{5, 5, 0, 0};  // only the second input is badly met
  EXPECT_EQ(resample_dead(model, optimizer, dead, x.data(), guess.data(), 2, rng_key(1, RngPurpose::resample)), 1);
  EXPECT_FLOAT_EQ(model.parameters().tensor(decoder).data<float>()[4], 0.6f);
  EXPECT_FLOAT_EQ(model.parameters().tensor(decoder).data<float>()[5], 0.8f);
  EXPECT_NEAR(model.parameters().tensor(encoder).data<float>()[4], 0.6 * 0.2 * norm, 1e-6);
  EXPECT_EQ(optimizer.first_moments()[encoder].data<float>()[4], 0);
  EXPECT_EQ(optimizer.first_moments()[encoder].data<float>()[3], 1);
  EXPECT_EQ(dead.count(), 0);
  EXPECT_EQ(test::bits(model.parameters())[0], before[0]);
}

TEST(Resampling, an_input_without_direction_does_not_use_up_a_feature) {
  for (uint64_t draw = 0; draw < 8; ++draw) {  // the zero input comes first in some of the draws
    Machine machine;
    const Component& c = test::component(HEDDLE_KIND_DICTIONARY, "heddle.l1");
    DictionaryModel model(*machine.device, c, Values(c, {{"width", int64_t{4}, {}}}), 2);
    model.initialise(machine.context, 1, nullptr, 0);
    Optimizer optimizer(*machine.device, model.parameters(), {});
    DeadFeatures dead(4, 10);
    dead.update(std::vector<int64_t>{1, 1, 0, 1}, 10);
    const std::vector<float> x{0, 0, 3, 4}, guess{-3, -4, 0, 0};  // the first one is the bias itself
    EXPECT_EQ(resample_dead(model, optimizer, dead, x.data(), guess.data(), 2, rng_key(draw, RngPurpose::resample)), 1);
    EXPECT_EQ(dead.count(), 0);
    const size_t decoder = model.parameters().with_role(HEDDLE_ROLE_DECODER).value();
    EXPECT_FLOAT_EQ(model.parameters().tensor(decoder).data<float>()[5], 0.8f);
  }
}

TEST(Dictionaries, with_a_warm_up_the_first_step_has_rate_0) {
  DictionaryTraining how = options();
  how.decay_start = 0;
  how.steps = 1;
  how.warmup_steps = 10;
  const Outcome warm = train({specs()[0]}, how);
  how.learning_rate = 0;
  EXPECT_TRUE(test::same_bits(warm.weights[0], train({specs()[0]}, how).weights[0]));
  how.learning_rate = 1e-2;
  how.warmup_steps = 0;
  EXPECT_FALSE(test::same_bits(warm.weights[0], train({specs()[0]}, how).weights[0]));
}

}  // namespace
}  // namespace heddle
