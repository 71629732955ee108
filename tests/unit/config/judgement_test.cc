// [probe], [[example]], [report], and what [[steer]] and [evaluate] gained with them.
#include "tests/unit/config/config_test.h"

namespace heddle {
namespace {

const char* const text = R"([interactions]
plugin = "test.log"
path = "log.csv"
[attributes.genre]
plugin = "test.genres"
[attributes.tag]
plugin = "test.genres"
[backbone]
plugin = "test.gpt"
[dictionary.a]
plugin = "test.l1"
site = "block.0.out"
[dictionary.b]
plugin = "test.topk"
site = "block.1.out"
[dictionary.c]
plugin = "test.topk"
site = "block.0.out"
[interpret]
metrics = ["pearson", "sensitivity"]
)";

class JudgementTest : public ConfigTest {
 protected:
  Experiment with(const std::string& more, const std::vector<std::string>& overrides = {}) const {
    return one(std::string(text) + more, overrides);
  }
};

TEST(AttributeNames, ArePatternsOfOneSourceOrExact) {
  EXPECT_TRUE(names_attribute("genre:Horror", "genre:Horror"));
  EXPECT_FALSE(names_attribute("genre:Horror", "genre:Horror Show"));
  EXPECT_TRUE(names_attribute("genre:*", "genre:Horror"));
  EXPECT_FALSE(names_attribute("genre:*", "genres:Horror"));
  EXPECT_FALSE(names_attribute("gen:*", "genre:Horror"));
  ProbeOptions probe;
  EXPECT_TRUE(probe.covers("tag:jazz")) << "none named: all";
  probe.attributes = {"genre:*", "tag:rock"};
  EXPECT_TRUE(probe.covers("genre:War"));
  EXPECT_FALSE(probe.covers("tag:jazz"));
}

TEST_F(JudgementTest, AProbeReadsWhereDictionariesDo) {
  EXPECT_FALSE(with("").probe.has_value());
  const Experiment e = with("[probe]\n");
  const ProbeOptions &p = *e.probe, d;
  EXPECT_EQ(p.sites, (std::vector<std::string>{"block.0.out", "block.1.out"}));
  EXPECT_EQ(std::tie(p.attributes, p.l2, p.class_weight, p.tolerance, p.max_iterations),
            std::tie(d.attributes, d.l2, d.class_weight, d.tolerance, d.max_iterations));
  EXPECT_EQ(e.resolved["probe"]["site"], (std::vector<std::string>{"block.0.out", "block.1.out"}));
  EXPECT_EQ(e.resolved["probe"]["class_weight"], "balanced");
}

TEST_F(JudgementTest, AProbeSaysWhatItReads) {
  const Experiment e = with(
      "[probe]\nattributes = \"genre:*\"\nsite = \"final\"\nl2 = 0.5\nclass_weight = \"none\"\ntolerance = 1e-4\n"
      "max_iterations = 9\n");
  const ProbeOptions& p = *e.probe;
  EXPECT_EQ(p.attributes, std::vector<std::string>{"genre:*"});
  EXPECT_EQ(p.sites, std::vector<std::string>{"final"});
  EXPECT_EQ(p.site_where.line, 23);
  EXPECT_EQ(p.attributes_where.line, 22);
  EXPECT_EQ(p.l2, 0.5);
  EXPECT_EQ(p.class_weight, ClassWeight::none);
  EXPECT_EQ(p.tolerance, 1e-4);
  EXPECT_EQ(p.max_iterations, 9);
  EXPECT_EQ(e.activation_sites(), (std::vector<std::string>{"block.0.out", "block.1.out", "final"}));
  EXPECT_EQ(with("[probe]\nattributes = [\"genre:A\", \"tag:B\"]\n").probe->attributes.size(), 2U);
}

TEST_F(JudgementTest, SteeringByAProbe) {
  const std::string steer =
      "[[steer]]\nkind = \"add_vector\"\ndirection = \"probe\"\nfeature = [\"genre:War\", "
      "\"tag:*\"]\nvalues = [1]\nscale = \"unit_variance\"\n";
  SteerOptions s = with("[probe]\nsite = \"final\"\n" + steer).steer.at(0);
  EXPECT_EQ(s.direction, SteerDirection::probe);
  EXPECT_EQ(s.scale, SteerScale::unit_variance);
  EXPECT_EQ(s.site, "final");
  EXPECT_EQ(s.dictionary, "");
  EXPECT_EQ(s.features.size(), 2U);
  s = with("[probe]\n" + steer + "dictionary = \"b\"\n").steer.at(0);
  EXPECT_EQ(s.site, "block.1.out");
  EXPECT_EQ(s.dictionary, "");
  const Experiment e = with("[probe]\n" + steer + "site = \"block.0.out\"\n");
  EXPECT_EQ(e.site_of(e.steer[0]), "block.0.out");
  EXPECT_EQ(e.resolved["steer"][0]["site"], "block.0.out");
  EXPECT_EQ(e.resolved["steer"][0]["direction"], "probe");
}

TEST_F(JudgementTest, SteeringByADecoderRowOrAVectorMayBeScaled) {
  const Experiment e = with(
      "[[steer]]\nkind = \"add_vector\"\ndictionary = \"a\"\nfeature = 3\nvalues = [1]\nscale = \"unit_norm\"\n"
      "[[steer]]\nkind = \"add_vector\"\nvector = [1, 2]\nsite = \"final\"\nvalues = [1]\nscale = \"unit_variance\"\n"
      "[[steer]]\ndictionary = \"a\"\nfeature = 3\nvalues = [1]\n");
  EXPECT_EQ(e.steer[0].scale, SteerScale::unit_norm);
  EXPECT_EQ(e.steer[0].direction, SteerDirection::decoder);
  EXPECT_EQ(e.steer[1].scale, SteerScale::unit_variance);
  EXPECT_EQ(e.steer[1].dictionary, "");
  EXPECT_EQ(e.steer[2].scale, SteerScale::none);
}

TEST_F(JudgementTest, Examples) {
  const Experiment e = with(
      "[[example]]\ndictionary = \"a\"\nfeature = \"genre:Sci-Fi\"\nvalues = { from = -2, to = 2, step = 2 }\n"
      "users = [1410, \"u7\"]\nhistory = 4\n"
      "[[example]]\ndictionary = \"b\"\nfeature = { top = \"tag:x\", by = \"sensitivity\", rank = 2 }\nvalues = 3\n"
      "count = 5\n");
  ASSERT_EQ(e.examples.size(), 2U);
  const ExampleOptions &named = e.examples[0], &found = e.examples[1], d;
  EXPECT_EQ(named.dictionary, "a");
  EXPECT_EQ(named.feature.attribute, "genre:Sci-Fi");
  EXPECT_EQ(named.values, (std::vector<double>{-2, 0, 2}));
  EXPECT_EQ(named.users, (std::vector<std::string>{"1410", "u7"}));
  EXPECT_EQ(named.users_where.line, 25);
  EXPECT_EQ(named.history, 4);
  EXPECT_EQ(found.feature.text(), "tag:x#2 by sensitivity");
  EXPECT_EQ(found.values, std::vector<double>{3});
  EXPECT_TRUE(found.users.empty());
  EXPECT_EQ(found.count, 5);
  EXPECT_EQ(found.history, d.history);
  EXPECT_EQ(e.resolved["example"][0]["users"], (std::vector<std::string>{"1410", "u7"}));
  EXPECT_EQ(e.resolved["example"][1]["feature"], "tag:x#2 by sensitivity");
  EXPECT_EQ(e.resolved["example"][1]["dictionary"], "b");
}

TEST_F(JudgementTest, TheReportChangesNoNumber) {
  const Experiment bare = with(""), e = with(
                                        "[report]\ntitle = \"Films\"\nfigures = [\"fig3\", \"table1\"]\n"
                                        "histograms = \"genre:War\"\nsequences = [\"genre:War\", 17, \"18\"]\n"
                                        "highlight = [\"tag:*\"]\nfile = \"out/page.html\"\n");
  EXPECT_FALSE(bare.report.has_value());
  EXPECT_FALSE(bare.resolved.contains("report"));
  const ReportOptions& r = *e.report;
  EXPECT_EQ(r.title, "Films");
  EXPECT_EQ(r.figures, (std::vector<std::string>{"fig3", "table1"}));
  EXPECT_EQ(r.histograms, std::vector<std::string>{"genre:War"});
  EXPECT_EQ(r.sequences, (std::vector<std::string>{"genre:War", "17", "18"}));
  EXPECT_EQ(r.highlight, std::vector<std::string>{"tag:*"});
  EXPECT_EQ(r.file, (std::filesystem::current_path() / "out/page.html").string());
  EXPECT_EQ(e.resolved["report"]["figures"][0], "fig3");
  EXPECT_EQ(e.numeric.dump(), bare.numeric.dump());
  EXPECT_TRUE(with("[report]\n").report->figures.empty());
}

TEST_F(JudgementTest, GenerationAndDetailsHaveDefaults) {
  const Experiment e = with("");
  EXPECT_EQ(e.evaluate.options.generation, Generation::top_k);
  EXPECT_EQ(e.resolved["evaluate"]["generation"], "top_k");
  EXPECT_FALSE(e.numeric["evaluate"].contains("generation"));
  const Experiment next = with("", {"evaluate.generation=next_k", "interpret.histogram_bins=7", "interpret.similar=2"});
  EXPECT_EQ(next.evaluate.options.generation, Generation::next_k);
  EXPECT_EQ(next.numeric["evaluate"]["generation"], "next_k");
  EXPECT_EQ(next.interpret->options.histogram_bins, 7);
  EXPECT_EQ(next.interpret->options.similar, 2);
}

TEST_F(JudgementTest, AllIsRecordedInTheOrderOfTheReference) {
  const Experiment e = with(
      "[report]\n[[example]]\ndictionary = \"a\"\nfeature = 1\nvalues = [1]\n[[steer]]\ndictionary = \"a\"\nfeature = "
      "1\nvalues = [1]\n[probe]\n");
  std::vector<std::string> keys, headings;
  for (const auto& [key, value] : e.resolved.items()) keys.push_back(key);
  EXPECT_EQ(std::vector<std::string>(keys.end() - 6, keys.end()),
            (std::vector<std::string>{"evaluate", "interpret", "probe", "steer", "example", "report"}));
  for (const OptionTable& table : experiment_options()) headings.push_back(table.heading);
  EXPECT_EQ(std::vector<std::string>(headings.end() - 7, headings.end()),
            (std::vector<std::string>{"[evaluate]", "[interpret]", "[probe]", "[[steer]]", "[[example]]", "[report]",
                                      "[sweep]"}));
}

}  // namespace
}  // namespace heddle
