// The streaming form of a metric, and the layer's choice between the two forms.
#define HEDDLE_STATIC_ENTRY streaming_entry
#include "harness.h"
#include "heddle/metric.hpp"

namespace {

using namespace heddle::sdk;

// The largest activation among points with the attribute.
struct Peak : Metric<Peak> {
  static constexpr About about{"test.peak", "Largest activation among the points with the attribute."};
  static constexpr Range range{.lowest = 0, .highest = 1e9};

  void begin(int64_t features, int64_t attributes) {
    columns = attributes;
    best.assign(static_cast<size_t>(features * attributes), 0);
  }
  void update(Codes codes, const Tensor& labels) {
    for (int64_t b = 0; b < codes.rows(); ++b) {
      const auto row = codes.row(b);
      for (size_t i = 0; i < row.indices.size(); ++i)
        for (int64_t a = 0; a < columns; ++a)
          if (labels.row<float>(b)[static_cast<size_t>(a)] == 1) {
            double& slot = best[static_cast<size_t>(row.indices[i] * columns + a)];
            slot = std::max(slot, static_cast<double>(row.values[i]));
          }
    }
  }
  void merge(const Peak& other) {
    for (size_t i = 0; i < best.size(); ++i) best[i] = std::max(best[i], other.best[i]);
  }
  void finish(const Tensor& scores) { std::copy(best.begin(), best.end(), scores.span<double>().begin()); }

 private:
  int64_t columns = 0;
  std::vector<double> best;
};

}  // namespace

HEDDLE_PLUGIN("test.streaming", "1.0.0", Peak)

namespace {

TEST(StreamingMetric, BeginUpdateMergeFinish) {
  const heddle_component& c = heddle_test::component(streaming_entry(), "test.peak");
  using Peaks = heddle_test::Instance<heddle_metric_vtable, heddle_metric>;
  const Peaks first(c, {}), second(c, {});
  EXPECT_EQ(first.table.score, nullptr);
  heddle_test::ErrorText error;
  const heddle_metric_shape shape{sizeof shape, 0, 2, 2};
  ASSERT_EQ(first.table.begin(first.handle, &shape, &error.raw), HEDDLE_OK);
  ASSERT_EQ(second.table.begin(second.handle, &shape, &error.raw), HEDDLE_OK);
  int64_t offsets[] = {0, 2, 3};
  int32_t indices[] = {0, 1, 1};
  float values[] = {3, 1, 5}, labels[] = {1, NAN, 0, 1};
  heddle_codes codes{sizeof codes, 0, 2, 2, 3, 3, offsets, indices, values, nullptr, cpu, nullptr};
  const Tensor l = Tensor::of(labels, {2, 2});
  const heddle_metric_block block{sizeof block, 0, &codes, l.raw()};
  ASSERT_EQ(first.table.update(first.handle, &block, &error.raw), HEDDLE_OK) << error.text;
  values[2] = 7;
  ASSERT_EQ(second.table.update(second.handle, &block, &error.raw), HEDDLE_OK);
  ASSERT_EQ(first.table.merge(first.handle, second.handle, &error.raw), HEDDLE_OK);
  double scores[4];
  const Tensor s = Tensor::of(scores, {2, 2});
  ASSERT_EQ(first.table.finish(first.handle, s.raw(), &error.raw), HEDDLE_OK);
  EXPECT_EQ(std::vector<double>(scores, scores + 4), (std::vector<double>{3, 0, 1, 7}));
}

}  // namespace
