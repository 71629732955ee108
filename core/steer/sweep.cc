#include "core/steer/sweep.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/steer/steered_lists.h"

namespace heddle {
namespace {

SweepPoint point_of(const SweepSetting& setting, Recommendations lists) {
  EvaluationResult result = score_lists(std::move(lists), setting.backbone.items(), setting.metrics, setting.protocol);
  return {0, std::move(result.metrics), attribute_shares(result.recommendations, setting.attributes)};
}

}  // namespace

std::vector<double> attribute_shares(const Recommendations& recommendations, const AttributeTable& attributes) {
  const double slots = static_cast<double>(recommendations.rows() * recommendations.k);
  std::vector<int64_t> counts(static_cast<size_t>(attributes.size()), 0);
  for (int32_t item : recommendations.lists)
    if (item >= 0)
      for (int32_t attribute : attributes.labels_of(item)) ++counts[static_cast<size_t>(attribute)];
  std::vector<double> shares(counts.size(), std::numeric_limits<double>::quiet_NaN());
  for (size_t a = 0; a < counts.size(); ++a)
    if (attributes.attributes[a].type == HEDDLE_ATTRIBUTE_BINARY && slots > 0)
      shares[a] = static_cast<double>(counts[a]) / slots;
  return shares;
}

SweepPoint untouched_point(const SweepSetting& setting) {
  return point_of(setting,
                  recommend_part(setting.backbone, setting.context, setting.log, setting.part, {}, setting.protocol));
}

std::vector<SweepPoint> sweep_all(const SweepSetting& setting, int64_t site, DictionaryModel* model,
                                  const Normalizer& normalizer, std::span<const Intervention> interventions,
                                  const std::function<void(uint64_t, uint64_t)>& progress) {
  std::vector<Recommendations> lists =
      steered_lists(setting.backbone, setting.context, setting.log, setting.part, {site, model, normalizer},
                    interventions, setting.protocol, progress);
  std::vector<SweepPoint> points;
  points.reserve(lists.size());
  for (Recommendations& one : lists) points.push_back(point_of(setting, std::move(one)));
  return points;
}

std::vector<SweepPoint> sweep(const SweepSetting& setting, int64_t site, DictionaryModel* model,
                              const Normalizer& normalizer, const std::vector<double>& values,
                              const std::function<Intervention(double)>& intervention_at,
                              const std::function<void(size_t)>& progress) {
  std::vector<Intervention> interventions;
  for (double value : values) interventions.push_back(intervention_at(value));
  size_t told = 0;
  auto points = sweep_all(setting, site, model, normalizer, interventions, [&](uint64_t done, uint64_t all) {
    for (const size_t now = static_cast<size_t>(done * values.size() / std::max<uint64_t>(all, 1)); told < now;)
      if (++told; progress) progress(told);
  });
  for (size_t i = 0; i < points.size(); ++i) points[i].value = values[i];
  return points;
}

}  // namespace heddle
