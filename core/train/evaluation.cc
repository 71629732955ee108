#include "core/train/evaluation.h"

#include <algorithm>

#include "core/base/error.h"

namespace heddle {

double EvaluationResult::value(std::string_view name) const {
  for (const MetricValue& metric : metrics) {
    if (metric.name == name) return metric.value;
  }
  fail(HEDDLE_NOT_FOUND, "no metric '{}' was computed", name);
}

EvaluationResult score_lists(Recommendations recommendations, int64_t items, const RankingMetrics& metrics,
                             const RankingProtocol& protocol) {
  if (recommendations.rows() == 0)
    fail(HEDDLE_FAILED_PRECONDITION, "no user to evaluate: the part '{}' is empty", protocol.split);
  std::vector<int64_t> offsets(static_cast<size_t>(recommendations.rows()) + 1);
  for (size_t row = 0; row < recommendations.users.size(); ++row) {
    offsets[row + 1] = static_cast<int64_t>(row) + 1;
    if (recommendations.targets[row] < 0) {
      fail(HEDDLE_FAILED_PRECONDITION, "user {} of the part '{}' has no target to evaluate against",
           recommendations.users[row], protocol.split);
    }
  }
  if (!protocol.counted.empty() && static_cast<int64_t>(protocol.counted.size()) != items)
    fail(HEDDLE_INTERNAL, "{} marks for coverage, but {} items", protocol.counted.size(), items);
  const int64_t denominator = protocol.counted.empty() ? items
                                                       : std::count_if(protocol.counted.begin(), protocol.counted.end(),
                                                                       [](uint8_t mark) { return mark != 0; });
  const heddle_lists lists{sizeof lists,
                           0,
                           recommendations.rows(),
                           recommendations.k,
                           items,
                           recommendations.lists.data(),
                           offsets.data(),
                           recommendations.targets.data(),
                           protocol.counted.empty() ? nullptr : protocol.counted.data()};
  EvaluationResult result;
  for (const auto& metric : metrics) {
    RankingMetric::Score score = metric->compute(lists);
    result.metrics.push_back({metric->name(), score.value, metric->lower_is_better(), std::move(score.per_user)});
  }
  result.protocol = {{"split", protocol.split},
                     {"k", recommendations.k},
                     {"filter_seen", protocol.filter_seen},
                     {"users", recommendations.rows()},
                     {"items", items},
                     {"coverage_items", denominator},
                     {"ranking", "full catalogue"},
                     {"generation", protocol.generation == Generation::next_k ? "next_k" : "top_k"}};
  result.recommendations = std::move(recommendations);
  return result;
}

EvaluationResult evaluate(Backbone& backbone, Context& context, const Interactions& log, const Part& part,
                          const Hook& hook, const RankingMetrics& metrics, const RankingProtocol& protocol) {
  return score_lists(recommend_part(backbone, context, log, part, hook, protocol), backbone.items(), metrics, protocol);
}

}  // namespace heddle
