// Which change makes which stage run again: the property that saves people's days.
#include "core/config/stage_keys.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "core/store/atomic_file.h"
#include "tests/unit/config/fake_plugins.h"

namespace heddle {
namespace {

namespace fs = std::filesystem;
using Stages = std::set<std::string>;

const char* const text = R"([interactions]
plugin = "test.log"
path = "log.csv"
[attributes.genre]
plugin = "test.genres"
[backbone]
plugin = "test.gpt"
[dictionary.a]
plugin = "test.l1"
site = "block.0.out"
[dictionary.b]
plugin = "test.topk"
site = "block.0.out"
[interpret]
metrics = ["pearson"]
[[steer]]
dictionary = "a"
feature = "genre:Horror"
values = [1]
[[steer]]
dictionary = "b"
feature = 3
values = [1]
)";

class StageKeysTest : public ::testing::Test {
 protected:
  StageKeysTest() {
    std::string pattern = (fs::temp_directory_path() / "heddle-keys-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    for (const char* name : {"log.csv", "other.csv"}) write_file(folder_ / name, "");
    write_file(folder_ / "w1", "one");
    write_file(folder_ / "w2", "one");
    write_file(folder_ / "w3", "three");
    ::setenv("HEDDLE_DATA", folder_.c_str(), 1);
  }
  ~StageKeysTest() override {
    ::unsetenv("HEDDLE_DATA");
    fs::remove_all(folder_);
  }
  // "stage.part" -> key
  std::map<std::string, std::string> keys(const std::vector<std::string>& overrides, const StageFacts& facts) const {
    const auto experiments = ExperimentFile::parse(text, folder_ / "exp.toml", overrides).experiments(plugins_);
    std::map<std::string, std::string> keys;
    for (const StageKey& key : StageKeys(experiments.at(0), facts).all()) {
      EXPECT_EQ(key.key.size(), 64U);
      EXPECT_TRUE(keys.emplace(key.part.empty() ? key.stage : key.stage + "." + key.part, key.key).second)
          << key.stage << key.part;
    }
    return keys;
  }
  static StageFacts facts() { return {"log v1", {{"genre", "genres v1"}}, "cpu", "avx2"}; }
  Stages changed(const std::vector<std::string>& overrides, const StageFacts& other = facts(),
                 const std::vector<std::string>& base = {}) const {
    const auto before = keys(base, facts()), after = keys(overrides, other);
    EXPECT_EQ(before.size(), after.size());
    Stages stages;
    for (const auto& [name, key] : before)
      if (after.at(name) != key) stages.insert(name);
    return stages;
  }
  fs::path folder_;
  FakePlugins plugins_;
};

const Stages all = {"log",
                    "split",
                    "attributes",
                    "backbone",
                    "evaluation",
                    "activations.block.0.out",
                    "dictionary.a",
                    "evaluation.a",
                    "dictionary.b",
                    "evaluation.b",
                    "interpretation.a",
                    "interpretation.b",
                    "neurons.block.0.out",
                    "steering.0",
                    "steering.1"};

Stages without(Stages stages, const Stages& these) {
  for (const std::string& name : these) stages.erase(name);
  return stages;
}

TEST_F(StageKeysTest, AllStagesAreThereInputsFirst) {
  const auto experiments = ExperimentFile::parse(text, folder_ / "exp.toml").experiments(plugins_);
  std::set<std::string> seen;
  for (const StageKey& key : StageKeys(experiments[0], facts()).all()) {
    for (const auto& [name, input] : key.inputs)
      EXPECT_TRUE(seen.count(input) != 0) << key.stage << " before its input " << name;
    seen.insert(key.key);
  }
  Stages names;
  for (const auto& [name, key] : keys({}, facts())) names.insert(name);
  EXPECT_EQ(names, all);
}

TEST_F(StageKeysTest, WhatChangesNoNumberChangesNoKey) {
  EXPECT_EQ(changed({"compute.threads=1", "experiment.name=x", "experiment.output=/tmp/x", "backbone.log_steps=true",
                     "evaluate.batch_users=3"}),
            Stages{});
  EXPECT_EQ(changed({"interactions.path=other.csv"}), Stages{}) << "the fingerprint tells, not the path";
  EXPECT_EQ(changed({"activations.store=stream"}), Stages{}) << "the same numbers, not kept";
}

TEST_F(StageKeysTest, ADictionarysParameterTouchesThatDictionaryOnly) {
  EXPECT_EQ(changed({"dictionary.a.l1=0.2"}),
            (Stages{"dictionary.a", "evaluation.a", "interpretation.a", "steering.0"}));
  EXPECT_EQ(changed({"dictionary.b.training.steps=5"}),
            (Stages{"dictionary.b", "evaluation.b", "interpretation.b", "steering.1"}));
}

TEST_F(StageKeysTest, EachKindOfChangeReachesWhatDependsOnIt) {
  const Stages data{"log", "split", "attributes"};
  EXPECT_EQ(changed({"filters.last_n=9"}), all);
  EXPECT_EQ(changed({"split.test=0.2"}), without(all, {"log"}));
  EXPECT_EQ(changed({"experiment.seed=2"}), without(all, {"log"}));
  EXPECT_EQ(changed({"backbone.hidden=32"}), without(all, data));
  EXPECT_EQ(changed({"backbone.training.epochs=3"}), without(all, data));
  EXPECT_EQ(changed({"compute.precision=bf16"}), without(all, data));
  EXPECT_EQ(changed({"activations.store=bf16"}),
            without(all, {"log", "split", "attributes", "backbone", "evaluation"}));
  EXPECT_EQ(changed({"evaluate.top=5"}),
            (Stages{"evaluation", "evaluation.a", "evaluation.b", "steering.0", "steering.1"}));
  EXPECT_EQ(changed({"interpret.top_items=3"}),
            (Stages{"interpretation.a", "interpretation.b", "neurons.block.0.out", "steering.0"}));
  EXPECT_EQ(changed({"steer.1.values=[2]"}), Stages{"steering.1"});
}

const std::vector<std::string> judged = {
    "probe={site=[\"block.0.out\", \"final\"]}", "example=[{dictionary=\"a\", feature=\"genre:Horror\", values=[1]}]",
    "steer=[{kind=\"add_vector\", direction=\"probe\", site=\"final\", feature=\"genre:Horror\", values=[1]}]"};

TEST_F(StageKeysTest, ProbesAndExamplesAreStagesOfTheirOwn) {
  const auto experiments = ExperimentFile::parse(text, folder_ / "exp.toml", judged).experiments(plugins_);
  const StageKeys keys(experiments[0], facts());
  const auto names = [](const StageKey& key) {
    Stages inputs;
    for (const auto& [name, input] : key.inputs) inputs.insert(name);
    return inputs;
  };
  EXPECT_EQ(names(keys.probe("final")), (Stages{"activations.final", "attributes"}));
  EXPECT_EQ(names(keys.steering(0)), (Stages{"activations.final", "attributes", "backbone", "probe.final"}));
  EXPECT_EQ(names(keys.examples(0)), (Stages{"attributes", "backbone", "dictionary.a", "interpretation.a"}));
  const auto all_keys = this->keys(judged, facts());
  for (const char* name : {"activations.final", "probe.block.0.out", "probe.final", "examples.0", "steering.0"})
    EXPECT_EQ(all_keys.count(name), 1U) << name;
  EXPECT_EQ(all_keys.count("neurons.final"), 0U) << "no dictionary reads there";
}

TEST_F(StageKeysTest, ChangesOfProbesExamplesAndDetailsReachTheirOwn) {
  const auto changed_by = [&](const char* assignment) {
    std::vector<std::string> with = judged;
    with.push_back(assignment);
    return changed(with, facts(), judged);
  };
  const Stages probes{"probe.block.0.out", "probe.final", "steering.0"};
  EXPECT_EQ(changed_by("probe.l2=2"), probes);
  EXPECT_EQ(changed_by("probe.attributes=\"genre:*\""), probes);
  EXPECT_EQ(changed_by("interpret.points=activation_users"),
            (Stages{"interpretation.a", "interpretation.b", "neurons.block.0.out", "probe.block.0.out", "probe.final",
                    "steering.0", "examples.0"}));
  for (const char* detail : {"top_sequences", "sequence_length", "histogram_bins", "similar", "promoted"})
    EXPECT_EQ(changed_by(("interpret." + std::string(detail) + "=4").c_str()),
              (Stages{"interpretation.a", "interpretation.b", "examples.0"}))
        << detail;
  EXPECT_EQ(changed_by("example.0.history=3"), Stages{"examples.0"});
  EXPECT_EQ(changed_by("example.0.users=[3]"), Stages{"examples.0"});
  EXPECT_EQ(changed_by("steer.0.scale=unit_norm"), Stages{"steering.0"});
  EXPECT_EQ(changed_by("evaluate.generation=next_k"),
            (Stages{"evaluation", "evaluation.a", "evaluation.b", "steering.0", "examples.0"}));
  EXPECT_EQ(changed_by("report={title=\"x\"}"), Stages{});
}

// Trained models are found again by these: a new option must leave them alone while it is at its default. A change here
// throws away what people have computed; it needs a reason, and the version of the stage says it then.
TEST_F(StageKeysTest, KeysOfExistingFilesStay) {
  const std::map<std::string, std::string> pinned = {{"log", "b0e53f4b45f18fe1"},
                                                     {"split", "005079a948c606c0"},
                                                     {"backbone", "a63bc16a2ab0c373"},
                                                     {"activations.block.0.out", "f981f09d84280640"},
                                                     {"dictionary.a", "24863010a34cf5c9"},
                                                     {"dictionary.b", "6dcd0aa92f485af6"},
                                                     {"evaluation", "72c699ecd7a78663"},
                                                     {"evaluation.a", "43ee8aaa69aa3b6f"},
                                                     {"neurons.block.0.out", "aa85912c579bdb69"},
                                                     {"steering.1", "ee0fb2b8f3da46aa"}};
  const auto now = keys({}, facts());
  for (const auto& [name, key] : pinned) EXPECT_EQ(now.at(name).substr(0, 16), key) << name;
}

TEST_F(StageKeysTest, AVectorDependsOnTheScaleOfASiteThatADictionaryReads) {
  const std::string vector = "kind=\"add_vector\", vector=[1, 0], values=[1]}]";
  const std::vector<std::string> read{"steer=[{site=\"block.0.out\", " + vector},
      free{"steer=[{site=\"block.1.out\", " + vector};
  auto with = [](std::vector<std::string> overrides) {
    overrides.push_back("activations.normalizer=\"none\"");
    return overrides;
  };
  EXPECT_EQ(changed(with(read), facts(), read).count("steering.0"), 1U);
  EXPECT_EQ(changed(with(free), facts(), free).count("steering.0"), 0U) << "on the model's own scale";
}

TEST_F(StageKeysTest, FactsOfSourcesAndDeviceCount) {
  StageFacts other = facts();
  other.interactions = "log v2";
  EXPECT_EQ(changed({}, other), all);
  other = facts();
  other.attributes["genre"] = "genres v2";
  EXPECT_EQ(changed({}, other), (Stages{"attributes", "interpretation.a", "interpretation.b", "neurons.block.0.out",
                                        "steering.0", "steering.1"}));
  other = facts();
  other.isa = "avx512";
  EXPECT_EQ(changed({}, other), without(all, {"log", "split", "attributes"}));
}

TEST_F(StageKeysTest, AVersionOfAPluginCounts) {
  FakePlugins newer;
  newer.at("test.l1").version = "1.0.1";
  const auto old_runs = ExperimentFile::parse(text, folder_ / "exp.toml").experiments(plugins_);
  const auto new_runs = ExperimentFile::parse(text, folder_ / "exp.toml").experiments(newer);
  const StageKeys before(old_runs[0], facts()), after(new_runs[0], facts());
  EXPECT_NE(before.dictionary("a").key, after.dictionary("a").key);
  EXPECT_EQ(before.dictionary("b").key, after.dictionary("b").key);
}

TEST_F(StageKeysTest, FilesOfABackboneCountByContent) {
  EXPECT_EQ(changed({"backbone.weights=w2"}, facts(), {"backbone.weights=w1"}), Stages{});
  EXPECT_EQ(changed({"backbone.weights=w3"}, facts(), {"backbone.weights=w1"}).count("backbone"), 1U);
}

TEST_F(StageKeysTest, EqualDictionariesAreOne) {
  const auto experiments =
      ExperimentFile::parse(text, folder_ / "exp.toml", {"dictionary.c={plugin=\"test.l1\", site=\"block.0.out\"}"})
          .experiments(plugins_);
  const StageKeys keys(experiments[0], facts());
  EXPECT_EQ(keys.dictionary("a").key, keys.dictionary("c").key);
}

}  // namespace
}  // namespace heddle
