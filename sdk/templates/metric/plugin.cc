// @ID@: says in one sentence what it measures, and by which formula.
#include <heddle/metric.hpp>

using namespace heddle::sdk;

namespace {

struct @CLASS@ : Metric<@CLASS@> {
  static constexpr About about{"@ID@", "Share of the points where the feature is active that have the attribute."};
  static constexpr Range range{.lowest = 0, .highest = 1, .binary_only = true};

  // One feature against one attribute; what a Pair holds is in heddle/abi/metric.h. `undefined` where there is no
  // answer.
  double score(const Pair& p) const {
    if (p.active == 0) return undefined;
    return static_cast<double>(p.active_positive) / static_cast<double>(p.active);
  }
};

}  // namespace

HEDDLE_PLUGIN("@ID@", "0.1.0", @CLASS@)
