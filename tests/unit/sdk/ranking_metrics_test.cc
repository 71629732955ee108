// The worked examples in plugins/metrics/ranking/ranking_metrics.cc, and the edges of each definition.
#define HEDDLE_STATIC_ENTRY ranking_metrics_entry
#include "plugins/metrics/ranking/ranking_metrics.cc"
#include "harness.h"

namespace {

using heddle_test::component;
using RankingInstance = heddle_test::Instance<heddle_ranking_metric_vtable, heddle_ranking_metric>;

struct Fixture {
  int64_t k, items;
  std::vector<int32_t> lists;
  std::vector<int64_t> offsets;
  std::vector<int32_t> targets;
  heddle_lists raw() const {
    return {sizeof(heddle_lists), 0, static_cast<int64_t>(offsets.size()) - 1, k, items, lists.data(), offsets.data(),
            targets.data()};
  }
};

const Fixture example{
    3, 10, {0, 1, 2, 1, 2, 3, 2, 3, 4, 0, 5, -1, 1, 2, 3}, {0, 1, 2, 3, 6, 8}, {0, 3, 9, 5, 0, 7, 2, 2}};

std::vector<double> per_user(const char* id, const Fixture& fixture) {
  const RankingInstance metric(component(ranking_metrics_entry(), id), {});
  const heddle_lists lists = fixture.raw();
  std::vector<double> out(static_cast<size_t>(lists.users));
  heddle_test::ErrorText error;
  EXPECT_EQ(metric.table.per_user(metric.handle, &lists, out.data(), &error.raw), HEDDLE_OK) << error.text;
  return out;
}
double over_all(const char* id, const Fixture& fixture) {
  const RankingInstance metric(component(ranking_metrics_entry(), id), {});
  const heddle_lists lists = fixture.raw();
  double out = -1;
  heddle_test::ErrorText error;
  EXPECT_EQ(metric.table.over_all(metric.handle, &lists, &out, &error.raw), HEDDLE_OK) << error.text;
  return out;
}
void expect_near(const std::vector<double>& found, const std::vector<double>& wanted) {
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 5e-5) << "user " << i;
}

TEST(RankingMetrics, WorkedExamples) {
  expect_near(per_user("heddle.ndcg", example), {1, .5, 0, .7654, .3869});
  expect_near(per_user("heddle.hit_rate", example), {1, 1, 0, 1, 1});
  expect_near(per_user("heddle.mrr", example), {1, 1.0 / 3, 0, 1, .5});
  expect_near(per_user("heddle.recall", example), {1, 1, 0, 2.0 / 3, 1});
  EXPECT_NEAR(over_all("heddle.coverage", example), .6, 1e-12);
  EXPECT_NEAR(over_all("heddle.inter_list_diversity", example), .5592, 5e-5);
}

TEST(RankingMetrics, EmptyListsAndTargetsScoreZero) {
  const Fixture empty{2, 4, {-1, -1, 0, 1}, {0, 1, 1}, {0}};
  for (const char* id : {"heddle.ndcg", "heddle.hit_rate", "heddle.mrr", "heddle.recall"})
    expect_near(per_user(id, empty), {0, 0});
  EXPECT_EQ(over_all("heddle.inter_list_diversity", empty), 1);
  const Fixture nobody{2, 0, {}, {0}, {}};
  EXPECT_EQ(over_all("heddle.coverage", nobody), 0);
  EXPECT_EQ(over_all("heddle.inter_list_diversity", nobody), 0);
}

TEST(RankingMetrics, OneTargetGivesOneOverLogOfRank) {
  const Fixture one{4, 9, {5, 6, 7, 8}, {0, 1}, {7}};
  EXPECT_NEAR(per_user("heddle.ndcg", one)[0], 1 / std::log2(4.0), 1e-12);
  EXPECT_EQ(per_user("heddle.recall", one), per_user("heddle.hit_rate", one));
}

// The closed form against the plain mean over pairs.
TEST(RankingMetrics, DiversityEqualsTheMeanOverPairs) {
  Fixture f{5, 12, {}, {0}, {}};
  uint32_t state = 1;
  for (int u = 0; u < 9; ++u) {
    std::vector<int32_t> list;
    const int length = u % 6;
    while (static_cast<int>(list.size()) < length) {
      state = state * 1664525 + 1013904223;
      const auto item = static_cast<int32_t>((state >> 8) % 12);
      if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
    }
    list.resize(5, -1);
    f.lists.insert(f.lists.end(), list.begin(), list.end());
    f.offsets.push_back(0);
  }
  const heddle_lists raw = f.raw();
  const Lists lists(raw);
  double sum = 0;
  for (int64_t u = 0; u < 9; ++u)
    for (int64_t v = 0; v < 9; ++v) {
      if (u == v) continue;
      int common = 0;
      for (int32_t i : lists.of(u).items)
        for (int32_t j : lists.of(v).items) common += i == j;
      if (common > 0)
        sum += common / std::sqrt(static_cast<double>(lists.of(u).items.size() * lists.of(v).items.size()));
    }
  EXPECT_NEAR(over_all("heddle.inter_list_diversity", f), 1 - sum / 72, 1e-12);
}

}  // namespace
