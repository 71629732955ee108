// Fake metrics as components and small worlds of points for the tests of core/interpret.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/compute/context.h"
#include "core/compute/rng.h"
#include "core/interpret/scores.h"

namespace heddle::interpret_test {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

using PairScore = double (*)(const heddle_pair&);

// A pairwise metric made of a function.
template <PairScore score, uint32_t flags>
struct PairMetric {
  static int32_t create(const heddle_host*, const heddle_values*, heddle_metric** out, heddle_error*) {
    *out = reinterpret_cast<heddle_metric*>(new int(0));
    return HEDDLE_OK;
  }
  static void destroy(heddle_metric* self) { delete reinterpret_cast<int*>(self); }
  static int32_t info(heddle_metric*, heddle_metric_info* out, heddle_error*) {
    *out = {sizeof *out, flags, -1, 1};
    return HEDDLE_OK;
  }
  static int32_t score_all(heddle_metric*, int64_t count, const heddle_pair* pairs, double* scores, heddle_error*) {
    for (int64_t i = 0; i < count; ++i) scores[i] = score(pairs[i]);
    return HEDDLE_OK;
  }
  static constexpr heddle_metric_vtable table{
      sizeof(heddle_metric_vtable), 0, create, destroy, info, score_all, nullptr, nullptr, nullptr, nullptr};
};

// Streaming: the sum of f * a over points where a is known; refuses blocks that are not as promised.
struct StreamingProduct {
  int64_t features = 0, attributes = 0, points = 0;
  std::vector<double> sums;
  static StreamingProduct& of(heddle_metric* self) { return *reinterpret_cast<StreamingProduct*>(self); }
  static int32_t create(const heddle_host*, const heddle_values*, heddle_metric** out, heddle_error*) {
    *out = reinterpret_cast<heddle_metric*>(new StreamingProduct);
    return HEDDLE_OK;
  }
  static void destroy(heddle_metric* self) { delete &of(self); }
  static int32_t info(heddle_metric*, heddle_metric_info* out, heddle_error*) {
    *out = {sizeof *out, 0, -1, 1};
    return HEDDLE_OK;
  }
  static int32_t begin(heddle_metric* self, const heddle_metric_shape* shape, heddle_error*) {
    of(self).features = shape->features;
    of(self).attributes = shape->attributes;
    of(self).sums.assign(static_cast<size_t>(shape->features * shape->attributes), 0);
    return HEDDLE_OK;
  }
  static int32_t update(heddle_metric* self, const heddle_metric_block* block, heddle_error* error) {
    StreamingProduct& s = of(self);
    const heddle_codes& c = *block->codes;
    const float* labels = static_cast<const float*>(block->labels->data);
    if (c.width != s.features || block->labels->shape[0] != c.rows || block->labels->shape[1] != s.attributes) {
      return set_error(error, HEDDLE_INVALID_ARGUMENT, "wrong shapes");
    }
    for (int64_t b = 0; b < c.rows; ++b) {
      for (int64_t e = c.offsets[b]; e < c.offsets[b + 1]; ++e) {
        if (e > c.offsets[b] && c.indices[e] <= c.indices[e - 1])
          return set_error(error, HEDDLE_INTERNAL, "indices do not ascend");
        for (int64_t a = 0; a < s.attributes; ++a) {
          const float label = labels[b * s.attributes + a];
          if (!std::isnan(label))
            s.sums[static_cast<size_t>(c.indices[e] * s.attributes + a)] +=
                static_cast<double>(c.values[e]) * static_cast<double>(label);
        }
      }
    }
    s.points += c.rows;
    return HEDDLE_OK;
  }
  static int32_t merge(heddle_metric*, const heddle_metric*, heddle_error*) { return HEDDLE_OK; }
  static int32_t finish(heddle_metric* self, DLTensor* scores, heddle_error*) {
    for (size_t i = 0; i < of(self).sums.size(); ++i) static_cast<double*>(scores->data)[i] = of(self).sums[i];
    return HEDDLE_OK;
  }
  static constexpr heddle_metric_vtable table{
      sizeof(heddle_metric_vtable), 0, create, destroy, info, nullptr, begin, update, merge, finish};
};

// Owns the components of the metrics it makes.
class MetricMaker {
 public:
  void add(FeatureMetrics& to, std::string name, const heddle_metric_vtable& table) {
    auto component = std::make_unique<Component>();
    component->kind = HEDDLE_KIND_METRIC;
    component->concurrency = HEDDLE_CONCURRENCY_PER_INSTANCE;
    component->id = "test." + name;
    component->vtable = &table;
    component->provided = {"create", "destroy", "info"};
    if (table.score) component->provided.push_back("score");
    if (table.begin) component->provided.insert(component->provided.end(), {"begin", "update", "merge", "finish"});
    const Values values(*component, {});
    to.push_back(std::make_unique<FeatureMetric>(std::move(name), *component, values));
    components_.push_back(std::move(component));
  }

 private:
  std::vector<std::unique_ptr<Component>> components_;
};

// Item -> labels; numeric columns given as [items] values.
inline AttributeTable table_of(const std::vector<std::vector<int32_t>>& labels, int64_t binary,
                               const std::vector<std::vector<float>>& numeric = {}) {
  AttributeTable table;
  table.items = static_cast<int64_t>(labels.size());
  for (int64_t a = 0; a < binary; ++a)
    table.attributes.push_back({fmt::format("label:{}", a), "label", HEDDLE_ATTRIBUTE_BINARY, 0});
  table.numeric.resize(static_cast<size_t>(binary));
  for (size_t n = 0; n < numeric.size(); ++n) {
    table.attributes.push_back({fmt::format("number:{}", n), "number", HEDDLE_ATTRIBUTE_NUMERIC, 0});
    table.numeric.push_back(numeric[n]);
  }
  table.offsets.push_back(0);
  for (const auto& row : labels) {
    table.labels.insert(table.labels.end(), row.begin(), row.end());
    table.offsets.push_back(static_cast<int64_t>(table.labels.size()));
  }
  return table;
}

// Columns of a dense matrix [points][features], appended in blocks of this many rows.
inline FeatureColumns columns_of(const std::vector<std::vector<float>>& dense, int64_t features, size_t block = 1000) {
  FeatureColumns columns(features);
  for (size_t first = 0; first < dense.size(); first += block) {
    std::vector<float> rows;
    size_t count = 0;
    for (size_t i = first; i < std::min(first + block, dense.size()); ++i, ++count)
      rows.insert(rows.end(), dense[i].begin(), dense[i].end());
    columns.append_dense(rows.data(), static_cast<int64_t>(count));
  }
  columns.finish();
  return columns;
}

}  // namespace heddle::interpret_test
