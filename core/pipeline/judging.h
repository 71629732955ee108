// What the stages that judge activations against attributes (interpretation, neurons, probe) have in common: the points,
// the metrics of [interpret], and the rows of results that tables of best features are made of. [one thread]
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/interpret/scores.h"
#include "core/pipeline/session.h"
#include "core/pipeline/stages.h"

namespace heddle {

// Rows that are read at once; changes no number.
inline constexpr int64_t judging_block = 4096;

// The points of [interpret] at a site.
struct JudgedPoints {
  std::shared_ptr<const Activations> activations;
  std::shared_ptr<const Normalizer> normalizer;
  std::shared_ptr<const ItemData> items;
  std::string users;  // "test_users" | "activation_users"
};
JudgedPoints judged_points(Session& session, const Job& job, const std::string& site);

// Place of a point among those of its user, 0 = the oldest. Not the position that the backbone gives it: some count from
// the end.
int32_t place_of(const Activations& activations, int64_t point);

FeatureMetrics make_feature_metrics(const InterpretSection& section);
// Name of the metric that chooses an attribute's best feature: best_by, else the first.
std::string deciding_metric(const InterpretSection& section);
const FeatureMetric& metric_named(const FeatureMetrics& metrics, const std::string& name);

// Means over the binary attributes of each source, as the paper's last row: mean_best.PREFIX.METRIC.
class MeanRows {
 public:
  void add(const Attribute& attribute, const std::string& metric, double value);
  void append_to(StageResults& results, const std::string& best_by) const;

 private:
  std::map<std::string, std::pair<double, int64_t>> sums_;
};

// point_share of an attribute: which part of the points has it (or, numeric, a value of it).
ResultValue point_share(const std::string& attribute, int64_t with, int64_t points);

nlohmann::json judging_protocol(const JudgedPoints& points, const std::string& site, const std::string& best_by);

}  // namespace heddle
