// The worked examples in plugins/metrics/feature/feature_metrics.cc, and the edges of each definition.
#define HEDDLE_STATIC_ENTRY feature_metrics_entry
#include "plugins/metrics/feature/feature_metrics.cc"
#include "harness.h"

namespace {

using heddle_test::component;
using MetricInstance = heddle_test::Instance<heddle_metric_vtable, heddle_metric>;

// The five points of the examples: f = 3 0 1 0 1, a = 1 0 1 1 0; ranks of f 5, 1.5, 3.5, 1.5, 3.5.
heddle_pair example() { return {sizeof(heddle_pair), 0, 5, 3, 3, 2, 5, 11, 3, 3, 4, 10}; }

double score(const char* id, const heddle_pair& pair) {
  const MetricInstance metric(component(feature_metrics_entry(), id), {});
  double out = 0;
  heddle_test::ErrorText error;
  EXPECT_EQ(metric.table.score(metric.handle, 1, &pair, &out, &error.raw), HEDDLE_OK) << error.text;
  return out;
}

TEST(FeatureMetrics, WorkedExamples) {
  EXPECT_NEAR(score("heddle.pearson", example()), 0.2 / std::sqrt(0.288), 1e-12);
  EXPECT_NEAR(score("heddle.roc_auc", example()), 4.0 / 6, 1e-12);
  EXPECT_NEAR(score("heddle.sensitivity", example()), 2.0 / 3, 1e-12);
}

TEST(FeatureMetrics, UndefinedIsNaN) {
  const heddle_pair nothing{sizeof(heddle_pair), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  for (const char* id : {"heddle.pearson", "heddle.roc_auc", "heddle.sensitivity"})
    EXPECT_TRUE(std::isnan(score(id, nothing))) << id;
  heddle_pair silent = example();  // a feature that never fires
  silent.active = silent.active_positive = 0;
  silent.sum = silent.sum_squares = silent.product_sum = 0;
  silent.rank_sum_positive = 9;  // all ranks are 3
  EXPECT_TRUE(std::isnan(score("heddle.pearson", silent)));
  EXPECT_EQ(score("heddle.roc_auc", silent), 0.5);
  EXPECT_EQ(score("heddle.sensitivity", silent), 0);
  heddle_pair everywhere = example();  // an attribute that all points have
  everywhere.positives = 5;
  everywhere.label_sum = everywhere.label_squares = 5;
  everywhere.product_sum = 5;
  EXPECT_TRUE(std::isnan(score("heddle.pearson", everywhere)));
  EXPECT_TRUE(std::isnan(score("heddle.roc_auc", everywhere)));
}

// f = 0.1f everywhere: cancellation leaves crumbs in n * sum f^2 - (sum f)^2, which must not become a correlation.
TEST(FeatureMetrics, ConstantFeatureHasNoCorrelation) {
  heddle_pair p = example();
  p.points = 1'000'003;
  const double f = 0.1f;
  p.sum = p.sum_squares = p.product_sum = 0;
  for (int64_t i = 0; i < p.points; ++i) p.sum += f, p.sum_squares += f * f;
  p.label_sum = p.label_squares = 400'000;
  p.product_sum = f * 400'000;
  EXPECT_TRUE(std::isnan(score("heddle.pearson", p)));
}

TEST(FeatureMetrics, PairsOfANewerHostAreLonger) {
  struct Longer {
    heddle_pair pair;
    double appended;
  } pairs[2] = {{example(), 7}, {example(), 7}};
  for (Longer& p : pairs) p.pair.struct_size = sizeof(Longer);
  const MetricInstance metric(component(feature_metrics_entry(), "heddle.pearson"), {});
  double scores[2] = {};
  heddle_test::ErrorText error;
  ASSERT_EQ(metric.table.score(metric.handle, 2, &pairs[0].pair, scores, &error.raw), HEDDLE_OK);
  EXPECT_EQ(scores[0], scores[1]);
}

TEST(FeatureMetrics, SaysWhatItNeeds) {
  const MetricInstance auc(component(feature_metrics_entry(), "heddle.roc_auc"), {});
  heddle_metric_info info{};
  ASSERT_EQ(auc.table.info(auc.handle, &info, nullptr), HEDDLE_OK);
  EXPECT_EQ(info.flags, uint32_t{HEDDLE_METRIC_NEEDS_RANKS} | uint32_t{HEDDLE_METRIC_BINARY_ONLY});
  EXPECT_EQ(auc.table.begin, nullptr);
}

}  // namespace
