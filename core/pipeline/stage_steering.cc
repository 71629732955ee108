// Steering: one [[steer]] table, each of its features (or its vector) swept over the values.
#include <nlohmann/json.hpp>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/pipeline/feature_file.h"
#include "core/pipeline/stages.h"
#include "core/steer/sweep.h"

namespace heddle {
namespace {

// What one sweep of a table is about.
struct Target {
  std::string name;       // "genre:Horror", "17", "vector"
  std::string attribute;  // whose share is watched; "" when the reference is a number
  int64_t feature = -1;   // -1: the vector of the file
};

// References to targets: attributes become their best feature, "PREFIX:*" every binary attribute of a source.
std::vector<Target> resolve(Session& session, const Job& job, const SteerOptions& options,
                            const AttributeTable& attributes) {
  std::vector<Target> targets;
  std::optional<FeatureFile> file;
  auto best = [&](const std::string& attribute, const FeatureReference& reference, bool required) {
    if (!job.experiment.interpret)
      wrong_use("[[steer]] feature {}: finding the feature of an attribute needs [interpret]", reference.text());
    if (!file) file = FeatureFile::load(session.artefact(job.keys.interpretation(options.dictionary)));
    std::string by = reference.by.empty() ? job.experiment.interpret->options.best_by : reference.by;
    if (by.empty()) by = file->metrics.front();
    const auto found = file->best_features(by, file->attribute(attribute), reference.rank);
    if (static_cast<int64_t>(found.size()) < reference.rank) {
      // Among "all of a source" an attribute that no test row has is no fault of the user's; by name it is.
      if (required)
        wrong_use("[[steer]] feature {}: no feature has a {} with {} (it labels no data point)", reference.text(), by,
                  attribute);
      log_line(HEDDLE_LOG_WARNING, "steer", fmt::format("{}: no feature has a {} with it; left out", attribute, by));
      return;
    }
    targets.push_back({attribute, attribute, found.back().feature});
  };
  for (const FeatureReference& reference : options.features) {
    if (reference.index >= 0) {
      targets.push_back({std::to_string(reference.index), "", reference.index});
    } else if (reference.attribute.ends_with(":*")) {
      const std::string prefix = reference.attribute.substr(0, reference.attribute.size() - 2);
      bool any = false;
      for (const Attribute& attribute : attributes.attributes)
        if (attribute.prefix == prefix && attribute.type == HEDDLE_ATTRIBUTE_BINARY)
          any = true, best(attribute.name, reference, false);
      if (!any)
        wrong_use("[[steer]] feature {}: no source [attributes.{}] with binary attributes", reference.text(), prefix);
    } else {
      best(reference.attribute, reference, true);
    }
  }
  if (!options.vector.empty()) targets.push_back({"vector", "", -1});
  return targets;
}

// Row `feature` of the decoder: the feature's direction on the normalised scale.
std::vector<float> decoder_row(DictionaryModel& model, int64_t feature) {
  const auto decoder = model.parameters().with_role(HEDDLE_ROLE_DECODER);
  if (!decoder)
    wrong_use("[[steer]] kind = \"add_vector\": dictionary plugin {} declares no parameter with the role decoder",
              model.id());
  const auto width = static_cast<size_t>(model.inputs());
  std::vector<float> row(width);
  auto* base = static_cast<const float*>(model.parameters().tensor(*decoder).dl()->data);
  model.device().copy_to_host(row.data(), base + static_cast<size_t>(feature) * width, width * sizeof(float));
  return row;
}

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
  // A vector may be added at a site that no dictionary reads; there it is on the model's own scale.
  const int64_t site_index = backbone->site(site);
  const bool normalised = experiment.dictionary_reads(site);
  const auto normalizer =
      normalised ? session.normalizer(job, site)
                 : std::make_shared<const Normalizer>(backbone->sites()[static_cast<size_t>(site_index)].width);

  const Part part = first_users(data->split.test, options.users);
  const RankingMetrics metrics = make_ranking_metrics(experiment.evaluate.metrics);
  const SweepSetting setting{
      *backbone, session.context(), data->log, part, items->attributes, metrics, make_protocol(job, *items, *data)};
  const auto targets = resolve(session, job, options, items->attributes);

  StageResults results;
  auto add_point = [&](const SweepPoint& point, const Target* target, std::optional<double> value) {
    nlohmann::json keys = {{"k", setting.protocol.k}};
    if (target != nullptr) keys["target"] = target->name;
    if (value) keys["value"] = *value;
    const std::string feature = target != nullptr && target->feature >= 0 ? std::to_string(target->feature) : "";
    for (const MetricValue& metric : point.metrics)
      results.values.push_back({metric.name, feature, "", metric.value, "", keys});
    for (size_t a = 0; a < point.shares.size(); ++a)
      if (items->attributes.attributes[a].type == HEDDLE_ATTRIBUTE_BINARY)
        results.values.push_back({"share", feature, items->attributes.attributes[a].name, point.shares[a], "", keys});
  };
  const SweepPoint untouched = untouched_point(setting);
  add_point(untouched, nullptr, std::nullopt);
  results.protocol = {{"kind", options.kind == SteerKind::set_feature ? "set_feature" : "add_vector"},
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

  Progress progress("steering " + std::to_string(index), targets.size() * options.values.size(), "values");
  uint64_t done = 0;
  for (const Target& target : targets) {
    std::vector<float> direction;
    if (options.kind == SteerKind::add_vector) {
      if (target.feature >= 0) direction = decoder_row(*model, target.feature);
      else direction.assign(options.vector.begin(), options.vector.end());
    }
    auto at = [&](double value) {
      Intervention intervention;
      intervention.edit = options.positions;
      intervention.replace = options.replace;
      intervention.keep_error = options.error == SteerError::keep;
      if (options.kind == SteerKind::set_feature) {
        intervention.features.push_back({target.feature, static_cast<float>(value)});
      } else {
        intervention.reconstruct = false;
        for (float entry : direction) intervention.vector.push_back(entry * static_cast<float>(value));
      }
      return intervention;
    };
    const auto points = sweep(setting, site_index, model.get(), *normalizer, options.values, at,
                              [&](size_t) { progress.update(++done, target.name); });
    for (const SweepPoint& point : points) add_point(point, &target, point.value);
  }
  auto writer = session.store().create(record_of(job.keys.steering(index)));
  save_results(writer, results);
  writer.commit();
}

}  // namespace heddle
