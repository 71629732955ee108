// What bf16 costs in quality: NDCG@10 of the backbone, and of its lists through dictionaries, and the dictionaries' explained
// variance, over three seeds each in f32 and in bf16.
//
// Criterion: the means over the seeds differ by no more than the standard error of f32's mean (sample deviation / sqrt 3),
// i.e. by less than another draw of three seeds would move it. The test users are the same for all seeds; weights, batches
// and who trains, validates and gives activations are drawn from the seed.
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "program.h"

namespace heddle::test {
namespace {

const char* const experiment = R"(
[experiment]
name = "precision"
output = "out"
[interactions]
plugin = "heddle.synthetic"
preset = "small"
[split]
kind = "new_users"
test = 0.25
activation_users = 0.4
[backbone]
plugin = "heddle.gptrec"
hidden = 64
layers = 2
heads = 2
max_length = 64
[backbone.training]
epochs = 12
patience = 0
[dictionary.l1]
plugin = "heddle.l1"
site = "block.0.out"
width = 512
l1 = 0.1
[dictionary.l1.training]
batch = 1024
steps = 1500
warmup_steps = 100
[dictionary.topk]
plugin = "heddle.topk"
site = "block.0.out"
width = 512
k = 16
[dictionary.topk.training]
batch = 1024
steps = 1500
warmup_steps = 100
)";

constexpr int kSeeds = 3;

// "l1 ev_var" → one value per seed.
using Figures = std::map<std::string, std::vector<double>>;

Figures figures_of(const Folder& folder, const std::string& precision) {
  Figures figures;
  Program heddle(folder.path());
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const std::string output = precision + "-" + std::to_string(seed);
    const Outcome done =
        heddle.run({"run", "precision.toml", "--out", output, "--set", "experiment.seed=" + std::to_string(seed),
                    "--set", "compute.precision=\"" + precision + "\""});
    if (done.code != 0) {
      ADD_FAILURE() << done.err;
      return {};
    }
    const Outcome results = heddle.run({"results", output, "--stage", "evaluation", "--format", "json"});
    for (const auto& row : nlohmann::json::parse(results.out)) {
      const std::string metric = row.at("metric"), part = row.value("part", "");
      if (metric != "ndcg" && metric != "ev_var") continue;
      figures[(part.empty() ? "backbone" : part) + " " + metric].push_back(row.at("value"));
    }
  }
  return figures;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double standard_error(const std::vector<double>& values) {
  const double centre = mean(values);
  double squares = 0;
  for (double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1) / static_cast<double>(values.size()));
}

TEST(PrecisionLong, bf16_is_within_the_noise_of_f32) {
  Folder folder;
  folder.write("precision.toml", experiment);
  const Figures f32 = figures_of(folder, "f32"), bf16 = figures_of(folder, "bf16");
  ASSERT_EQ(f32.size(), 5u);  // NDCG of three, explained variance of two
  for (const auto& [name, values] : f32) {
    ASSERT_EQ(values.size(), static_cast<size_t>(kSeeds)) << name;
    ASSERT_EQ(bf16.count(name), 1u) << name;
    const double difference = mean(bf16.at(name)) - mean(values), noise = standard_error(values);
    EXPECT_LE(std::fabs(difference), noise) << name;
    EXPECT_NE(bf16.at(name), values) << name << ": bf16 was not used";
    GTEST_LOG_(INFO) << name << ": f32 " << mean(values) << ", bf16 " << mean(bf16.at(name)) << ", difference "
                     << difference << ", standard error of f32's mean " << noise;
  }
  // Not trivially equal: the models have learnt something.
  EXPECT_GT(mean(f32.at("backbone ndcg")), 0.15);
  EXPECT_GT(mean(f32.at("l1 ev_var")), 0.9);
}

}  // namespace
}  // namespace heddle::test
