// An instance of a ranking-metric plugin under the name that results carry. Owns the instance; the Component must
// outlive it. Threads: any (the ABI asks that of metrics). Errors: those of the plugin, and values that are not finite.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/plugin/component.h"
#include "core/plugin/values.h"

namespace heddle {

class RankingMetric {
 public:
  RankingMetric(std::string name, const Component& component, const Values& values);

  struct Score {
    double value;                  // mean over users in their order, or the value over all lists
    std::vector<double> per_user;  // empty for a metric over all lists
  };
  const std::string& name() const { return name_; }
  bool lower_is_better() const { return (table_.flags & HEDDLE_RANKING_LOWER_IS_BETTER) != 0; }
  Score compute(const heddle_lists& lists) const;

 private:
  std::string name_;
  const Component& component_;
  const heddle_ranking_metric_vtable& table_;
  std::unique_ptr<heddle_ranking_metric, void (*)(heddle_ranking_metric*)> self_{nullptr, nullptr};
};

using RankingMetrics = std::vector<std::unique_ptr<RankingMetric>>;

}  // namespace heddle
