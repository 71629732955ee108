// Features against attributes: every metric for every (feature, attribute) pair, in one pass over sparse codes.
//
// A data point is (user, position); its label for an attribute is that of its input item. Codes are collected by
// feature (feature_columns.h); statistics of all pairs are counted once, metrics map them to scores (core/plugin
// metric components, pairwise or streaming form). ROC AUC ranks are exact, ties by average rank, zeros are never
// sorted. f64 sums in ascending point order: the same bits for any number of threads. [one thread; works on the
// device's pool inside]
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/compute/context.h"
#include "core/data/attributes.h"
#include "core/interpret/feature_columns.h"
#include "core/plugin/component.h"
#include "core/plugin/values.h"
#include "heddle/abi.h"

namespace heddle {

// An instance of a metric plugin under the name that results carry.
class FeatureMetric {
 public:
  FeatureMetric(std::string name, const Component& component, const Values& values);
  ~FeatureMetric();
  FeatureMetric(const FeatureMetric&) = delete;
  FeatureMetric& operator=(const FeatureMetric&) = delete;
  const std::string& name() const { return name_; }
  bool lower_is_better() const { return (info_.flags & HEDDLE_METRIC_LOWER_IS_BETTER) != 0; }
  const heddle_metric_info& info() const { return info_; }
  bool pairwise() const { return pairwise_; }
  bool needs_ranks() const { return pairwise_ && (info_.flags & HEDDLE_METRIC_NEEDS_RANKS) != 0; }
  bool binary_only() const { return (info_.flags & HEDDLE_METRIC_BINARY_ONLY) != 0; }
  const std::string& id() const { return component_.id; }

  // Pairwise form; any thread. scores[i] of pairs[i], NaN = undefined.
  void score(int64_t count, const heddle_pair* pairs, double* scores) const;
  // Streaming form; one thread at a time. finish: scores [features, attributes].
  void begin(int64_t features, int64_t attributes) const;
  void update(const heddle_codes& codes, const DLTensor* labels) const;
  void finish(int64_t features, int64_t attributes, double* scores) const;

 private:
  std::string name_;
  const Component& component_;
  const heddle_metric_vtable& table_;
  heddle_metric* self_ = nullptr;
  heddle_metric_info info_{};
  bool pairwise_ = true;
};
using FeatureMetrics = std::vector<std::unique_ptr<FeatureMetric>>;

struct FeatureScores {
  int64_t features = 0, attributes = 0;
  int64_t points = 0;                                 // with a known item; the others are left out everywhere
  std::vector<std::string> metrics;                   // in the order asked for
  std::map<std::string, std::vector<double>> scores;  // metric -> [features, attributes], NaN = undefined
  std::vector<int64_t> label_points;  // [attributes] points that have the attribute (binary) or a value (numeric)
  std::vector<bool> binary;           // [attributes]
  std::vector<int64_t> active;        // [features] points where it is active
  double at(const std::string& metric, int64_t feature, int64_t attribute) const {
    return scores.at(metric)[static_cast<size_t>(feature * attributes + attribute)];
  }
  // Why that score is NaN, in words; "" where it is a number. feature -1: why no feature has one.
  std::string undefined_reason(const std::string& metric, int64_t feature, int64_t attribute) const;
};

// items: input item of each point, [columns.points()], -1 = unknown. Numeric attributes: metrics that are for binary
// ones give NaN; points whose item has no value are left out of that attribute's pairs. Streaming metrics see blocks of
// 4096 points. Errors: INVALID_ARGUMENT for an item beyond the table; those of the metrics; CANCELLED.
FeatureScores score_features(Context& context, const FeatureColumns& columns, std::span<const int32_t> items,
                             const AttributeTable& attributes, const FeatureMetrics& metrics);

// The best feature of every attribute by `metric` (its direction; `absolute`: by |score|, for raw neurons whose sign is
// arbitrary). feature -1 and a reason where no feature has a score.
struct BestFeature {
  int64_t feature = -1;
  double score = 0;  // as it is, with its sign
  std::string reason;
};
std::vector<BestFeature> best_features(const FeatureScores& scores, const std::string& metric, bool lower_is_better,
                                       bool absolute = false);
// Mean of the best scores (of |score| with `absolute`) over the attributes that have one; NaN when none has.
double mean_best(std::span<const BestFeature> best, bool absolute = false);

// What activates a feature. Ties: lower index first.
struct FeatureStatistics {
  double rate = 0, mean = 0, maximum = 0;  // share of points where active; mean and largest activation over those
  struct Item {
    int32_t item;
    double mean;     // over the points of this item where the feature is active
    int64_t points;  // their number
  };
  std::vector<Item> items;          // by falling sum of activations
  std::vector<int32_t> top_points;  // by falling activation
};
std::vector<FeatureStatistics> feature_statistics(Context& context, const FeatureColumns& columns,
                                                  std::span<const int32_t> items, int64_t top_items,
                                                  int64_t top_points);

}  // namespace heddle
