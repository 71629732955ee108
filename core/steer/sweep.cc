#include "core/steer/sweep.h"

#include <cmath>
#include <limits>

#include "core/base/console.h"

namespace heddle {
namespace {

SweepPoint point_of(const SweepSetting& setting, const Hook& hook, double value) {
  EvaluationResult result =
      evaluate(setting.backbone, setting.context, setting.log, setting.part, hook, setting.metrics, setting.protocol);
  return {value, std::move(result.metrics), attribute_shares(result.recommendations, setting.attributes)};
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

SweepPoint untouched_point(const SweepSetting& setting) { return point_of(setting, {}, 0); }

std::vector<SweepPoint> sweep(const SweepSetting& setting, int64_t site, DictionaryModel* model,
                              const Normalizer& normalizer, const std::vector<double>& values,
                              const std::function<Intervention(double)>& intervention_at,
                              const std::function<void(size_t)>& progress) {
  std::vector<SweepPoint> points;
  points.reserve(values.size());
  for (double value : values) {
    throw_if_cancelled();
    points.push_back(point_of(
        setting, make_hook(site, setting.backbone.device(), model, normalizer, intervention_at(value)), value));
    if (progress) progress(points.size());
  }
  return points;
}

}  // namespace heddle
