// Steering: one [[steer]] table, each of its features, probes or its vector swept over the values, all in one go.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/pipeline/rank_correlation.h"
#include "core/pipeline/stages.h"
#include "core/pipeline/steering_targets.h"
#include "core/steer/sweep.h"

namespace heddle {
namespace {

const char* direction_name(const SteerOptions& options) {
  if (!options.vector.empty() && options.features.empty()) return "vector";
  return options.direction == SteerDirection::probe ? "probe" : "decoder";
}

const char* scale_name(SteerScale scale) {
  switch (scale) {
    case SteerScale::unit_norm: return "unit_norm";
    case SteerScale::unit_variance: return "unit_variance";
    case SteerScale::none: break;
  }
  return "none";
}

Intervention intervention_at(const SteerOptions& options, const SteeringTarget& target, double value) {
  Intervention intervention;
  intervention.edit = options.positions;
  intervention.replace = options.replace;
  intervention.keep_error = options.error == SteerError::keep;
  if (options.kind == SteerKind::set_feature) {
    intervention.features.push_back({target.feature, static_cast<float>(value)});
    return intervention;
  }
  intervention.reconstruct = false;
  for (float entry : target.direction) intervention.vector.push_back(entry * static_cast<float>(value));
  return intervention;
}

// The rows of results of one table.
class Rows {
 public:
  Rows(const SteerOptions& options, const AttributeTable& attributes, int64_t k)
      : options_(options), attributes_(attributes), k_(k) {}

  void add(const SweepPoint& point, const SteeringTarget* target, std::optional<double> value) {
    nlohmann::json keys = keys_of(target);
    if (value) keys["value"] = *value;
    const std::string feature = feature_of(target);
    for (const MetricValue& metric : point.metrics)
      results.values.push_back({metric.name, feature, "", metric.value, "", keys});
    for (size_t a = 0; a < point.shares.size(); ++a)
      if (attributes_.attributes[a].type == HEDDLE_ATTRIBUTE_BINARY)
        results.values.push_back({"share", feature, attributes_.attributes[a].name, point.shares[a], "", keys});
  }

  // How monotone the share of the target's own attribute is in the value.
  void add_trend(const std::vector<SweepPoint>& points, const SteeringTarget& target) {
    const int32_t attribute = target.attribute.empty() ? -1 : attributes_.find(target.attribute);
    if (attribute < 0 || attributes_.attributes[static_cast<size_t>(attribute)].type != HEDDLE_ATTRIBUTE_BINARY) return;
    std::vector<double> values, shares;
    for (const SweepPoint& point : points) {
      values.push_back(point.value);
      shares.push_back(point.shares[static_cast<size_t>(attribute)]);
    }
    const double rank = rank_correlation(values, shares);
    ResultValue row{"share_spearman", feature_of(&target), target.attribute, std::nullopt, "", keys_of(&target)};
    if (std::isnan(rank)) row.reason = "fewer than two values, or the share does not change";
    else row.value = rank;
    results.values.push_back(std::move(row));
  }

  void add_missing(const MissingTarget& missing) {
    nlohmann::json keys = {{"k", k_}, {"target", missing.attribute}};
    results.values.push_back({"share_spearman", "", missing.attribute, std::nullopt, missing.reason, keys});
  }

  StageResults results;

 private:
  nlohmann::json keys_of(const SteeringTarget* target) const {
    nlohmann::json keys = {{"k", k_}};
    if (target == nullptr) return keys;
    keys["target"] = target->name;
    if (options_.kind == SteerKind::add_vector) {
      keys["direction"] = target->name == "vector" ? "vector" : direction_name(options_);
      keys["scale"] = scale_name(options_.scale);
    }
    return keys;
  }
  static std::string feature_of(const SteeringTarget* target) {
    return target != nullptr && target->feature >= 0 ? std::to_string(target->feature) : "";
  }

  const SteerOptions& options_;
  const AttributeTable& attributes_;
  int64_t k_;
};

}  // namespace

void run_steering(Session& session, const Job& job, size_t index) {
  const Experiment& experiment = job.experiment;
  const SteerOptions& options = experiment.steer.at(index);
  const auto data = session.log(job);
  const auto items = session.items(job);
  const auto backbone = session.backbone(job);
  const std::string& site = experiment.site_of(options);
  std::shared_ptr<DictionaryModel> model;
  if (!options.dictionary.empty()) model = session.dictionary(job, options.dictionary);
  // A vector may be added at a site that nothing else reads; there it is on the model's own scale.
  const int64_t site_index = backbone->site(site);
  const bool probes = options.kind == SteerKind::add_vector && options.direction == SteerDirection::probe;
  const bool normalised = probes || experiment.dictionary_reads(site);
  const auto normalizer =
      normalised ? session.normalizer(job, site)
                 : std::make_shared<const Normalizer>(backbone->sites()[static_cast<size_t>(site_index)].width);

  const Part part = first_users(data->split.test, options.users);
  const RankingMetrics metrics = make_ranking_metrics(experiment.evaluate.metrics);
  const SweepSetting setting{
      *backbone, session.context(), data->log, part, items->attributes, metrics, make_protocol(job, *items, *data)};
  const SteeringTargets found = steering_targets(session, job, options, items->attributes, model.get());

  Rows rows(options, items->attributes, setting.protocol.k);
  rows.add(untouched_point(setting), nullptr, std::nullopt);
  std::vector<Intervention> interventions;
  for (const SteeringTarget& target : found.targets)
    for (double value : options.values) interventions.push_back(intervention_at(options, target, value));
  Progress progress("steering " + std::to_string(index),
                    interventions.size() * static_cast<uint64_t>(part.user_count()), "lists");
  const auto points = sweep_all(setting, site_index, model.get(), *normalizer, interventions,
                                [&](uint64_t done, uint64_t) { progress.update(done); });
  size_t next = 0;
  for (const SteeringTarget& target : found.targets) {
    std::vector<SweepPoint> mine;
    for (double value : options.values) {
      mine.push_back(points[next++]);
      mine.back().value = value;
      rows.add(mine.back(), &target, value);
    }
    rows.add_trend(mine, target);
  }
  for (const MissingTarget& missing : found.missing) rows.add_missing(missing);
  rows.results.protocol = {{"kind", options.kind == SteerKind::set_feature ? "set_feature" : "add_vector"},
                           {"site", site},
                           {"dictionary", options.dictionary},
                           {"positions", options.positions == Positions::last ? "last" : "all"},
                           {"replace", options.replace == Positions::last ? "last" : "all"},
                           {"error", options.error == SteerError::keep ? "keep" : "drop"},
                           {"scale", normalised ? "normalised" : "model"},
                           {"users", part.user_count()},
                           {"split", setting.protocol.split},
                           {"filter_seen", setting.protocol.filter_seen},
                           {"k", setting.protocol.k}};
  if (options.kind == SteerKind::add_vector) {
    rows.results.protocol["direction"] = direction_name(options);
    rows.results.protocol["vector_scale"] = scale_name(options.scale);
  }
  auto writer = session.store().create(record_of(job.keys.steering(index)));
  save_results(writer, rows.results);
  writer.commit();
}

}  // namespace heddle
