// Precision at k: hits among the k recommendations, divided by k also where a list is shorter.
#include <algorithm>

#include <heddle/ranking_metric.hpp>

using namespace heddle::sdk;

namespace {

struct PrecisionAtK : RankingMetric<PrecisionAtK> {
  static constexpr About about{"example.precision_at_k", "Share of the k recommendations that were targets."};

  double per_user(const UserList& list) const {
    const auto hits = std::count_if(list.items.begin(), list.items.end(), [&](int32_t item) { return list.hit(item); });
    return static_cast<double>(hits) / static_cast<double>(list.k);
  }
};

}  // namespace

HEDDLE_PLUGIN("example.precision_at_k", "1.0.0", PrecisionAtK)
