// `extends`: one experiment file laid over another.
#include "tests/unit/config/config_test.h"

namespace heddle {
namespace {

const char* const base = R"([experiment]
name = "base"
seed = 7
output = "shared"
[interactions]
plugin = "test.log"
path = "log.csv"
[attributes.genre]
plugin = "test.genres"
[split]
test = 0.2
validation_users = 5
[backbone]
plugin = "test.gpt"
hidden = 32
[backbone.training]
epochs = 3
[dictionary.l1]
plugin = "test.l1"
site = "block.0.out"
width = 128
[dictionary.l1.training]
steps = 50
[interpret]
metrics = ["pearson", "sensitivity"]
[[steer]]
feature = 1
values = [1]
[[steer]]
feature = 2
values = [1]
)";

using ExtendsTest = ConfigTest;

TEST_F(ExtendsTest, TablesAreMergedAndTheFileWins) {
  write("base.toml", base);
  const Experiment e = one("extends = \"base.toml\"\n[split]\ntest = 0.3\n[dictionary.l1]\nwidth = 256\n");
  EXPECT_EQ(e.split.test, 0.3);
  EXPECT_EQ(e.split.validation_users, 5);
  EXPECT_EQ(e.dictionaries.at("l1").plugin.values.integer("width"), 256);
  EXPECT_EQ(e.dictionaries.at("l1").site, "block.0.out");
  EXPECT_EQ(e.dictionaries.at("l1").training.steps, 50);
  EXPECT_EQ(e.seed, 7U);
  EXPECT_EQ(e.output.filename(), "shared");
  EXPECT_EQ(e.name, "exp") << "the name says which file it is";
}

TEST_F(ExtendsTest, AFileOfNothingElseIsTheOtherFile) {
  write("base.toml", base);
  Experiment both = one("extends = \"base.toml\"\n"), alone = one(base);
  EXPECT_EQ(both.numeric.dump(), alone.numeric.dump());
  alone.resolved["experiment"]["name"] = "exp";
  EXPECT_EQ(both.resolved.dump(), alone.resolved.dump());
}

TEST_F(ExtendsTest, ListsAreReplaced) {
  write("base.toml", base);
  EXPECT_EQ(one("extends = \"base.toml\"\n").steer.size(), 2U);
  const Experiment e =
      one("extends = \"base.toml\"\n[interpret]\nmetrics = [\"pearson\"]\n[[steer]]\nfeature = 9\nvalues = [3]\n");
  EXPECT_EQ(e.interpret->metrics.size(), 1U);
  ASSERT_EQ(e.steer.size(), 1U);
  EXPECT_EQ(e.steer[0].features[0].index, 9);
  EXPECT_TRUE(one("extends = \"base.toml\"\nsteer = []\n").steer.empty());
}

TEST_F(ExtendsTest, AnotherPluginBringsItsOwnParameters) {
  write("base.toml", base);
  const Experiment e = one("extends = \"base.toml\"\n[dictionary.l1]\nplugin = \"test.topk\"\nk = [4]\n");
  const DictionarySection& dictionary = e.dictionaries.at("l1");
  EXPECT_EQ(dictionary.plugin.component->id, "test.topk");
  EXPECT_EQ(dictionary.plugin.values.integer("width"), 2048) << "the base's width was that of test.l1";
  EXPECT_EQ(dictionary.site, "block.0.out");
  EXPECT_EQ(dictionary.training.steps, 50);
}

TEST_F(ExtendsTest, FilesMayExtendFilesAndPathsAreRelativeToTheFileThatHasThem) {
  write("one/base.toml", std::string("[plugins]\npath = \"plugins\"\n") + base);
  write("one/log.csv", "");
  write("two/middle.toml", "extends = \"../one/base.toml\"\n[experiment]\nseed = 8\n");
  const std::string text = "extends = \"two/middle.toml\"\n";
  const Experiment e = one(text);
  EXPECT_EQ(e.seed, 8U);
  EXPECT_EQ(e.interactions.values.text("path"), (folder_ / "one/log.csv").string());
  EXPECT_EQ(e.plugin_paths, std::vector<std::filesystem::path>{folder_ / "one/plugins"});
  EXPECT_EQ(one(text, {"interactions.path=log.csv"}).interactions.values.text("path"), (folder_ / "log.csv").string());
}

TEST_F(ExtendsTest, OverridesOfExtendsCountFirstAndTheOthersLast) {
  write("base.toml", base);
  write("other.toml", std::string(base) + "[sweep]\n\"experiment.seed\" = [1, 2]\n");
  const std::string text = "extends = \"base.toml\"\n[split]\ntest = 0.3\n";
  EXPECT_EQ(load(text, {"extends=other.toml"}).size(), 2U);
  EXPECT_EQ(load(text, {"experiment.seed=5", "extends=other.toml"}).size(), 1U);
  const Experiment e = one(text, {"split.test=0.4", "extends=\"other.toml\""});
  EXPECT_EQ(e.split.test, 0.4);
  EXPECT_EQ(one(base, {"extends=other.toml", "experiment.seed=3"}).seed, 3U) << "also where the file has none";
  EXPECT_EQ(one(text + "[interactions]\nplugin = \"log\"\npath = \"log.csv\"\n", {"extends=\"\""}).seed, 1U);
}

TEST_F(ExtendsTest, AKeyThatTheFileSetsLeavesTheOthersSweep) {
  write("base.toml", std::string(base) + "[sweep]\n\"experiment.seed\" = [1, 2]\n\"dictionary.l1.l1\" = [0.1, 0.2]\n");
  EXPECT_EQ(load("extends = \"base.toml\"\n").size(), 4U);
  const auto runs = load("extends = \"base.toml\"\n[experiment]\nseed = 9\n");
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[1].seed, 9U);
  EXPECT_EQ(runs[1].run, "exp@l1=0.2");
  EXPECT_EQ(load("extends = \"base.toml\"\nsweep = []\n").size(), 1U);
  EXPECT_EQ(load("extends = \"base.toml\"\n[sweep]\n\"experiment.seed\" = [1, 2, 3]\n").size(), 6U);
}

TEST_F(ExtendsTest, ErrorsNameTheFileTheyComeFrom) {
  write("base.toml", std::string(base) + "[evaluate]\ntopp = 3\n");
  EXPECT_EQ(failure("extends = \"base.toml\"\n").substr(0, 40), "base.toml:33:1: unknown key 'topp' of [e");
  write("base.toml", base);
  EXPECT_EQ(failure("extends = \"base.toml\"\n[split]\ntset = 1\n").substr(0, 30), "exp.toml:3:1: unknown key 'tse");
  write("base.toml", "[experiment\n");
  EXPECT_EQ(failure("extends = \"base.toml\"\n").substr(0, 29), "base.toml:1:12: not sound TOM");
}

TEST_F(ExtendsTest, WhatLeadsNowhereOrInACircleIsRefused) {
  EXPECT_EQ(failure("extends = \"none.toml\"\n"),
            "exp.toml:1:1: 'extends' names \"none.toml\", which does not exist; looked for none.toml");
  std::filesystem::create_directory(folder_ / "folder");
  EXPECT_EQ(failure("extends = \"folder\"\n").substr(0, 24), "exp.toml:1:1: 'extends':");
  write("exp.toml", "extends = \"a.toml\"\n");
  write("a.toml", "extends = \"sub/../b.toml\"\n");
  write("b.toml", "extends = \"exp.toml\"\n");
  std::filesystem::create_directory(folder_ / "sub");
  EXPECT_EQ(failure("extends = \"a.toml\"\n"),
            "b.toml:1:1: 'extends' leads in a circle: exp.toml -> a.toml -> b.toml -> exp.toml");
  EXPECT_EQ(failure("extends = \"exp.toml\"\n"), "exp.toml:1:1: 'extends' leads in a circle: exp.toml -> exp.toml");
}

}  // namespace
}  // namespace heddle
