// What the interpretation of a dictionary found, on disk: interpretation-KEY/{scores.safetensors, features.json}.
//
//   scores.safetensors  one f64 [features, attributes] tensor per metric, NaN = undefined; metadata "attributes": names as JSON
//   features.json       per feature: rate, mean and largest activation where active, top items, top data points
// Plain data. [any thread]
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/store/artefact.h"

namespace heddle {

struct FeatureScore {
  int64_t feature;
  double score;
};

struct TopItem {
  int32_t item;
  double activation;  // mean over the points of this item where the feature is active
  int64_t points;     // their number
};

struct TopPoint {
  int32_t user, position, item;  // position: place in the user's window, 0 = its oldest event
  double activation;
};

struct FeatureSummary {
  double rate = 0;  // share of data points where the feature is active
  double mean = 0;  // over those
  double maximum = 0;
  std::vector<TopItem> items;
  std::vector<TopPoint> points;
};

struct FeatureFile {
  std::vector<std::string> attributes;
  std::vector<std::string> metrics;
  std::vector<bool> lower_is_better;                  // per metric
  std::map<std::string, std::vector<double>> scores;  // metric -> [features, attributes]
  std::vector<FeatureSummary> features;
  int64_t points = 0;

  int64_t feature_count() const { return static_cast<int64_t>(features.size()); }
  double score(const std::string& metric, int64_t feature, int64_t attribute) const;
  // Index of an attribute by name; wrong_use with the nearest names.
  int64_t attribute(const std::string& name) const;
  // wrong_use for an unknown metric.
  const std::vector<double>& matrix(const std::string& metric) const;
  // The best features of an attribute, best first, undefined ones left out; ties: lower index first.
  std::vector<FeatureScore> best_features(const std::string& metric, int64_t attribute, int64_t count) const;
  // The best attributes of a feature: (attribute, score).
  std::vector<std::pair<int64_t, double>> best_attributes(const std::string& metric, int64_t feature,
                                                          int64_t count) const;

  void save(const ArtefactWriter& writer) const;
  static FeatureFile load(const Artefact& artefact);
};

}  // namespace heddle
