#include "core/interpret/probe_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/interpret/pair_statistics.h"
#include "core/interpret/parallel.h"
#include "core/interpret/streaming.h"

namespace heddle {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t block_rows = 4096;
// Probes whose outputs on all points are in memory at once.
constexpr size_t group_size = 16;

// w . x + b of every probe of a group at every point: [group][points].
std::vector<std::vector<float>> logits_of(Context& context, std::span<const Probe* const> group,
                                          const ProbeRows& rows) {
  std::vector<std::vector<float>> logits(group.size(), std::vector<float>(rows.items.size()));
  std::vector<float> x(static_cast<size_t>(block_rows * rows.width));
  const auto width = static_cast<size_t>(rows.width);
  for (int64_t begin = 0; begin < rows.rows(); begin += block_rows) {
    throw_if_cancelled();
    const int64_t count = std::min(block_rows, rows.rows() - begin);
    rows.read(begin, count, x.data());
    run_parallel(
        context, count, [] { return 0; },
        [&](int, int64_t i) {
          const float* row = x.data() + static_cast<size_t>(i) * width;
          for (size_t g = 0; g < group.size(); ++g) {
            double z = static_cast<double>(group[g]->bias);
            for (size_t j = 0; j < width; ++j)
              z += static_cast<double>(row[j]) * static_cast<double>(group[g]->weights[j]);
            logits[g][static_cast<size_t>(begin + i)] = static_cast<float>(z);
          }
        });
  }
  return logits;
}

float probability(float logit) { return static_cast<float>(1 / (1 + std::exp(-static_cast<double>(logit)))); }

// One feature by points: entries that are not 0.
struct Column {
  std::vector<int32_t> rows;
  std::vector<float> values;
  void clear() { rows.clear(), values.clear(); }
  void add(size_t point, float value) {
    if (value == 0) return;
    rows.push_back(static_cast<int32_t>(point));
    values.push_back(value);
  }
};

struct Worker {
  Worker(const PointLabels& labels, bool ranks) : plain(labels, false), ranked(labels, ranks) {}
  PairCollector plain, ranked;
  Column column;
};

class ProbeScorer {
 public:
  ProbeScorer(Context& context, const ProbeRows& rows, const AttributeTable& table, const FeatureMetrics& metrics,
              ProbeScores& out)
      : context_(context), rows_(rows), labels_(rows.items, table), metrics_(metrics), out_(out) {
    out.points = labels_.known_points;
    for (const auto& metric : metrics) {
      needs_ranks_ = needs_ranks_ || metric->needs_ranks();
      if (!metric->pairwise()) streaming_.push_back(metric.get());
    }
  }

  void score(std::span<const Probe* const> group, std::span<const size_t> places) {
    const auto logits = logits_of(context_, group, rows_);
    run_parallel(
        context_, static_cast<int64_t>(group.size()), [&] { return Worker(labels_, needs_ranks_); },
        [&](Worker& worker, int64_t g) {
          const auto at = static_cast<size_t>(g);
          score_pairwise(worker, *group[at], logits[at], places[at]);
        });
    if (streaming_.empty()) return;
    FeatureColumns columns(static_cast<int64_t>(group.size()));
    std::vector<float> dense(static_cast<size_t>(block_rows) * group.size());
    for (int64_t begin = 0; begin < rows_.rows(); begin += block_rows) {
      const int64_t count = std::min(block_rows, rows_.rows() - begin);
      for (int64_t i = 0; i < count; ++i)
        for (size_t g = 0; g < group.size(); ++g)
          dense[static_cast<size_t>(i) * group.size() + g] = probability(logits[g][static_cast<size_t>(begin + i)]);
      columns.append_dense(dense.data(), count);
    }
    columns.finish();
    const auto attributes = static_cast<size_t>(labels_.table.size());
    std::vector<std::vector<double>> scores(streaming_.size(), std::vector<double>(group.size() * attributes));
    std::vector<double*> to;
    for (auto& matrix : scores) to.push_back(matrix.data());
    score_streaming(columns, labels_, streaming_, to);
    for (size_t m = 0; m < streaming_.size(); ++m)
      for (size_t g = 0; g < group.size(); ++g)
        out_.probability[streaming_[m]->name()][places[g]] =
            scores[m][g * attributes + static_cast<size_t>(group[g]->attribute)];
  }

  int64_t positives(int32_t attribute) const { return labels_.totals[static_cast<size_t>(attribute)].positives; }

 private:
  void score_pairwise(Worker& worker, const Probe& probe, const std::vector<float>& logits, size_t place) {
    const auto attribute = static_cast<size_t>(probe.attribute);
    worker.column.clear();  // where it says yes
    for (size_t point = 0; point < logits.size(); ++point)
      if (logits[point] >= 0) worker.column.add(point, 1);
    const heddle_pair yes = worker.plain.collect(worker.column.rows, worker.column.values)[attribute];
    worker.column.clear();
    for (size_t point = 0; point < logits.size(); ++point) worker.column.add(point, probability(logits[point]));
    heddle_pair pair = worker.ranked.collect(worker.column.rows, worker.column.values)[attribute];
    worker.column.clear();
    for (size_t point = 0; point < logits.size(); ++point) worker.column.add(point, logits[point]);
    heddle_pair linear = worker.plain.collect(worker.column.rows, worker.column.values)[attribute];
    for (heddle_pair* each : {&pair, &linear}) each->active = yes.active, each->active_positive = yes.active_positive;
    for (const auto& metric : metrics_) {
      if (!metric->pairwise()) continue;
      metric->score(1, &pair, &out_.probability.at(metric->name())[place]);
      if (!metric->needs_ranks()) metric->score(1, &linear, &out_.logit.at(metric->name())[place]);
    }
  }

  Context& context_;
  const ProbeRows& rows_;
  const PointLabels labels_;
  const FeatureMetrics& metrics_;
  ProbeScores& out_;
  bool needs_ranks_ = false;
  std::vector<const FeatureMetric*> streaming_;
};

}  // namespace

std::string ProbeScores::undefined_reason(const Probe& probe, size_t i) const {
  if (!probe.absent.empty()) return probe.absent;
  if (points == 0) return "there are no data points with a known item";
  if (label_points[i] == 0) return "no data point has the attribute";
  if (label_points[i] == points) return "every data point has the attribute";
  return "";
}

ProbeScores score_probes(Context& context, std::span<const Probe> probes, const ProbeRows& rows,
                         const AttributeTable& table, const FeatureMetrics& metrics) {
  ProbeScores out;
  for (const auto& metric : metrics) {
    out.probability[metric->name()].assign(probes.size(), kUndefined);
    if (metric->pairwise() && !metric->needs_ranks()) out.logit[metric->name()].assign(probes.size(), kUndefined);
  }
  ProbeScorer scorer(context, rows, table, metrics, out);
  std::vector<const Probe*> group;
  std::vector<size_t> places;
  for (size_t i = 0; i < probes.size(); ++i) {
    out.label_points.push_back(scorer.positives(probes[i].attribute));
    if (probes[i].absent.empty()) group.push_back(&probes[i]), places.push_back(i);
    if (group.size() == group_size || (i + 1 == probes.size() && !group.empty())) {
      scorer.score(group, places);
      group.clear(), places.clear();
    }
  }
  return out;
}

}  // namespace heddle
