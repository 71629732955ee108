// [[sweep]]: several grids in one file. Single grids are tested in experiment_test.cc.
#include "tests/unit/config/config_test.h"

namespace heddle {
namespace {

const char* const text = R"([interactions]
plugin = "test.log"
path = "log.csv"
[backbone]
plugin = "test.gpt"
[dictionary.l1]
plugin = "test.l1"
site = "block.0.out"
l1 = 0.1
)";

using SweepTest = ConfigTest;

std::vector<std::string> runs_of(const std::vector<Experiment>& experiments) {
  std::vector<std::string> runs;
  for (const Experiment& e : experiments) runs.push_back(e.run);
  return runs;
}

TEST_F(SweepTest, SeveralGridsAreTheirUnionAndEqualPointsComeOnce) {
  const auto experiments = load(std::string(text) + R"([[sweep]]
"dictionary.l1.l1" = [0.1, 0.5]
"experiment.seed" = [1, 2]
[[sweep]]
"dictionary.l1.width" = [64, 2048]
"experiment.seed" = [1, 2]
)");
  // 2048 and 0.1 are what the first grid has anyway; every point states all three keys.
  EXPECT_EQ(runs_of(experiments),
            (std::vector<std::string>{"exp@l1=0.1,seed=1,width=2048", "exp@l1=0.1,seed=2,width=2048",
                                      "exp@l1=0.5,seed=1,width=2048", "exp@l1=0.5,seed=2,width=2048",
                                      "exp@l1=0.1,seed=1,width=64", "exp@l1=0.1,seed=2,width=64"}));
  const Experiment& last = experiments.back();
  EXPECT_EQ(last.dictionaries.at("l1").plugin.values.integer("width"), 64);
  EXPECT_EQ(last.dictionaries.at("l1").plugin.values.real("l1"), 0.1);
  ASSERT_EQ(last.sweep_point.size(), 3U);
  EXPECT_EQ(last.sweep_point[0], (std::pair<std::string, nlohmann::json>{"dictionary.l1.l1", 0.1}));
  EXPECT_EQ(last.sweep_point[2].second, 64);
  EXPECT_EQ(experiments[0].sweep_point[2], (std::pair<std::string, nlohmann::json>{"dictionary.l1.width", 2048}));
}

TEST_F(SweepTest, AnEmptyGridIsTheFileAsItStands) {
  const auto experiments = load(std::string(text) + "[[sweep]]\n[[sweep]]\n\"dictionary.l1.l1\" = [0.5, 0.1]\n");
  EXPECT_EQ(runs_of(experiments), (std::vector<std::string>{"exp@l1=0.1", "exp@l1=0.5"}));
}

TEST_F(SweepTest, OneGridInTwoBracketsIsLikeOneInOne) {
  const std::string grid = "\"dictionary.l1.l1\" = [0.5, 0.5]\n";
  EXPECT_EQ(runs_of(load(std::string(text) + "[[sweep]]\n" + grid)),
            runs_of(load(std::string(text) + "[sweep]\n" + grid)));
}

TEST_F(SweepTest, AnOverrideFixesAKeyInEveryGrid) {
  const std::string grids = std::string(text) +
                            "[[sweep]]\n\"dictionary.l1.l1\" = [0.1, 0.5]\nexperiment.seed = [1, "
                            "2]\n[[sweep]]\n\"experiment.seed\" = [3, 4]\n";
  EXPECT_EQ(load(grids).size(), 6U);
  const auto fixed = load(grids, {"experiment.seed=9"});
  EXPECT_EQ(runs_of(fixed), (std::vector<std::string>{"exp@l1=0.1", "exp@l1=0.5"}));
  EXPECT_EQ(fixed[0].seed, 9U);
  EXPECT_EQ(load(grids, {"sweep=[]"}).size(), 1U);
  EXPECT_EQ(load(grids, {"sweep.1.\"experiment.seed\"=[5]"}).size(), 5U);
}

TEST_F(SweepTest, AllGridsTogetherHaveABound) {
  std::string many = "\"experiment.seed\" = [0";
  for (int i = 1; i < 6000; ++i) many += "," + std::to_string(i);
  many += "]\n";
  EXPECT_EQ(failure(std::string(text) + "[[sweep]]\n" + many + "[[sweep]]\n" + many),
            "exp.toml:12:1: [sweep] has more than 10000 points");
}

}  // namespace
}  // namespace heddle
