// Ranking quality of a backbone over the whole catalogue: lists (recommendations.h) and the metrics of plugins on them,
// with the protocol that every number carries. Threads: one at a time. Errors: those of backbone and metrics; a part
// without a user who has a target is FAILED_PRECONDITION.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/train/ranking_metric.h"
#include "core/train/recommendations.h"

namespace heddle {

struct MetricValue {
  std::string name;
  double value;
  bool lower_is_better;
  std::vector<double> per_user;  // empty for a metric over all lists
};

struct EvaluationResult {
  std::vector<MetricValue> metrics;
  Recommendations recommendations;
  // {"split", "k", "filter_seen", "users", "items", "coverage_items", "ranking": "full catalogue",
  //  "generation": "top_k" or "next_k"}
  nlohmann::json protocol;
  double value(std::string_view name) const;  // NOT_FOUND when there is no such metric
};

EvaluationResult evaluate(Backbone& backbone, Context& context, const Interactions& log, const Part& part,
                          const Hook& hook, const RankingMetrics& metrics, const RankingProtocol& protocol);
// The metrics of lists that are there already; rows without a target are an error.
EvaluationResult score_lists(Recommendations recommendations, int64_t items, const RankingMetrics& metrics,
                             const RankingProtocol& protocol);

}  // namespace heddle
