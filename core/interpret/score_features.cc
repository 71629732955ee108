#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/interpret/pair_statistics.h"
#include "core/interpret/parallel.h"
#include "core/interpret/scores.h"
#include "core/interpret/streaming.h"

namespace heddle {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// What a thread needs to score one feature after the other.
struct Scorer {
  Scorer(const PointLabels& labels, bool ranks) : collector(labels, ranks) {
    for (size_t a = 0; a < labels.totals.size(); ++a) {
      if (labels.table.attributes[a].type == HEDDLE_ATTRIBUTE_BINARY) binary.push_back(a);
    }
  }
  // row: [attributes].
  void score(const FeatureMetric& metric, std::span<const heddle_pair> pairs, double* row) {
    if (!metric.binary_only() || binary.size() == pairs.size()) {
      metric.score(static_cast<int64_t>(pairs.size()), pairs.data(), row);
      return;
    }
    chosen.clear();
    for (size_t a : binary) chosen.push_back(pairs[a]);
    values.assign(chosen.size(), kUndefined);
    if (!chosen.empty()) metric.score(static_cast<int64_t>(chosen.size()), chosen.data(), values.data());
    for (size_t i = 0; i < binary.size(); ++i) row[binary[i]] = values[i];
  }
  PairCollector collector;
  FeatureColumn column;
  std::vector<size_t> binary;
  std::vector<heddle_pair> chosen;
  std::vector<double> values;
};

}  // namespace

FeatureScores score_features(Context& context, const FeatureColumns& columns, std::span<const int32_t> items,
                             const AttributeTable& attributes, const FeatureMetrics& metrics) {
  if (static_cast<int64_t>(items.size()) != columns.points()) {
    fail(HEDDLE_INVALID_ARGUMENT, "score_features: {} items for {} data points", items.size(), columns.points());
  }
  const PointLabels labels(items, attributes);
  FeatureScores result;
  result.features = columns.features();
  result.attributes = attributes.size();
  result.points = labels.known_points;
  result.active.resize(static_cast<size_t>(result.features));
  for (size_t a = 0; a < labels.totals.size(); ++a) {
    result.binary.push_back(attributes.attributes[a].type == HEDDLE_ATTRIBUTE_BINARY);
    result.label_points.push_back(result.binary.back() ? labels.totals[a].positives : labels.totals[a].points);
  }
  const size_t cells = static_cast<size_t>(result.features * result.attributes);
  std::vector<std::pair<const FeatureMetric*, double*>> pairwise;
  std::vector<const FeatureMetric*> streaming;
  std::vector<double*> streaming_scores;
  bool ranks = false;
  for (const auto& metric : metrics) {
    const auto [slot, added] = result.scores.try_emplace(metric->name(), cells, kUndefined);
    if (!added) fail(HEDDLE_INVALID_ARGUMENT, "score_features: two metrics are named {}", metric->name());
    result.metrics.push_back(metric->name());
    if (metric->pairwise()) {
      pairwise.emplace_back(metric.get(), slot->second.data());
      ranks = ranks || metric->needs_ranks();
    } else {
      streaming.push_back(metric.get());
      streaming_scores.push_back(slot->second.data());
    }
  }
  run_parallel(
      context, result.features, [&] { return Scorer(labels, ranks); },
      [&](Scorer& scorer, int64_t feature) {
        columns.read(feature, scorer.column);
        const auto pairs = scorer.collector.collect(scorer.column.rows, scorer.column.values);
        result.active[static_cast<size_t>(feature)] = scorer.collector.active();
        if (pairs.empty()) return;
        for (const auto& [metric, scores] : pairwise)
          scorer.score(*metric, pairs, scores + feature * result.attributes);
      });
  score_streaming(columns, labels, streaming, streaming_scores);
  for (size_t i = 0; i < streaming.size(); ++i) {
    if (!streaming[i]->binary_only()) continue;
    for (size_t cell = 0; cell < cells; ++cell) {
      if (!result.binary[cell % static_cast<size_t>(result.attributes)]) streaming_scores[i][cell] = kUndefined;
    }
  }
  return result;
}

std::string FeatureScores::undefined_reason(const std::string& metric, int64_t feature, int64_t attribute) const {
  if (feature >= 0 && !std::isnan(at(metric, feature, attribute))) return "";
  const size_t a = static_cast<size_t>(attribute);
  if (points == 0) return "there are no data points with a known item";
  if (label_points[a] == 0)
    return binary[a] ? "no data point has the attribute" : "no data point has a value of the attribute";
  if (binary[a] && label_points[a] == points) return "every data point has the attribute";
  if (feature >= 0 && active[static_cast<size_t>(feature)] == 0) return "the feature never fires";
  if (!binary[a]) return "the metric is undefined for this numeric attribute";
  return feature < 0 ? "the metric is undefined for every feature"
                     : "the metric is undefined, e.g. because the feature is constant";
}

std::vector<BestFeature> best_features(const FeatureScores& scores, const std::string& metric, bool lower_is_better,
                                       bool absolute) {
  std::vector<BestFeature> best;
  for (int64_t a = 0; a < scores.attributes; ++a) {
    BestFeature found;
    double key = 0;
    for (int64_t f = 0; f < scores.features; ++f) {
      const double score = scores.at(metric, f, a);
      if (std::isnan(score)) continue;
      const double mine = (absolute ? std::abs(score) : score) * (lower_is_better ? -1 : 1);
      if (found.feature >= 0 && !(mine > key)) continue;
      found.feature = f;
      found.score = score;
      key = mine;
    }
    if (found.feature < 0) {
      found.score = kUndefined;
      found.reason = scores.undefined_reason(metric, -1, a);
    }
    best.push_back(std::move(found));
  }
  return best;
}

double mean_best(std::span<const BestFeature> best, bool absolute) {
  double sum = 0;
  int64_t count = 0;
  for (const BestFeature& b : best) {
    if (b.feature < 0) continue;
    sum += absolute ? std::abs(b.score) : b.score;
    ++count;
  }
  return count == 0 ? kUndefined : sum / static_cast<double>(count);
}

}  // namespace heddle
