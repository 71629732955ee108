// F1 of a feature, active or not, as a detector of an attribute: the harmonic mean of precision and sensitivity,
// 2 |active and positive| / (|active| + |positive|).
#include <heddle/metric.hpp>

using namespace heddle::sdk;

namespace {

struct F1 : Metric<F1> {
  static constexpr About about{"example.f1", "F1 of a feature as a detector of an attribute (van Rijsbergen 1979)."};
  static constexpr Range range{.lowest = 0, .highest = 1, .binary_only = true};

  double score(const Pair& p) const {
    if (p.positives == 0) return undefined;
    return 2 * static_cast<double>(p.active_positive) / static_cast<double>(p.active + p.positives);
  }
};

}  // namespace

HEDDLE_PLUGIN("example.f1", "1.0.0", F1)
