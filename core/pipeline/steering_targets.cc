#include "core/pipeline/steering_targets.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/pipeline/judging.h"
#include "core/pipeline/probe_file.h"

namespace heddle {
namespace {

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

class Resolver {
 public:
  Resolver(Session& session, const Job& job, const SteerOptions& options, const AttributeTable& attributes,
           DictionaryModel* model)
      : session_(session),
        job_(job),
        options_(options),
        attributes_(attributes),
        model_(model),
        finder_(session, job, options.dictionary, "[[steer]]") {}

  SteeringTargets run() {
    for (const FeatureReference& reference : options_.features) {
      if (!reference.attribute.ends_with(":*")) {
        add(reference, true);
        continue;
      }
      const std::string prefix = reference.attribute.substr(0, reference.attribute.size() - 2);
      bool any = false;
      for (const Attribute& attribute : attributes_.attributes) {
        if (attribute.prefix != prefix || attribute.type != HEDDLE_ATTRIBUTE_BINARY) continue;
        any = true;
        FeatureReference one = reference;
        one.attribute = attribute.name;
        add(one, false);
      }
      if (!any)
        wrong_use("[[steer]] feature {}: no source [attributes.{}] with binary attributes", reference.text(), prefix);
    }
    if (!options_.vector.empty()) {
      SteeringTarget target{"vector", "", -1, {options_.vector.begin(), options_.vector.end()}};
      finish(std::move(target), true);
    }
    return std::move(out_);
  }

 private:
  // required: named itself, so that its absence is an error.
  void absent(const std::string& name, const std::string& reason, bool required) {
    if (required) wrong_use("[[steer]] feature {}: {}", name, reason);
    log_line(HEDDLE_LOG_WARNING, "steer", fmt::format("{}: {}; left out", name, reason));
    out_.missing.push_back({name, reason});
  }

  void add(const FeatureReference& reference, bool required) {
    if (options_.direction == SteerDirection::probe && options_.kind == SteerKind::add_vector) {
      add_probe(reference.attribute, required);
      return;
    }
    std::string why;
    const int64_t feature = finder_.find(reference, why);
    if (feature < 0) {
      absent(required ? reference.text() : reference.attribute, why, required && !finder_.collapsed());
      return;
    }
    SteeringTarget target{
        reference.index >= 0 ? std::to_string(feature) : reference.attribute, reference.attribute, feature, {}};
    if (options_.kind == SteerKind::add_vector) target.direction = decoder_row(*model_, feature);
    finish(std::move(target), required);
  }

  void add_probe(const std::string& attribute, bool required) {
    if (!probes_) probes_ = ProbeFile::load(session_.artefact(job_.keys.probe(options_.site)));
    attributes_.require(attribute);
    const StoredProbe* probe = probes_->find(attribute);
    if (probe == nullptr) absent(attribute, "[probe] attributes leaves it out", required);
    else if (!probe->absent.empty()) absent(attribute, "it has no probe: " + probe->absent, required);
    else finish({attribute, attribute, -1, probe->weights}, required);
  }

  void finish(SteeringTarget target, bool required) {
    if (scale_direction(target.direction, options_.scale)) out_.targets.push_back(std::move(target));
    else
      absent(target.name,
             "its direction has equal entries throughout; scale = \"unit_norm\" or \"unit_variance\" is undefined",
             required);
  }

  Session& session_;
  const Job& job_;
  const SteerOptions& options_;
  const AttributeTable& attributes_;
  DictionaryModel* model_;
  FeatureFinder finder_;
  std::optional<ProbeFile> probes_;
  SteeringTargets out_;
};

}  // namespace

SteeringTargets steering_targets(Session& session, const Job& job, const SteerOptions& options,
                                 const AttributeTable& attributes, DictionaryModel* model) {
  return Resolver(session, job, options, attributes, model).run();
}

bool scale_direction(std::vector<float>& direction, SteerScale scale) {
  if (scale == SteerScale::none || direction.empty()) return true;
  const auto n = static_cast<double>(direction.size());
  double mean = 0, squares = 0;
  if (scale == SteerScale::unit_variance) {
    for (float entry : direction) mean += static_cast<double>(entry);
    mean /= n;
  }
  for (float entry : direction) {
    const double away = static_cast<double>(entry) - mean;
    squares += away * away;
  }
  const double size = std::sqrt(scale == SteerScale::unit_variance ? squares / n : squares);
  if (!(size > 1e-12 * (1 + std::abs(mean)))) return false;
  for (float& entry : direction) entry = static_cast<float>(static_cast<double>(entry) / size);
  return true;
}

int64_t FeatureFinder::find(const FeatureReference& reference, std::string& why) {
  if (reference.index >= 0) {
    const int64_t count = session_.dictionary(job_, dictionary_)->features();
    if (reference.index >= count)
      wrong_use("{} feature {} is not in dictionary {}; accepted: 0 to {}", owner_, reference.index, dictionary_,
                count - 1);
    return reference.index;
  }
  if (!job_.experiment.interpret)
    wrong_use("{} feature {}: finding the feature of an attribute needs [interpret]", owner_, reference.text());
  if (!file_) file_ = FeatureFile::load(session_.artefact(job_.keys.interpretation(dictionary_)));
  const std::string by = reference.by.empty() ? deciding_metric(*job_.experiment.interpret) : reference.by;
  const auto found = file_->best_features(by, file_->attribute(reference.attribute), reference.rank);
  if (static_cast<int64_t>(found.size()) >= reference.rank) return found.back().feature;
  if (collapsed()) why = fmt::format("no feature of {} ever fires", dictionary_);
  else if (found.empty())
    why = fmt::format("no feature has a {} with {}: it labels no data point", by, reference.attribute);
  else why = fmt::format("only {} features have a {} with {}", found.size(), by, reference.attribute);
  return -1;
}

bool FeatureFinder::collapsed() const {
  return file_ && std::all_of(file_->features.begin(), file_->features.end(),
                              [](const FeatureSummary& feature) { return feature.rate == 0; });
}

}  // namespace heddle
