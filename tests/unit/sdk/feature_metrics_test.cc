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

// One feature and its points in the streaming form; labels [points, attributes].
class TopShares {
 public:
  TopShares(int64_t top, int64_t features, int64_t attributes)
      : metric_(component(feature_metrics_entry(), "heddle.top_share"), {{"top", top}}),
        features_(features),
        attributes_(attributes) {
    const heddle_metric_shape shape{sizeof shape, 0, features, attributes};
    EXPECT_EQ(metric_.table.begin(metric_.handle, &shape, &error_.raw), HEDDLE_OK) << error_.text;
  }
  // dense [points][features]
  TopShares& update(const std::vector<std::vector<float>>& dense, std::vector<float> labels) {
    std::vector<int64_t> offsets = {0};
    std::vector<int32_t> indices;
    std::vector<float> values;
    for (const auto& row : dense) {
      for (size_t f = 0; f < row.size(); ++f)
        if (row[f] != 0) indices.push_back(static_cast<int32_t>(f)), values.push_back(row[f]);
      offsets.push_back(static_cast<int64_t>(indices.size()));
    }
    const auto points = static_cast<int64_t>(dense.size()), entries = static_cast<int64_t>(indices.size());
    heddle_codes codes{sizeof codes,  0,       points, features_, entries, entries, offsets.data(), indices.data(),
                       values.data(), nullptr, cpu,    nullptr};
    const Tensor l = Tensor::of(labels.data(), {points, attributes_});
    const heddle_metric_block block{sizeof block, 0, &codes, l.raw()};
    EXPECT_EQ(metric_.table.update(metric_.handle, &block, &error_.raw), HEDDLE_OK) << error_.text;
    return *this;
  }
  TopShares& merge(const TopShares& other) {
    EXPECT_EQ(metric_.table.merge(metric_.handle, other.metric_.handle, &error_.raw), HEDDLE_OK) << error_.text;
    return *this;
  }
  std::vector<double> finish() {
    std::vector<double> scores(static_cast<size_t>(features_ * attributes_));
    const Tensor s = Tensor::of(scores.data(), {features_, attributes_});
    EXPECT_EQ(metric_.table.finish(metric_.handle, s.raw(), &error_.raw), HEDDLE_OK) << error_.text;
    return scores;
  }

 private:
  MetricInstance metric_;
  int64_t features_, attributes_;
  heddle_test::ErrorText error_;
};

TEST(TopShare, WorkedExamples) {
  const std::vector<std::vector<float>> f = {{3}, {0}, {1}, {0}, {1}};
  const std::vector<float> a = {1, 0, 1, 1, 0};
  EXPECT_EQ(TopShares(2, 1, 1).update(f, a).finish()[0], 1.0);  // 3 and the earlier 1
  EXPECT_EQ(TopShares(3, 1, 1).update(f, a).finish()[0], 0.8);  // 4 of 5
  EXPECT_EQ(TopShares(100, 1, 1).update(f, a).finish()[0], 0.8);
  EXPECT_EQ(TopShares(1, 1, 1).update(f, {0, 0, 1, 1, 1}).finish()[0], 0.0);
}

TEST(TopShare, UndefinedAndUnknown) {
  // Feature 1 never fires, feature 2 is negative throughout; attribute 1 is nowhere, attribute 2 has no value at point 2.
  const std::vector<std::vector<float>> f = {{2, 0, -1}, {6, 0, -1}, {2, 0, -2}};
  const auto scores = TopShares(10, 3, 3).update(f, {1, 0, 1, 0, 0, NAN, NAN, NAN, NAN}).finish();
  EXPECT_EQ(scores[0], 0.25);  // the third point is unknown: 2 of 8
  EXPECT_TRUE(std::isnan(scores[1]));
  EXPECT_EQ(scores[2], 0.25);
  for (size_t i = 3; i < 9; ++i) EXPECT_TRUE(std::isnan(scores[i])) << i;
}

// 70 attributes take two words of bits; blocks and merges end like one pass.
TEST(TopShare, BlocksAndMergesAreOnePass) {
  const size_t points = 200, attributes = 70;
  std::vector<std::vector<float>> f;
  std::vector<float> labels;
  uint32_t state = 1;
  const auto next = [&] { return (state = state * 1664525u + 1013904223u) >> 16; };
  for (size_t i = 0; i < points; ++i) {
    f.push_back({static_cast<float>(next() % 9), static_cast<float>(next() % 5) - 2});
    for (size_t a = 0; a < attributes; ++a) labels.push_back(next() % 4 == 0 ? 1.0f : 0.0f);
  }
  const auto part = [&](TopShares& to, size_t from, size_t until) {
    to.update({f.begin() + static_cast<long>(from), f.begin() + static_cast<long>(until)},
              {labels.begin() + static_cast<long>(from * attributes),
               labels.begin() + static_cast<long>(until * attributes)});
  };
  TopShares whole(30, 2, 70), blocks(30, 2, 70), first(30, 2, 70), second(30, 2, 70);
  part(whole, 0, points);
  part(blocks, 0, 50), part(blocks, 50, 51), part(blocks, 51, points);
  part(first, 0, 80), part(second, 80, points);
  first.merge(second);
  const auto expected = whole.finish();
  EXPECT_EQ(blocks.finish(), expected);
  EXPECT_EQ(first.finish(), expected);
  // By brute force: the strongest, ties by the earlier point.
  std::vector<size_t> order(points);
  for (size_t i = 0; i < points; ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return f[a][0] > f[b][0]; });
  double sum = 0, with = 0;
  for (size_t i = 0; i < 30; ++i) {
    sum += f[order[i]][0];
    if (labels[order[i] * attributes + 65] == 1) with += f[order[i]][0];
  }
  EXPECT_EQ(expected[65], with / sum);
}

}  // namespace
