#include "core/config/experiment.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "core/config/data_sections.h"
#include "core/store/atomic_file.h"
#include "tests/unit/config/fake_plugins.h"

namespace heddle {
namespace {

namespace fs = std::filesystem;

const char* const small = R"([interactions]
plugin = "test.log"
path = "log.csv"
)";

const char* const full = R"(
[experiment]
name = "ml1m"
seed = 7
output = "out"
[compute]
threads = 2
precision = "bf16"
[interactions]
plugin = "test.log"
path = "log.csv"
[attributes.genre]
plugin = "test.genres"
[attributes.pop]
plugin = "genres"
column = "n"
[filters]
minimum_value = 0
duplicates = "last"
consecutive_duplicates = "drop"
min_user_interactions = 5
k_core = "single_pass"
[split]
kind = "global_time"
test = 0.097
activation_users = 0.25
validation = "last_item"
[backbone]
plugin = "test.gpt"
hidden = 32
[backbone.training]
epochs = 3
metric = "ndcg@20"
schedule = "linear"
[activations]
store = "bf16"
normalizer = "scalar"
[dictionary.l1]
plugin = "test.l1"
site = "block.0.out"
width = 512
[dictionary.l1.training]
steps = 100
revival = "auxk"
[dictionary.topk]
plugin = "test.topk"
site = "block.1.out"
k = [8, 16]
[evaluate]
top = 5
metrics = ["ndcg"]
[interpret]
metrics = ["pearson", { plugin = "test.sensitivity", threshold = 0.5 }]
best_by = "sensitivity"
[[steer]]
dictionary = "l1"
feature = [3, "genre:Horror", { top = ["genre:A", "genre:*"], by = "pearson", rank = 2 }]
values = { from = 0, to = 0.3, step = 0.1 }
[[steer]]
kind = "add_vector"
vector = [1, 0.5]
site = "block.0.out"
values = -2
positions = "all"
)";

class ExperimentTest : public ::testing::Test {
 protected:
  ExperimentTest() {
    std::string pattern = (fs::temp_directory_path() / "heddle-config-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    write_file(folder_ / "log.csv", "");
    ::setenv("HEDDLE_DATA", (folder_ / "data").c_str(), 1);
  }
  ~ExperimentTest() override {
    ::unsetenv("HEDDLE_DATA");
    fs::remove_all(folder_);
  }
  std::vector<Experiment> load(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    return ExperimentFile::parse(text, folder_ / "exp.toml", overrides).experiments(plugins_);
  }
  Experiment one(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    return load(text, overrides).at(0);
  }
  fs::path folder_;
  FakePlugins plugins_;
};

TEST(OptionTables, AreSoundDeclarations) {
  std::set<std::string> headings;
  for (const OptionTable& table : experiment_options()) {
    EXPECT_EQ(schema_fault(table.schema), "") << table.heading;
    EXPECT_TRUE(headings.insert(table.heading).second) << table.heading;
    for (const heddle_param& p : table.schema.params)
      EXPECT_GT(std::string(p.doc).size(), 5U) << table.heading << p.name;
  }
  EXPECT_EQ(headings.size(), 19U);
}

// The numbers in the tables are the initialisers of the structs: reading an empty table changes nothing.
TEST(OptionTables, DefaultsAreThoseOfTheStructs) {
  const BackboneTraining b = read_backbone_training(Values(backbone_training_table().schema, {})), b0;
  EXPECT_EQ(std::tie(b.epochs, b.batch_sequences, b.batch_tokens, b.learning_rate, b.schedule, b.warmup_steps,
                     b.weight_decay),
            std::tie(b0.epochs, b0.batch_sequences, b0.batch_tokens, b0.learning_rate, b0.schedule, b0.warmup_steps,
                     b0.weight_decay));
  EXPECT_EQ(std::tie(b.beta1, b.beta2, b.epsilon, b.clip, b.validate_every, b.patience, b.metric, b.validation_top,
                     b.checkpoint_seconds),
            std::tie(b0.beta1, b0.beta2, b0.epsilon, b0.clip, b0.validate_every, b0.patience, b0.metric,
                     b0.validation_top, b0.checkpoint_seconds));
  const DictionaryTraining d = read_dictionary_training(Values(dictionary_training_table().schema, {})), d0;
  EXPECT_EQ(
      std::tie(d.steps, d.epochs, d.batch, d.learning_rate, d.warmup_steps, d.decay_start, d.beta1, d.beta2, d.epsilon),
      std::tie(d0.steps, d0.epochs, d0.batch, d0.learning_rate, d0.warmup_steps, d0.decay_start, d0.beta1, d0.beta2,
               d0.epsilon));
  EXPECT_EQ(std::tie(d.clip, d.weight_decay, d.revival, d.dead_window, d.dead_vectors, d.resample_every, d.aux_k,
                     d.aux_coefficient),
            std::tie(d0.clip, d0.weight_decay, d0.revival, d0.dead_window, d0.dead_vectors, d0.resample_every, d0.aux_k,
                     d0.aux_coefficient));
  const FilterOptions f = read_filters(Values(filter_table().schema, {})), f0;
  EXPECT_EQ(std::tie(f.minimum_value, f.duplicates, f.consecutive, f.min_user_events, f.min_item_events, f.iterative,
                     f.first_n, f.last_n),
            std::tie(f0.minimum_value, f0.duplicates, f0.consecutive, f0.min_user_events, f0.min_item_events,
                     f0.iterative, f0.first_n, f0.last_n));
  const SplitOptions s = read_split(Values(split_table().schema, {})), s0;
  EXPECT_EQ(std::tie(s.kind, s.test, s.activation_users, s.validation, s.validation_users, s.drop_cold_items),
            std::tie(s0.kind, s0.test, s0.activation_users, s0.validation, s0.validation_users, s0.drop_cold_items));
  const ActivationOptions a = read_activations(Values(activation_table().schema, {})), a0;
  EXPECT_EQ(std::tie(a.store, a.normalize, a.positions), std::tie(a0.store, a0.normalize, a0.positions));
  const EvaluationOptions e = read_evaluation(Values(evaluation_table().schema, {})), e0;
  EXPECT_EQ(std::tie(e.top, e.filter_seen, e.coverage_denominator, e.batch_users, e.users, e.generation),
            std::tie(e0.top, e0.filter_seen, e0.coverage_denominator, e0.batch_users, e0.users, e0.generation));
  const InterpretOptions i = read_interpretation(Values(interpretation_table().schema, {})), i0;
  EXPECT_EQ(std::tie(i.best_by, i.top_items, i.top_points, i.neurons, i.points),
            std::tie(i0.best_by, i0.top_items, i0.top_points, i0.neurons, i0.points));
  EXPECT_EQ(std::tie(i.top_sequences, i.sequence_length, i.histogram_bins, i.similar, i.promoted),
            std::tie(i0.top_sequences, i0.sequence_length, i0.histogram_bins, i0.similar, i0.promoted));
  const ComputeOptions c = read_compute(Values(compute_table().schema, {})), c0;
  EXPECT_EQ(std::tie(c.device, c.threads, c.isa, c.precision), std::tie(c0.device, c0.threads, c0.isa, c0.precision));
}

TEST_F(ExperimentTest, SmallestFileHasDefaults) {
  const Experiment e = one(small);
  EXPECT_EQ(e.name, "exp");
  EXPECT_EQ(e.run, "exp");
  EXPECT_EQ(e.seed, 1U);
  EXPECT_EQ(e.output, fs::current_path() / "results/exp");
  EXPECT_EQ(e.interactions.values.text("path"), (folder_ / "log.csv").string());
  EXPECT_FALSE(e.backbone.has_value());
  EXPECT_FALSE(e.interpret.has_value());
  EXPECT_EQ(e.filters.minimum_value, -INFINITY);
  ASSERT_EQ(e.evaluate.metrics.size(), 2U);  // all installed ones
  EXPECT_EQ(e.sweep_label(), "");
}

TEST_F(ExperimentTest, FullFileIsReadCompletely) {
  const Experiment e = one(full);
  EXPECT_EQ(e.name, "ml1m");
  EXPECT_EQ(e.seed, 7U);
  EXPECT_EQ(e.output, fs::current_path() / "out");
  EXPECT_EQ(e.compute.threads, 2);
  EXPECT_EQ(e.compute.precision, HEDDLE_PRECISION_BF16);
  EXPECT_EQ(e.attributes.size(), 2U);
  EXPECT_EQ(e.attributes.at("pop").component->id, "test.genres");  // by the part after the dot
  EXPECT_EQ(e.attributes.at("pop").values.text("column"), "n");
  EXPECT_EQ(e.filters.minimum_value, 0);
  EXPECT_EQ(e.filters.duplicates, Duplicates::keep_last);
  EXPECT_TRUE(e.filters.consecutive);
  EXPECT_EQ(e.filters.min_user_events, 5);
  EXPECT_FALSE(e.filters.iterative);
  EXPECT_EQ(e.split.kind, SplitKind::global_time);
  EXPECT_EQ(e.split.validation, Validation::last_item);
  EXPECT_EQ(e.split.test, 0.097);
  ASSERT_TRUE(e.backbone.has_value());
  EXPECT_EQ(e.backbone->plugin.values.integer("hidden"), 32);
  EXPECT_EQ(e.backbone->training.epochs, 3);
  EXPECT_EQ(e.backbone->training.validation_top, 20);
  EXPECT_EQ(e.backbone->training.schedule, Schedule::linear);
  EXPECT_EQ(e.backbone->training.precision, HEDDLE_PRECISION_BF16);
  EXPECT_EQ(e.activations.store, ActivationStoring::bf16);
  EXPECT_EQ(e.activations.normalize, Normalization::scalar);
  ASSERT_EQ(e.dictionaries.size(), 2U);
  EXPECT_EQ(e.dictionaries.at("l1").site, "block.0.out");
  EXPECT_EQ(e.dictionaries.at("l1").training.steps, 100);
  EXPECT_EQ(e.dictionaries.at("l1").training.revival, Revival::auxk);
  EXPECT_EQ(e.dictionaries.at("topk").plugin.values.integers("k")[1], 16);
  EXPECT_EQ(e.evaluate.options.top, 5);
  ASSERT_EQ(e.evaluate.metrics.size(), 1U);
  EXPECT_EQ(e.evaluate.metrics[0].name, "ndcg");
  ASSERT_EQ(e.interpret->metrics.size(), 2U);
  EXPECT_EQ(e.interpret->metrics[1].values.real("threshold"), 0.5);
  EXPECT_EQ(e.interpret->options.best_by, "sensitivity");
  EXPECT_EQ(e.interpret->options.points, PointsOf::test_users);

  ASSERT_EQ(e.steer.size(), 2U);
  const SteerOptions& set = e.steer[0];
  EXPECT_EQ(set.kind, SteerKind::set_feature);
  ASSERT_EQ(set.features.size(), 4U);
  EXPECT_EQ(set.features[0].index, 3);
  EXPECT_EQ(set.features[1].attribute, "genre:Horror");
  EXPECT_EQ(set.features[3].text(), "genre:*#2 by pearson");
  EXPECT_EQ(set.values, (std::vector<double>{0, 0.1, 0.2, 0.3}));  // 0.3, not 0.30000000000000004
  EXPECT_EQ(set.positions, Positions::last);
  const SteerOptions& add = e.steer[1];
  EXPECT_EQ(add.kind, SteerKind::add_vector);
  EXPECT_EQ(add.vector, (std::vector<double>{1, 0.5}));
  EXPECT_EQ(add.dictionary, "");
  EXPECT_EQ(add.values, std::vector<double>{-2});
  EXPECT_EQ(add.positions, Positions::all);
}

TEST_F(ExperimentTest, ResolvedSaysEverythingInAStableOrder) {
  const Experiment e = one(full);
  std::vector<std::string> keys;
  for (const auto& [key, value] : e.resolved.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"experiment", "compute", "plugins", "interactions", "attributes", "filters",
                                            "split", "backbone", "activations", "dictionary", "evaluate", "interpret",
                                            "steer"}));
  EXPECT_EQ(e.resolved.dump(), one(full).resolved.dump());
  EXPECT_EQ(e.resolved["backbone"]["params"]["layers"], 3);
  EXPECT_EQ(e.resolved["backbone"]["training"]["patience"], 10);
  EXPECT_EQ(e.resolved["dictionary"]["l1"]["site"], "block.0.out");
  EXPECT_EQ(e.resolved["interpret"]["metrics"][1]["params"]["threshold"], 0.5);
  EXPECT_EQ(e.resolved["steer"][0]["feature"][1], "genre:Horror");
  EXPECT_TRUE(one(small).resolved["filters"]["minimum_value"].is_null());
}

TEST_F(ExperimentTest, NumericLeavesOutWhatChangesNoNumber) {
  const std::string before = one(full).numeric.dump();
  for (const char* harmless :
       {"experiment.name=x", "experiment.output=y", "compute.threads=3", "backbone.log_steps=true",
        "backbone.training.checkpoint_seconds=1", "evaluate.batch_users=7"})
    EXPECT_EQ(one(full, {harmless}).numeric.dump(), before) << harmless;
  EXPECT_EQ(before.find(folder_.string()), std::string::npos) << "paths are not numeric";
  EXPECT_NE(one(full, {"backbone.hidden=31"}).numeric.dump(), before);
}

TEST_F(ExperimentTest, PathsAreLookedUpUnderHeddleDataFirst) {
  EXPECT_EQ(one(small).interactions.values.text("path"), (folder_ / "log.csv").string());
  fs::create_directory(folder_ / "data");
  write_file(folder_ / "data/log.csv", "");
  EXPECT_EQ(one(small).interactions.values.text("path"), (folder_ / "data/log.csv").string());
  const std::string absolute = (folder_ / "log.csv").string();
  EXPECT_EQ(one(small, {"interactions.path=" + absolute}).interactions.values.text("path"), absolute);
}

TEST_F(ExperimentTest, MissingDataCanBeAllowed) {
  const auto file = ExperimentFile::parse(small, folder_ / "exp.toml", {"interactions.path=none.csv"});
  const auto experiments = file.experiments(plugins_, ExperimentFile::MissingPaths::allow);
  EXPECT_EQ(experiments[0].interactions.values.text("path"), (folder_ / "data/none.csv").string());
}

TEST_F(ExperimentTest, PluginPathsAreRelativeToTheFile) {
  const auto file = ExperimentFile::parse("[plugins]\npath = [\"here\", \"/abs\"]\n", folder_ / "exp.toml");
  EXPECT_EQ(file.plugin_paths(), (std::vector<fs::path>{folder_ / "here", "/abs"}));
}

TEST_F(ExperimentTest, OverridesAreTomlValuesOrBareWords) {
  const Experiment e = one(full, {"experiment.name=other", "backbone.dropout = 0.5", "dictionary.topk.k=[1,2,3]",
                                  "experiment.seed=9", "evaluate.filter_seen=false", "steer.0.values={from=1, to=2}",
                                  "dictionary.l1.reconstruction=l2_squared", "attributes.\"pop\".column=\"a = b\""});
  EXPECT_EQ(e.name, "other");
  EXPECT_EQ(e.backbone->plugin.values.real("dropout"), 0.5);
  EXPECT_EQ(e.dictionaries.at("topk").plugin.values.integers("k").size(), 3U);
  EXPECT_EQ(e.seed, 9U);
  EXPECT_FALSE(e.evaluate.options.filter_seen);
  EXPECT_EQ(e.steer[0].values, (std::vector<double>{1, 2}));
  EXPECT_EQ(e.dictionaries.at("l1").plugin.values.text("reconstruction"), "l2_squared");
  EXPECT_EQ(e.attributes.at("pop").values.text("column"), "a = b");
  EXPECT_EQ(one(small, {"backbone.plugin=test.gpt"}).backbone->plugin.component->id, "test.gpt");  // makes the section
}

TEST_F(ExperimentTest, SweepIsAGridWithTheLastKeyFastest) {
  const std::string text =
      std::string(full) + "[sweep]\n\"dictionary.l1.l1\" = [0.1, 1]\nexperiment.seed = [1, 2, 3]\n";
  const auto runs = load(text);
  ASSERT_EQ(runs.size(), 6U);
  EXPECT_EQ(runs[0].run, "ml1m@l1=0.1,seed=1");
  EXPECT_EQ(runs[1].run, "ml1m@l1=0.1,seed=2");
  EXPECT_EQ(runs[5].run, "ml1m@l1=1,seed=3");
  EXPECT_EQ(runs[5].sweep_label(), "dictionary.l1.l1=1 experiment.seed=3");
  EXPECT_EQ(runs[5].dictionaries.at("l1").plugin.values.real("l1"), 1);
  EXPECT_EQ(runs[5].seed, 3U);
  EXPECT_EQ(runs[4].sweep_point[0].second, 1);
}

TEST_F(ExperimentTest, EqualEndsOfSweptKeysAreToldApart) {
  const auto runs =
      load(std::string(full) +
           "[sweep]\n\"dictionary.l1.width\" = [4]\n\"dictionary.topk.width\" = [5]\n\"backbone.hidden\" = [6]\n");
  EXPECT_EQ(runs[0].run, "ml1m@l1.width=4,topk.width=5,hidden=6");
}

TEST_F(ExperimentTest, RunsNameFiles) {
  const auto runs = load(std::string(full) + "[sweep]\n\"attributes.pop.column\" = [\"a/b\", \"a b\", \"" +
                         std::string(300, 'x') + "\"]\n");
  EXPECT_EQ(runs[0].run, "ml1m@column=a_b");
  EXPECT_EQ(runs[1].run, "ml1m@column=a_b~2");
  EXPECT_LT(runs[2].run.size(), 140U);
  EXPECT_EQ(one(small, {"experiment.name=\"two words\""}).run, "two_words");
}

TEST_F(ExperimentTest, AnOverrideFixesASweptKey) {
  const std::string text =
      std::string(full) + "[sweep]\n\"dictionary.l1.l1\" = [0.1, 1]\nexperiment.seed = [1, 2, 3]\n";
  const auto runs = load(text, {"dictionary.l1.l1=0.5"});
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].dictionaries.at("l1").plugin.values.real("l1"), 0.5);
  EXPECT_EQ(load(text, {"experiment.seed=5"}).size(), 2U);
  EXPECT_EQ(load(text, {"sweep={}"}).size(), 1U);
}

TEST_F(ExperimentTest, MissingFileIsTheUsersFault) {
  try {
    ExperimentFile file(folder_ / "none.toml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.wrong_use());
    EXPECT_NE(std::string(error.what()).find("none.toml: cannot be opened"), std::string::npos) << error.what();
  }
}

// Any byte of a sound file changed, dropped or doubled: it loads, or there is one error of one line.
TEST_F(ExperimentTest, MutatedFilesGiveErrorsAndNothingWorse) {
  const std::string text = full;
  uint32_t state = 1;
  const auto random = [&state] { return state = state * 1664525U + 1013904223U, state >> 8; };
  int loaded = 0, refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string mutated = text;
    for (uint32_t edits = 1 + random() % 3; edits > 0; --edits) {
      const size_t at = random() % mutated.size();
      switch (random() % 3) {
        case 0: mutated[at] = static_cast<char>(random()); break;
        case 1: mutated.erase(at, 1 + random() % 5); break;
        default: mutated.insert(at, mutated.substr(random() % mutated.size(), 1 + random() % 20)); break;
      }
    }
    try {
      load(mutated);
      ++loaded;
    } catch (const Error& error) {
      ASSERT_TRUE(error.wrong_use()) << error.what() << "\n" << mutated;
      ++refused;
    }
  }
  EXPECT_GT(loaded, 10);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace heddle
