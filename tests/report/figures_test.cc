// What the report collects from results: rows of tables and figures on made-up runs whose numbers are known.
#include <gtest/gtest.h>

#include "core/report/case_figures.h"
#include "core/report/points.h"
#include "core/report/report.h"
#include "core/report/score_figures.h"
#include "core/report/steering_figures.h"
#include "core/report/tables.h"
#include "tests/report/fake_run.h"
#include "tests/unit/store/temporary_folder.h"

namespace heddle {
namespace {

using test::FakeRun;

const Figure& figure_named(const ReportContent& content, const std::string& id) {
  for (const Figure& figure : content.figures)
    if (figure.id == id) return figure;
  static const Figure none;
  ADD_FAILURE() << "no figure " << id;
  return none;
}

nlohmann::ordered_json cell_of(const Figure& figure, size_t row, const std::string& column) {
  for (size_t c = 0; c < figure.columns.size(); ++c)
    if (figure.columns[c].name == column) return figure.rows.at(row).at(c);
  ADD_FAILURE() << figure.id << " has no column " << column;
  return nullptr;
}

TEST(Points, a_sweep_is_axes_and_repetitions) {
  const RunSet set({test::shared("made-up"), test::shared("wide")});
  const auto points = dictionary_points(set);
  EXPECT_EQ(points.size(), 4u * 2 + 3);
  const auto axes = axes_of(points);
  ASSERT_EQ(axes.size(), 2u);
  EXPECT_EQ(axes[0].key, "l1");
  EXPECT_EQ(axes[1].key, "width");
  ASSERT_EQ(axes[0].series.size(), 1u);
  EXPECT_EQ(axes[0].series[0].at.size(), 4u);
  EXPECT_EQ(axes[0].series[0].at.at(0.1).size(), 2u) << "seeds are repetitions, not an axis";
  const Focus focus = focus_of(set);
  // λ = 0.1 with seed 1 has the largest mean.
  EXPECT_EQ(focus.run->name(), "made-up@l1=0.1,seed=1");
  EXPECT_EQ(focus.mean_metric(), "mean_best.genre.pearson");
  EXPECT_EQ(repetitions_of(focus, points).size(), 2u);
}

TEST(Points, a_seed_that_is_the_experiments_own_is_no_repetition) {
  const TemporaryFolder folder;
  FakeRun first{.output = folder, .name = "a"}, second{.output = folder, .name = "b"};
  first.seed = 0, second.seed = 1;
  first.write();
  second.write();
  const RunSet set({static_cast<const std::filesystem::path&>(folder).string()});
  EXPECT_EQ(dictionary_points(set).size(), 1u);
}

TEST(Points, what_one_run_judged_and_another_interpreted_is_one_point) {
  const TemporaryFolder folder;
  FakeRun judged{.output = folder, .name = "a"}, interpreted{.output = folder, .name = "b"};
  judged.interpreted = false;
  judged.write();
  interpreted.write();
  const RunSet set({static_cast<const std::filesystem::path&>(folder).string()});
  const auto points = dictionary_points(set);
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].run->name(), "a");
  ASSERT_NE(points[0].results("interpretation"), nullptr);
  EXPECT_DOUBLE_EQ(*find_value(*points[0].results("interpretation"), "mean_best.genre.pearson"), 0.6);
}

TEST(Tables, fidelity_along_the_sweep_with_spread_over_seeds) {
  const RunSet set({test::shared("made-up"), test::shared("wide")});
  const auto points = dictionary_points(set);
  const auto tables = fidelity_tables(focus_of(set), points, axes_of(points));
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[0].id, "table1");
  EXPECT_EQ(tables[1].id, "table1-width");
  ASSERT_EQ(tables[0].rows.size(), 5u);
  EXPECT_EQ(tables[0].rows[0].label, "untouched");
  EXPECT_EQ(tables[0].rows[0].metrics.count("rmse_global"), 0u) << "nothing is reconstructed in the first row";
  EXPECT_DOUBLE_EQ(tables[0].rows[0].metrics.at("ndcg").mean, 0.15);
  EXPECT_EQ(tables[0].rows[1].label, "0.01");
  EXPECT_EQ(tables[0].rows[4].label, "1");
  EXPECT_NEAR(tables[0].rows[3].metrics.at("ndcg").mean, 0.15 * 0.97, 1e-12);
  EXPECT_EQ(tables[0].rows[3].metrics.at("ndcg").count, 2u);
  const Figure figure = figure_of(tables[0]);
  EXPECT_TRUE(cell_of(figure, 0, "rmse_global").is_null());
  EXPECT_EQ(cell_of(figure, 2, "rmse_global"), 0.1);
  EXPECT_EQ(cell_of(figure, 2, "rmse_global.sd"), 0.0);
}

TEST(Tables, best_features_with_neurons_probe_and_mean) {
  const RunSet set({test::shared("full")});
  const Figure figure = figure_named(collect_report(set), "table2");
  ASSERT_EQ(figure.rows.size(), 7u);
  EXPECT_EQ(cell_of(figure, 0, "attribute"), "Action") << "best first";
  EXPECT_EQ(cell_of(figure, 0, "feature"), 0);
  EXPECT_EQ(cell_of(figure, 0, "pearson"), 0.7);
  EXPECT_EQ(cell_of(figure, 0, "neuron"), 0.25) << "absolute value";
  EXPECT_EQ(cell_of(figure, 0, "probe"), 0.85);
  EXPECT_EQ(cell_of(figure, 6, "attribute"), "Mean");
  EXPECT_TRUE(cell_of(figure, 6, "feature").is_null());
  EXPECT_NEAR(cell_of(figure, 6, "pearson").get<double>(), 0.7 - 0.2 * 2.5 / 32, 1e-6);
}

TEST(Figures, heat_map_rows_are_the_best_features) {
  const RunSet set({test::shared("full")});
  const Focus focus = focus_of(set);
  const auto found = open_interpreted(*focus.run, "l1");
  ASSERT_TRUE(found);
  const auto map = heat_map(*found, focus);
  ASSERT_TRUE(map);
  EXPECT_EQ(map->attributes.size(), 6u) << "the numeric attribute of another family is left out";
  EXPECT_EQ(map->attributes[4], "genre:Sci-Fi");
  EXPECT_EQ(map->features[4], 4);
  EXPECT_DOUBLE_EQ(map->scores[4 * 6 + 4], found->file.score("pearson", 4, 4));
  EXPECT_DOUBLE_EQ(map->scores[4 * 6 + 1], -0.05);
}

TEST(Figures, sweep_histogram_and_sequences) {
  const RunSet set({test::shared("made-up"), test::shared("wide")});
  const ReportContent content = collect_report(set);
  const Figure& sweep = figure_named(content, "fig3");
  EXPECT_EQ(sweep.rows.size(), 4u * 2 + 3 + 2) << "λ = 0.1 is also a point of the widths";
  EXPECT_EQ(sweep.params.at("panels"), 2);
  EXPECT_EQ(sweep.params.at("baseline"), 0.25);
  const Figure& histogram = figure_named(content, "fig5");
  ASSERT_EQ(histogram.rows.size(), 2u * 24) << "the two best attributes";
  EXPECT_EQ(cell_of(histogram, 0, "present"), 20);
  EXPECT_EQ(cell_of(histogram, 0, "absent"), 524 - 20);
  EXPECT_EQ(cell_of(histogram, 23, "to"), 3.0);
  const Figure& sequences = figure_named(content, "fig6");
  ASSERT_GT(sequences.rows.size(), 5u * 12);
  EXPECT_EQ(cell_of(sequences, 0, "panel"), 0) << "the clearest feature first";
  EXPECT_EQ(cell_of(sequences, 0, "first"), true) << "item 0 has the genre of feature 0";
  EXPECT_EQ(cell_of(sequences, 1, "first"), false);
  EXPECT_EQ(cell_of(sequences, 6, "shade"), 1.0) << "the peak";
  EXPECT_EQ(figure_named(content, "fig8").absent.substr(0, 5), "needs") << "no steering here";
}

TEST(Figures, chosen_features_of_the_report_section) {
  const TemporaryFolder folder;
  FakeRun run{.output = folder};
  run.report = {{"title", "A page"},
                {"figures", {"fig6", "fig5", "table2"}},
                {"histograms", {"genre:War"}},
                {"sequences", {"17", "genre:Drama"}}};
  run.write();
  const RunSet set({static_cast<const std::filesystem::path&>(folder).string()});
  const ReportContent content = collect_report(set);
  EXPECT_EQ(content.title, "A page");
  ASSERT_EQ(content.figures.size(), 3u) << "in the order of asking";
  EXPECT_EQ(content.figures[2].id, "table2");
  EXPECT_EQ(cell_of(content.figures[1], 0, "attribute"), "War");
  EXPECT_EQ(cell_of(content.figures[0], 0, "panel"), 17);
  EXPECT_EQ(content.figures[0].rows.back().at(0), 2) << "the best feature of Drama";
}

TEST(Figures, another_runs_wishes_are_granted_with_its_own_features) {
  const TemporaryFolder folder;
  FakeRun main{.output = folder, .name = "main"}, other{.output = folder, .name = "other"};
  other.features = 48, other.steering = other.examples = false;
  other.report = {{"sequences", {"40"}}};  // the main run has no feature 40
  main.write();
  other.write();
  const RunSet set({static_cast<const std::filesystem::path&>(folder).string()});
  EXPECT_EQ(set.main().name(), "main");
  const ReportContent content = collect_report(set);
  EXPECT_EQ(cell_of(figure_named(content, "fig6"), 0, "panel"), 40);
  EXPECT_EQ(cell_of(figure_named(content, "fig5"), 0, "attribute"), "Action") << "not asked for: the main run's";
}

TEST(Figures, an_attribute_of_the_report_section_that_is_not_there_is_named) {
  const TemporaryFolder folder;
  FakeRun run{.output = folder};
  run.report = {{"sequences", {"genre:Dram"}}};
  run.write();
  const RunSet set({static_cast<const std::filesystem::path&>(folder).string()});
  try {
    collect_report(set);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.wrong_use());
    EXPECT_NE(std::string(error.what()).find("[report] sequences"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("did you mean 'genre:Drama'"), std::string::npos) << error.what();
  }
}

TEST(Figures, steering_curves_and_what_the_summary_says) {
  const RunSet set({test::shared("full")});
  const auto tables = steering_tables(set, focus_of(set));
  ASSERT_EQ(tables.size(), 3u);
  ASSERT_EQ(tables[0].curves.size(), 2u);
  EXPECT_EQ(tables[0].curves[0].shares.at("genre:Sci-Fi").size(), 9u);
  EXPECT_DOUBLE_EQ(tables[0].curves[0].shares.at("genre:Sci-Fi").at(-4), 0.1);
  const auto summary = summary_of(tables);
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->targets, 2u);
  EXPECT_DOUBLE_EQ(summary->lowest_spearman, 1);
  EXPECT_NEAR(*summary->ndcg_loss, 0.1, 1e-12) << "0.18 of 0.2 at ±2";
  const ReportContent content = collect_report(set);
  const Figure& shares = figure_named(content, "fig8a");
  EXPECT_EQ(shares.rows.size(), 2u * 6 * 9);
  EXPECT_EQ(cell_of(shares, 0, "role"), "target");
  EXPECT_EQ(figure_named(content, "fig8b").rows.size(), 3u * 2 * 9);
  const Figure& probes = figure_named(content, "fig9");
  EXPECT_EQ(probes.rows.size(), 2u * 2 * 9);
  EXPECT_EQ(cell_of(probes, 18, "direction"), "probe");
  EXPECT_NE(probes.caption.find("standard deviation 1"), std::string::npos);
}

TEST(Figures, lists_before_and_after) {
  const RunSet set({test::shared("full")});
  const Figure figure = figure_named(collect_report(set), "fig7");
  ASSERT_EQ(figure.rows.size(), 4u * 3);
  EXPECT_EQ(cell_of(figure, 0, "list"), "history, last 3 of 33");
  EXPECT_EQ(cell_of(figure, 3, "list"), "untouched");
  EXPECT_EQ(cell_of(figure, 7, "list"), "Sci-Fi = 2");
  EXPECT_EQ(cell_of(figure, 7, "fresh"), true) << "item 10 was not in the untouched list";
  EXPECT_EQ(cell_of(figure, 8, "fresh"), false);
  EXPECT_EQ(cell_of(figure, 7, "target"), true) << "film 10 has genre 10 mod 6 = Sci-Fi";
  EXPECT_EQ(cell_of(figure, 6, "target"), false);
}

TEST(Figures, a_run_without_dictionary_has_its_quality_and_says_what_is_missing) {
  const TemporaryFolder folder;
  FakeRun run{.output = folder};
  run.dictionary = false;
  run.write();
  const RunSet set({static_cast<const std::filesystem::path&>(folder).string()});
  const ReportContent content = collect_report(set);
  const Figure& table = figure_named(content, "table1");
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(cell_of(table, 0, "ndcg"), 0.15);
  for (const char* id : {"fig3", "fig4", "fig7", "fig8", "fig9"}) EXPECT_NE(figure_named(content, id).absent, "") << id;
  EXPECT_TRUE(content.browser.at("dictionaries").empty());
  EXPECT_EQ(content.runs.rows.size(), 1u);
}

TEST(Figures, runs_made_before_details_say_so) {
  const TemporaryFolder folder;
  FakeRun run{.output = folder};
  run.details = false;
  run.write();
  const RunSet set({static_cast<const std::filesystem::path&>(folder).string()});
  const ReportContent content = collect_report(set);
  for (const char* id : {"fig5", "fig6"})
    EXPECT_NE(figure_named(content, id).absent.find("`heddle run`"), std::string::npos);
  EXPECT_FALSE(content.browser.at("dictionaries").at(0).contains("hist"));
}

TEST(Numbers, spread_and_rank_correlation_by_hand) {
  EXPECT_FALSE(spread_of({}));
  EXPECT_FALSE(spread_of({2})->deviation);
  EXPECT_DOUBLE_EQ(*spread_of({1, 2, 3, 4})->deviation, std::sqrt(5.0 / 3));
  EXPECT_DOUBLE_EQ(*spearman({1, 2, 3}, {10, 20, 30}), 1);
  EXPECT_DOUBLE_EQ(*spearman({1, 2, 3}, {3, 2, 1}), -1);
  // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
  EXPECT_NEAR(*spearman({1, 2, 3, 4}, {1, 5, 5, 9}), 4.5 / std::sqrt(4.5 * 5), 1e-12);
  EXPECT_FALSE(spearman({1, 2}, {3, 3})) << "no variation, no correlation";
  EXPECT_EQ(rounded(0.123456, 3), 0.123);
  EXPECT_EQ(rounded(-98765, 2), -99000);
  EXPECT_EQ(cell(std::nan("")), nullptr);
}

TEST(Csv, rows_of_a_figure) {
  Figure figure;
  figure.columns = {{"name", "Name", -1, ""}, {"score", "Score", 2, ""}};
  figure.rows = {{"a, \"b\"", 0.5}, {"c", nullptr}};
  EXPECT_EQ(figure_csv(figure), "name,score\r\n\"a, \"\"b\"\"\",0.5\r\nc,\r\n");
}

TEST(Runs, are_found_by_folder_name_sweep_and_pattern) {
  const std::string output = test::shared_runs().string();
  const auto names = [](const std::vector<std::filesystem::path>& files) {
    std::vector<std::string> out;
    for (const auto& file : files) out.push_back(file.stem().string());
    return out;
  };
  EXPECT_EQ(find_runs(output).size(), 12u);
  EXPECT_EQ(names(find_runs(output + "/wide")),
            (std::vector<std::string>{"wide@width=16", "wide@width=64", "wide@width=128"}))
      << "numbers by value";
  EXPECT_EQ(names(find_runs(output + "/made-up@l1=1,seed=2")), (std::vector<std::string>{"made-up@l1=1,seed=2"}));
  EXPECT_EQ(find_runs(output + "/made-up@*seed=1").size(), 4u);
  EXPECT_THROW(find_runs(output + "/nothing"), Error);
  EXPECT_THROW(RunSet({output}, output + "/made-up"), Error) << "--main names one run";
  EXPECT_EQ(RunSet({output}, output + "/wide@width=16").main().name(), "wide@width=16");
}

}  // namespace
}  // namespace heddle
