// @ID@: says in one sentence what it measures, and by which formula.
#include <heddle/ranking_metric.hpp>

using namespace heddle::sdk;

namespace {

struct @CLASS@ : RankingMetric<@CLASS@> {
  static constexpr About about{"@ID@", "1 when the best recommendation was a target."};

  // One user; the host takes the mean. For a number over all users: double over_all(const Lists& lists) const.
  double per_user(const UserList& list) const { return !list.items.empty() && list.hit(list.items[0]) ? 1 : 0; }
};

}  // namespace

HEDDLE_PLUGIN("@ID@", "0.1.0", @CLASS@)
