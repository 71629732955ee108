#include "core/pipeline/judging.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/error.h"

namespace heddle {

JudgedPoints judged_points(Session& session, const Job& job, const std::string& site) {
  const bool test = job.experiment.interpret->options.points == PointsOf::test_users;
  return {session.activations(job, site, test ? Users::test : Users::dictionary), session.normalizer(job, site),
          session.items(job), test ? "test_users" : "activation_users"};
}

int32_t place_of(const Activations& activations, int64_t point) {
  const auto users = activations.users();
  int64_t first = point;
  while (first > 0 && users[static_cast<size_t>(first - 1)] == users[static_cast<size_t>(point)]) --first;
  return static_cast<int32_t>(point - first);
}

FeatureMetrics make_feature_metrics(const InterpretSection& section) {
  FeatureMetrics metrics;
  for (const ComponentUse& use : section.metrics)
    metrics.push_back(std::make_unique<FeatureMetric>(use.name, *use.component, use.values));
  return metrics;
}

std::string deciding_metric(const InterpretSection& section) {
  return section.options.best_by.empty() ? section.metrics.front().name : section.options.best_by;
}

const FeatureMetric& metric_named(const FeatureMetrics& metrics, const std::string& name) {
  const auto found =
      std::find_if(metrics.begin(), metrics.end(), [&](const auto& metric) { return metric->name() == name; });
  if (found == metrics.end()) fail(HEDDLE_INTERNAL, "no metric '{}'", name);
  return **found;
}

void MeanRows::add(const Attribute& attribute, const std::string& metric, double value) {
  // A numeric attribute has no AUC or sensitivity to set beside those of binary ones.
  if (attribute.type != HEDDLE_ATTRIBUTE_BINARY) return;
  auto& [sum, count] = sums_["mean_best." + attribute.prefix + "." + metric];
  sum += value;
  ++count;
}

void MeanRows::append_to(StageResults& results, const std::string& best_by) const {
  for (const auto& [name, sum] : sums_) {
    ResultValue value{name, "",
                      "",   sum.first / static_cast<double>(sum.second),
                      "",   {{"attributes", sum.second}, {"best_by", best_by}}};
    results.values.push_back(std::move(value));
  }
}

ResultValue point_share(const std::string& attribute, int64_t with, int64_t points) {
  ResultValue share{"point_share", "", attribute, std::nullopt, "", nlohmann::json::object()};
  if (points > 0) share.value = static_cast<double>(with) / static_cast<double>(points);
  else share.reason = "there are no data points with a known item";
  return share;
}

nlohmann::json judging_protocol(const JudgedPoints& points, const std::string& site, const std::string& best_by) {
  return {{"site", site},
          {"points", points.activations->rows()},
          {"users", points.users},
          {"label", "attribute of the input item"},
          {"best_by", best_by}};
}

}  // namespace heddle
