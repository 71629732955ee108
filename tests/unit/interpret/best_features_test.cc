// Best features and their reasons, and what activates a feature: worked by hand.
#include <map>

#include "tests/unit/interpret/support.h"

namespace heddle::interpret_test {
namespace {

FeatureScores scores() {
  FeatureScores s;
  s.features = 4;
  s.attributes = 3;
  s.points = 10;
  s.metrics = {"m"};
  s.label_points = {4, 0, 10};
  s.binary = {true, true, true};
  s.active = {5, 5, 5, 0};
  s.scores["m"] = {0.25,  kNaN, kNaN,  //
                   -0.75, kNaN, 0.5,   //
                   0.25,  kNaN, kNaN,  //
                   kNaN,  kNaN, kNaN};
  return s;
}

TEST(BestFeatures, DirectionTiesAndReasons) {
  const FeatureScores s = scores();
  const auto best = best_features(s, "m", false);
  EXPECT_EQ(best[0].feature, 0);  // a tie with 2: the lower index
  EXPECT_EQ(best[0].score, 0.25);
  EXPECT_EQ(best[1].feature, -1);
  EXPECT_TRUE(std::isnan(best[1].score));
  EXPECT_EQ(best[1].reason, "no data point has the attribute");
  EXPECT_EQ(best[2].feature, 1);
  EXPECT_EQ(mean_best(best), (0.25 + 0.5) / 2);

  const auto absolute = best_features(s, "m", false, true);
  EXPECT_EQ(absolute[0].feature, 1);
  EXPECT_EQ(absolute[0].score, -0.75);  // with its sign
  EXPECT_EQ(mean_best(absolute, true), (0.75 + 0.5) / 2);

  EXPECT_EQ(best_features(s, "m", true)[0].feature, 1);  // lower is better
  EXPECT_EQ(best_features(s, "m", true, true)[0].feature, 0);

  EXPECT_EQ(s.undefined_reason("m", 0, 0), "");
  EXPECT_EQ(s.undefined_reason("m", 3, 0), "the feature never fires");
  EXPECT_EQ(s.undefined_reason("m", 0, 1), "no data point has the attribute");
  EXPECT_EQ(s.undefined_reason("m", 0, 2), "every data point has the attribute");
  EXPECT_TRUE(std::isnan(mean_best({})));
}

// Points: item 0 twice, item 1 three times, item 2 once, one unknown.
TEST(FeatureStatistics, WorkedByHand) {
  const auto device = Device::cpu({2, "auto"});
  Context context(*device);
  const std::vector<int32_t> items = {0, 1, 1, 0, 2, 1, -1};
  const FeatureColumns columns = columns_of({{1, 0}, {4, 0}, {0, 0}, {3, 0}, {4, 0}, {2, 0}, {9, 0}}, 2, 3);
  const auto found = feature_statistics(context, columns, items, 2, 3);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_DOUBLE_EQ(found[0].rate, 6.0 / 7);
  EXPECT_DOUBLE_EQ(found[0].mean, 23.0 / 6);
  EXPECT_EQ(found[0].maximum, 9);
  ASSERT_EQ(found[0].items.size(), 2u);  // sums 4, 6, 4: item 1 first, then the lower of the tied two
  EXPECT_EQ(found[0].items[0].item, 1);
  EXPECT_EQ(found[0].items[0].mean, 3);
  EXPECT_EQ(found[0].items[0].points, 2);
  EXPECT_EQ(found[0].items[1].item, 0);
  EXPECT_EQ(found[0].items[1].mean, 2);
  EXPECT_EQ(found[0].top_points, (std::vector<int32_t>{6, 1, 4}));
  EXPECT_EQ(found[1].rate, 0);
  EXPECT_EQ(found[1].mean, 0);
  EXPECT_EQ(found[1].maximum, 0);
  EXPECT_TRUE(found[1].items.empty());
  EXPECT_TRUE(found[1].top_points.empty());
  const auto all = feature_statistics(context, columns, items, 100, 100);
  EXPECT_EQ(all[0].items.size(), 3u);
  EXPECT_EQ(all[0].top_points.size(), 6u);
}

}  // namespace
}  // namespace heddle::interpret_test
