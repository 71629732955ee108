// The main job through the program: run, run again, look, recommend, steer; kill and go on; errors that name their place.
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "program.h"

namespace heddle::test {
namespace {

const char* const tiny = R"(
[experiment]
name = "tiny"
seed = 3
output = "out"
[interactions]
plugin = "heddle.synthetic"
users = 300
items = 120
events = 9000
[attributes.interest]
plugin = "heddle.synthetic_interests"
items = 120
[split]
kind = "new_users"
test = 0.15
activation_users = 0.4
[backbone]
plugin = "heddle.gptrec"
hidden = 16
layers = 2
heads = 2
max_length = 32
[backbone.training]
epochs = 4
batch_sequences = 32
checkpoint_seconds = 0
[dictionary.l1]
plugin = "heddle.l1"
site = "block.0.out"
width = 64
[dictionary.l1.training]
batch = 256
steps = 60
warmup_steps = 10
checkpoint_seconds = 0
[dictionary.topk]
plugin = "heddle.topk"
site = "block.0.out"
width = 64
k = 8
[dictionary.topk.training]
batch = 256
steps = 60
revival = "auxk"
[interpret]
metrics = ["heddle.pearson", "heddle.roc_auc", "heddle.sensitivity"]
[[steer]]
dictionary = "l1"
feature = 3
values = [-2, 0, 2]
users = 20
)";

TEST(MainJob, runs_once_and_serves) {
  Folder folder;
  folder.write("tiny.toml", tiny);
  Program heddle(folder.path());
  const Outcome first = heddle.run({"run", "tiny.toml"});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.out.find("untouched"), std::string::npos) << first.out;
  EXPECT_NE(first.out.find("interest:"), std::string::npos) << first.out;
  const auto before = artefact_bytes(folder / "out");

  const Outcome again = heddle.run({"run", "tiny.toml"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_NE(again.err.find("nothing to do"), std::string::npos) << again.err;
  EXPECT_EQ(again.out, first.out);
  EXPECT_EQ(artefact_bytes(folder / "out"), before);

  // Another weight retrains the dictionary alone.
  const Outcome changed =
      heddle.run({"run", "tiny.toml", "--set", "dictionary.l1.l1=0.3", "--set", "experiment.name=other"});
  ASSERT_EQ(changed.code, 0) << changed.err;
  EXPECT_EQ(changed.err.find("backbone"), std::string::npos) << changed.err;

  const std::string run = "out/tiny";
  const Outcome features = heddle.run({"features", run, "--dictionary", "l1"});
  ASSERT_EQ(features.code, 0) << features.err;
  EXPECT_NE(features.out.find("64 features"), std::string::npos) << features.out;
  const Outcome results = heddle.run({"results", "out", "--metric", "ndcg", "--format", "json"});
  ASSERT_EQ(results.code, 0) << results.err;
  const auto rows = nlohmann::json::parse(results.out);
  ASSERT_FALSE(rows.empty());

  const Outcome plain = heddle.run({"recommend", run, "--history", "1,2,3", "--top", "5", "--format", "json"});
  ASSERT_EQ(plain.code, 0) << plain.err;
  const auto list = nlohmann::json::parse(plain.out);
  ASSERT_EQ(list.size(), 5u);
  for (const auto& entry : list)
    for (const char* seen : {"1", "2", "3"}) EXPECT_NE(entry.at("item"), seen);
  const Outcome slid = heddle.run(
      {"recommend", run, "--dictionary", "l1", "--history", "1,2,3", "--set", "3=8", "--top", "5", "--format", "json"});
  ASSERT_EQ(slid.code, 0) << slid.err;
  EXPECT_NE(slid.out, plain.out);
  const Outcome steer = heddle.run(
      {"steer", run, "--dictionary", "l1", "--feature", "3", "--values", "-2:2:2", "--users", "20", "--format", "csv"});
  ASSERT_EQ(steer.code, 0) << steer.err;

  const Outcome json = heddle.run({"features", run, "--dictionary", "l1", "--format", "json"});
  ASSERT_EQ(json.code, 0) << json.err;
  EXPECT_FALSE(nlohmann::json::parse(json.out).empty());
  for (const std::string format : {"table", "csv", "json"})
    for (const std::string filter : {"--stage", "--run", "--dictionary", "--attribute"}) {
      const Outcome nope = heddle.run({"results", "out", filter, "nope", "--format", format});
      EXPECT_EQ(nope.code, 2) << filter;
      EXPECT_NE(nope.err.find("there are: "), std::string::npos) << nope.err;
    }
  const Outcome huge = heddle.run({"recommend", run, "-d", "l1", "--history", "1,2", "--set", "3=1e60"});
  EXPECT_EQ(huge.code, 2);
  EXPECT_NE(huge.err.find("too large"), std::string::npos) << huge.err;
  const Outcome gap = heddle.run({"recommend", run, "--history", "1,,2"});
  EXPECT_EQ(gap.code, 2);
  EXPECT_NE(gap.err.find("field 2 of 3 is empty"), std::string::npos) << gap.err;
}

// Runs into `out` again and again, killing each start a `step` later than the one before, until one gets through.
// Returns the number of kills; each start goes on behind the last checkpoint of the one before.
int kill_until_done(Program& heddle, const std::string& out, std::chrono::microseconds step) {
  for (int kills = 0;; ++kills) {
    heddle.start({"run", "tiny.toml", "--out", out});
    const auto until = std::chrono::steady_clock::now() + step * (kills + 1);
    while (heddle.running() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (heddle.running()) heddle.signal(SIGKILL);
    const Outcome outcome = heddle.wait();
    if (outcome.code == -SIGKILL) continue;
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return kills;
  }
}

TEST(MainJob, killed_at_any_moment_it_ends_with_the_same_bits) {
  Folder folder;
  folder.write("tiny.toml", tiny);
  Program heddle(folder.path());
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(heddle.run({"run", "tiny.toml", "--out", "whole"}).code, 0);
  // Steps are parts of what a whole run takes here, so a fast machine is killed as often as a slow one.
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  int kills = 0;
  for (const int parts : {2, 3, 5, 8, 13}) {
    const std::string out = "killed" + std::to_string(parts);
    kills += kill_until_done(heddle, out, whole / parts);
    expect_same_artefacts(folder / "whole", folder / out);
  }
  EXPECT_GE(kills, 1);
}

TEST(MainJob, an_interrupt_stops_within_two_seconds_and_the_next_run_goes_on) {
  Folder folder;
  folder.write("tiny.toml", std::string(tiny));
  Program heddle(folder.path());
  heddle.start({"run", "tiny.toml", "--set", "backbone.training.epochs=4000", "--set", "backbone.training.patience=0",
                "--out", "o"});
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  ASSERT_TRUE(heddle.running());
  const auto start = std::chrono::steady_clock::now();
  heddle.signal(SIGINT);
  const Outcome outcome = heddle.wait();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_LT(seconds, 2.0);
  EXPECT_NE(outcome.err.find("interrupted"), std::string::npos) << outcome.err;
}

struct BadUse {
  std::vector<std::string> arguments;
  int code;
  std::string says;
};

TEST(MainJob, errors_name_their_place) {
  Folder folder;
  folder.write("tiny.toml", tiny);
  Program heddle(folder.path());
  const BadUse cases[] = {
      {{}, 2, ""},
      {{"runn", "tiny.toml"}, 2, "did you mean 'run'"},
      {{"run"}, 2, "FILE is missing"},
      {{"run", "none.toml"}, 2, "none.toml"},
      {{"run", "tiny.toml", "--set", "backbone.hiden=3"}, 2, "did you mean 'hidden'"},
      {{"run", "tiny.toml", "--set", "backbone.hidden=-1"}, 2, "hidden"},
      {{"run", "tiny.toml", "--set", "dictionary.l1.site=\"block.9.out\""}, 2, "block.9.out"},
      {{"validate", "tiny.toml", "--set", "backbone.plugin=\"heddle.gptrek\""}, 2, "heddle.gptrec"},
      {{"results", "nowhere"}, 2, "nowhere"},
      {{"features", "nowhere"}, 2, "nowhere"},
      {{"features", "nowhere", "--top", "abc"}, 2, "accepted: a whole number"},
      {{"recommend", "nowhere", "-n", "abc"}, 2, "accepted: a whole number"},
      {{"plugins", "describe", "heddle.l2"}, 2, "heddle.l1"},
      {{"plugins", "check", "/etc/hostname"}, 1, ""},
  };
  for (const BadUse& bad : cases) {
    const Outcome outcome = heddle.run(bad.arguments);
    const std::string what = bad.arguments.empty() ? "(nothing)" : bad.arguments.back();
    EXPECT_EQ(outcome.code, bad.code) << what << ": " << outcome.err;
    EXPECT_NE((outcome.err + outcome.out).find(bad.says), std::string::npos) << what << ": " << outcome.err;
  }
}

}  // namespace
}  // namespace heddle::test
