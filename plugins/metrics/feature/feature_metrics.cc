// heddle.pearson, heddle.roc_auc, heddle.sensitivity: how well a feature agrees with an attribute.
//
// heddle.top_share (top_share.h): how much of a feature's strongest activations falls on an attribute.
//
// The first three are computed from sums that the host collects in one pass over the sparse codes. The worked example of each
// uses the same five data points (tests/unit/sdk/feature_metrics_test.cc computes them again):
//
//   point            1    2    3    4    5
//   feature f        3    0    1    0    1
//   attribute a      1    0    1    1    0
#include <algorithm>
#include <cmath>

#include <heddle/metric.hpp>

#include "top_share.h"

using namespace heddle::sdk;

namespace {

// Pearson's correlation r = cov(f, a) / sqrt(var f * var a); for a 0/1 attribute the point-biserial correlation.
// Undefined when f or a is constant.
// Example: sum f = 5, sum f^2 = 11, sum a = 3, sum fa = 4; cov = 4/5 - 5/5*3/5 = .2, var f = 11/5 - 1 = 1.2, var a =
// .24; r = .2 / sqrt(.288) = .3727.
struct Pearson : Metric<Pearson> {
  static constexpr About about{"heddle.pearson", "Pearson correlation of activation and attribute."};
  static constexpr Range range{.lowest = -1, .highest = 1};

  double score(const Pair& p) const {
    const auto n = static_cast<double>(p.points);
    const double f = p.sum_squares - p.sum * p.sum / n, a = p.label_squares - p.label_sum * p.label_sum / n;
    // What cancellation leaves of a constant column is not variance: its sums carry relative errors of about 1e-13.
    if (!(f > 1e-12 * p.sum_squares) || !(a > 1e-12 * p.label_squares)) return undefined;
    return std::clamp((p.product_sum - p.sum * p.label_sum / n) / std::sqrt(f * a), -1.0, 1.0);
  }
};

// Area under the ROC curve of f as a predictor of a: the chance that a random point with the attribute has the larger
// activation than a random point without, ties counting one half. From the ranks of f (ties: average rank), with P
// points with the attribute and N without: (R - P(P+1)/2) / (P N), R = sum of the ranks of the P. Undefined when P or N
// is 0.
// Example: ranks of f are 5, 1.5, 3.5, 1.5, 3.5; P = 3, N = 2, R = 5 + 3.5 + 1.5 = 10; (10 - 6) / 6 = .6667.
struct RocAuc : Metric<RocAuc> {
  static constexpr About about{"heddle.roc_auc",
                               "Area under the ROC curve of activation as a predictor of the attribute."};
  static constexpr Range range{.lowest = 0, .highest = 1, .needs_ranks = true, .binary_only = true};

  double score(const Pair& p) const {
    const auto with = static_cast<double>(p.positives), without = static_cast<double>(p.points - p.positives);
    if (with == 0 || without == 0) return undefined;
    return (p.rank_sum_positive - with * (with + 1) / 2) / (with * without);
  }
};

// The share of points with the attribute at which the feature is active. Undefined when no point has the attribute.
// Example: active at points 1 and 3 of 1, 3, 4: 2/3 = .6667.
struct Sensitivity : Metric<Sensitivity> {
  static constexpr About about{"heddle.sensitivity",
                               "Share of the points with the attribute at which the feature is active."};
  static constexpr Range range{.lowest = 0, .highest = 1, .binary_only = true};

  double score(const Pair& p) const {
    return p.positives == 0 ? undefined : static_cast<double>(p.active_positive) / static_cast<double>(p.positives);
  }
};

using heddle_feature_metrics::TopShare;

}  // namespace

HEDDLE_PLUGIN("heddle.feature_metrics", "1.0.0", Pearson, RocAuc, Sensitivity, TopShare)
