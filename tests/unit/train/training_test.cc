// The training loop: it learns, stops early, and ends with the same bits whatever interrupts it and on any number of
// threads.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "core/base/error.h"
#include "core/train/trainer.h"
#include "fixture.h"

namespace heddle {
namespace {

using test::Machine;

constexpr int64_t kItems = 20;

struct Outcome {
  std::vector<float> weights;
  BackboneTrainingResult result;
};

BackboneTraining options() {
  BackboneTraining out;
  out.epochs = 6;
  out.batch_sequences = 16;
  out.learning_rate = 1e-2;
  out.warmup_steps = 5;
  out.clip = 1;
  out.patience = 0;
  return out;
}

Outcome train(int threads, const std::filesystem::path& checkpoint, const BackboneTraining& how = options(),
              uint64_t seed = 1, const nlohmann::json& identity = {{"run", 1}}) {
  const Interactions log = test::walk_log(60, kItems);
  const Part training = test::train_part(log), validation = test::target_part(log);
  Machine machine(threads);
  Backbone backbone = test::gptrec(machine, kItems, test::gptrec_values(0.1));
  backbone.initialise(machine.context, seed);
  RankingProtocol protocol;
  protocol.filter_seen = false;
  const BackboneTrainingRun run{log, training, validation, seed, how, protocol, checkpoint, identity};
  Outcome out;
  out.result = train_backbone(backbone, machine.context, run);
  out.weights = test::bits(backbone.parameters());
  return out;
}

void expect_same(const Outcome& a, const Outcome& b) {
  EXPECT_TRUE(test::same_bits(a.weights, b.weights));
  ASSERT_EQ(a.result.history.size(), b.result.history.size());
  for (size_t e = 0; e < a.result.history.size(); ++e) {
    EXPECT_EQ(a.result.history[e].loss, b.result.history[e].loss);
    EXPECT_EQ(a.result.history[e].validation, b.result.history[e].validation);
  }
  EXPECT_EQ(a.result.best_epoch, b.result.best_epoch);
  EXPECT_EQ(a.result.best_validation, b.result.best_validation);
  EXPECT_EQ(a.result.steps, b.result.steps);
  EXPECT_EQ(a.result.tokens, b.result.tokens);
}

TEST(Training, learns_the_walk_and_keeps_the_best_weights) {
  BackboneTraining how = options();
  how.epochs = 20;
  const Outcome out = train(2, {}, how);
  EXPECT_LT(out.result.history.back().loss, 0.75 * out.result.history.front().loss);
  EXPECT_GT(out.result.best_validation, 0.5);
  double best = 0;
  for (const EpochRecord& record : out.result.history) best = std::max(best, record.validation);
  EXPECT_EQ(out.result.best_validation, best);
  EXPECT_EQ(out.result.history[static_cast<size_t>(out.result.best_epoch) - 1].validation, best);
}

TEST(Training, same_bits_for_any_number_of_threads) {
  const Outcome one = train(1, {});
  expect_same(one, train(2, {}));
  expect_same(one, train(3, {}));
  EXPECT_FALSE(test::same_bits(one.weights, train(2, {}, options(), 2).weights));
}

TEST(Training, stops_early_when_validation_no_longer_gains) {
  BackboneTraining how = options();
  how.epochs = 50;
  how.learning_rate = 0;
  how.patience = 3;
  how.validate_every = 2;
  const Outcome out = train(1, {}, how);
  EXPECT_TRUE(out.result.stopped_early);
  EXPECT_EQ(out.result.best_epoch, 2);              // the first look is a gain over nothing
  EXPECT_EQ(out.result.history.size(), size_t{8});  // looks at 2, 4, 6, 8
  EXPECT_EQ(out.result.history[0].validation, -1);
}

TEST(Training, killed_at_any_moment_it_goes_on_to_the_same_bits) {
  const Outcome whole = train(2, {});
  const auto folder = test::scratch_folder();
  BackboneTraining often = options();
  often.checkpoint_seconds = 0;  // after every batch
  int kills = 0;
  for (int round = 0; round < 200; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {  // no gtest in here
      try {
        set_quiet(true);
        train(2, folder / "checkpoint.safetensors", often);
        _exit(0);
      } catch (const std::exception& failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        _exit(9);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(15 + 23 * (round % 7)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      if (kills > 0) break;
      std::filesystem::remove(folder /
                              "checkpoint.safetensors");  // this thread woke too late to kill: once more from the start
    }
    ++kills;
  }
  EXPECT_GT(kills, 0);
  // The finished checkpoint gives the result without a further step.
  expect_same(whole, train(2, folder / "checkpoint.safetensors", often));
}

TEST(Training, cancelled_it_writes_a_checkpoint_and_goes_on_to_the_same_bits) {
  const auto folder = test::scratch_folder();
  const Outcome whole = train(2, {});
  set_quiet(true);
  int cancelled = 0;
  for (int round = 0; round < 100; ++round) {
    std::jthread timer([round] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5 + 7 * round));
      request_cancel();
    });
    try {
      const Outcome out = train(2, folder / "checkpoint.safetensors");
      timer.join();
      clear_cancel();
      expect_same(whole, out);
      break;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), HEDDLE_CANCELLED);
      ++cancelled;
    }
    timer.join();
    clear_cancel();
  }
  set_quiet(false);
  EXPECT_GT(cancelled, 0);
}

TEST(Training, a_checkpoint_of_another_run_is_refused) {
  const auto folder = test::scratch_folder();
  BackboneTraining how = options();
  how.epochs = 1;
  train(1, folder / "checkpoint.safetensors", how);
  try {
    train(1, folder / "checkpoint.safetensors", how, 1, {{"run", 2}});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), HEDDLE_FAILED_PRECONDITION);
    EXPECT_NE(std::string(error.what()).find("'run' is 1 there, 2 here"), std::string::npos) << error.what();
  }
}

TEST(Training, a_learning_rate_that_is_far_too_high_ends_in_one_clear_line) {
  BackboneTraining how = options();
  how.learning_rate = 1e30;
  how.warmup_steps = 0;
  how.clip = 0;
  try {
    train(1, {}, how);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no longer finite"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace heddle
