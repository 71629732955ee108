#include "core/train/ranking_metric.h"

#include <cmath>

#include "core/base/error.h"
#include "core/plugin/host.h"

namespace heddle {

RankingMetric::RankingMetric(std::string name, const Component& component, const Values& values)
    : name_(std::move(name)), component_(component), table_(component.table<heddle_ranking_metric_vtable>()) {
  const CallGuard guard(component_);
  ErrorBuffer error;
  heddle_ranking_metric* self = nullptr;
  check(table_.create(&host(), values.raw(), &self, error), error, component_.id);
  if (self == nullptr) fail(HEDDLE_INTERNAL, "{}: create() succeeded without an instance", component_.id);
  self_ = {self, table_.destroy};
  if (!component_.provides("per_user") && !component_.provides("over_all")) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: a ranking metric gives per_user or over_all; this one gives neither",
         component_.id);
  }
}

RankingMetric::Score RankingMetric::compute(const heddle_lists& lists) const {
  const CallGuard guard(component_);
  ErrorBuffer error;
  Score score{0, {}};
  if (component_.provides("per_user")) {
    score.per_user.assign(static_cast<size_t>(lists.users), 0.0);
    check(table_.per_user(self_.get(), &lists, score.per_user.data(), error), error, component_.id);
    double sum = 0;
    for (size_t u = 0; u < score.per_user.size(); ++u) {
      if (!std::isfinite(score.per_user[u])) {
        fail(HEDDLE_INTERNAL, "{}: the value of user {} of {} is {}", component_.id, u, lists.users, score.per_user[u]);
      }
      sum += score.per_user[u];
    }
    score.value = lists.users == 0 ? 0 : sum / static_cast<double>(lists.users);
  } else {
    check(table_.over_all(self_.get(), &lists, &score.value, error), error, component_.id);
    if (!std::isfinite(score.value))
      fail(HEDDLE_INTERNAL, "{}: the value over all lists is {}", component_.id, score.value);
  }
  return score;
}

}  // namespace heddle
