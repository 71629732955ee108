#include "core/config/stage_keys.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/store/hash.h"

namespace heddle {
namespace {

// Raised when the stage's result changes for the same parameters: by a fix of its arithmetic or of its files.
constexpr int64_t log_version = 1, split_version = 1, attributes_version = 1, backbone_version = 1,
                  activations_version = 1, dictionary_version = 2, evaluation_version = 2, interpretation_version = 2,
                  neurons_version = 1, probe_version = 1, steering_version = 1, examples_version = 1;

// Files that a component reads besides the data: their content counts, not where they lie.
nlohmann::json file_digests(const ComponentUse& use) {
  nlohmann::json digests = nlohmann::json::object();
  for (const heddle_param& p : use.component->params)
    if (p.type == HEDDLE_PARAM_PATH && (p.flags & HEDDLE_PARAM_NOT_NUMERIC) == 0)
      if (const std::string path = use.values.text(p.name); !path.empty()) digests[p.name] = content_digest(path);
  return digests;
}

// What of [interpret] decides the scores: the rest is what a feature's page shows, and no such page is made of neurons
// and probes.
nlohmann::json scoring_options(const Experiment& experiment) {
  nlohmann::json options = experiment.numeric.at("interpret");
  for (const char* key : {"top_sequences", "sequence_length", "histogram_bins", "similar", "promoted"})
    options.erase(key);
  return options;
}

}  // namespace

StageKeys::StageKeys(const Experiment& experiment, StageFacts facts)
    : experiment_(experiment), facts_(std::move(facts)) {}

StageKey StageKeys::make(std::string stage, std::string part, int64_t version, nlohmann::json params,
                         const std::vector<StageKey>& inputs) const {
  StageKey key{std::move(stage), std::move(part), "", std::move(params), {}};
  for (const StageKey& input : inputs)
    key.inputs[input.part.empty() ? input.stage : input.stage + "." + input.part] = input.key;
  // The part's name is in no key: two dictionaries of equal parameters are one and the same.
  nlohmann::json hashes = nlohmann::json::array();
  for (const StageKey& input : inputs) hashes.push_back(input.key);
  key.key = hash_key({{"stage", key.stage}, {"version", version}, {"params", key.params}, {"inputs", hashes}});
  return key;
}

nlohmann::json StageKeys::compute() const {
  return {{"device", facts_.device},
          {"isa", facts_.isa},
          {"precision", experiment_.compute.precision == HEDDLE_PRECISION_BF16 ? "bf16" : "f32"}};
}

StageKey StageKeys::log() const {
  return make("log", "", log_version,
              {{"source", experiment_.numeric.at("interactions")},
               {"fingerprint", facts_.interactions},
               {"filters", experiment_.numeric.at("filters")}},
              {});
}

StageKey StageKeys::split() const {
  return make("split", "", split_version, {{"split", experiment_.numeric.at("split")}, {"seed", experiment_.seed}},
              {log()});
}

StageKey StageKeys::attributes() const {
  nlohmann::json sources = nlohmann::json::object();
  for (const auto& [name, use] : experiment_.attributes) {
    const auto fingerprint = facts_.attributes.find(name);
    if (fingerprint == facts_.attributes.end()) fail(HEDDLE_INTERNAL, "no fingerprint of [attributes.{}]", name);
    sources[name] = {{"source", experiment_.numeric.at("attributes").at(name)}, {"fingerprint", fingerprint->second}};
  }
  return make("attributes", "", attributes_version, {{"sources", sources}}, {split()});
}

StageKey StageKeys::backbone() const {
  if (!experiment_.backbone) fail(HEDDLE_INTERNAL, "the experiment has no [backbone]");
  // Validation ranks with or without seen items, and that decides when training stops.
  return make("backbone", "", backbone_version,
              {{"backbone", experiment_.numeric.at("backbone")},
               {"files", file_digests(experiment_.backbone->plugin)},
               {"filter_seen", experiment_.evaluate.options.filter_seen},
               {"seed", experiment_.seed},
               {"compute", compute()}},
              {split()});
}

StageKey StageKeys::activations(const std::string& site) const {
  nlohmann::json options = experiment_.numeric.at("activations");
  if (options.at("store") == "stream") options["store"] = "f32";  // the same numbers
  return make("activations", site, activations_version, {{"site", site}, {"options", options}, {"compute", compute()}},
              {backbone()});
}

StageKey StageKeys::dictionary(const std::string& name) const {
  const DictionarySection& section = experiment_.dictionaries.at(name);
  return make("dictionary", name, dictionary_version,
              {{"dictionary", experiment_.numeric.at("dictionary").at(name)},
               {"files", file_digests(section.plugin)},
               {"seed", experiment_.seed},
               {"compute", compute()}},
              {activations(section.site)});
}

StageKey StageKeys::evaluation(const std::string& name) const {
  std::vector<StageKey> inputs{backbone()};
  if (!name.empty()) inputs.push_back(dictionary(name));
  return make("evaluation", name, evaluation_version,
              {{"options", experiment_.numeric.at("evaluate")}, {"compute", compute()}}, inputs);
}

StageKey StageKeys::interpretation(const std::string& name) const {
  return make("interpretation", name, interpretation_version,
              {{"options", experiment_.numeric.at("interpret")}, {"compute", compute()}},
              {dictionary(name), attributes()});
}

StageKey StageKeys::neurons(const std::string& site) const {
  return make("neurons", site, neurons_version,
              {{"site", site}, {"options", scoring_options(experiment_)}, {"compute", compute()}},
              {activations(site), attributes()});
}

StageKey StageKeys::probe(const std::string& site) const {
  return make("probe", site, probe_version,
              {{"site", site},
               {"probe", experiment_.numeric.at("probe")},
               {"scoring", scoring_options(experiment_)},
               {"compute", compute()}},
              {activations(site), attributes()});
}

StageKey StageKeys::steering(size_t index) const {
  const SteerOptions& steer = experiment_.steer.at(index);
  std::vector<StageKey> inputs{backbone()};
  if (!experiment_.attributes.empty()) inputs.push_back(attributes());  // shares of attributes in the lists
  // Where a dictionary reads, a vector is on the normalised scale, so the normaliser of the site's activations counts;
  // that of a probe is wherever it reads.
  const std::string& site = experiment_.site_of(steer);
  const bool probes = steer.direction == SteerDirection::probe;
  if (probes || experiment_.dictionary_reads(site)) inputs.push_back(activations(site));
  if (probes) inputs.push_back(probe(site));
  if (!steer.dictionary.empty()) {
    inputs.push_back(dictionary(steer.dictionary));
    const auto scored = [](const FeatureReference& feature) { return feature.index < 0; };
    if (std::any_of(steer.features.begin(), steer.features.end(), scored))
      inputs.push_back(interpretation(steer.dictionary));
  }
  return make("steering", std::to_string(index), steering_version,
              {{"steer", experiment_.numeric.at("steer").at(index)},
               {"evaluate", experiment_.numeric.at("evaluate")},
               {"compute", compute()}},
              inputs);
}

StageKey StageKeys::examples(size_t index) const {
  const ExampleOptions& example = experiment_.examples.at(index);
  std::vector<StageKey> inputs{backbone()};
  if (!experiment_.attributes.empty()) inputs.push_back(attributes());  // titles, and shares in the lists
  inputs.push_back(dictionary(example.dictionary));
  if (example.feature.index < 0) inputs.push_back(interpretation(example.dictionary));
  return make("examples", std::to_string(index), examples_version,
              {{"example", experiment_.numeric.at("example").at(index)},
               {"evaluate", experiment_.numeric.at("evaluate")},
               {"compute", compute()}},
              inputs);
}

std::vector<StageKey> StageKeys::all() const {
  std::vector<StageKey> keys{log(), split()};
  if (!experiment_.attributes.empty()) keys.push_back(attributes());
  if (!experiment_.backbone) return keys;
  keys.push_back(backbone());
  keys.push_back(evaluation());
  for (const std::string& site : experiment_.activation_sites()) keys.push_back(activations(site));
  for (const auto& [name, section] : experiment_.dictionaries)
    keys.push_back(dictionary(name)), keys.push_back(evaluation(name));
  if (experiment_.interpret) {
    for (const auto& [name, section] : experiment_.dictionaries) keys.push_back(interpretation(name));
    if (experiment_.interpret->options.neurons) {
      std::vector<std::string> done;  // several dictionaries may read one site
      for (const auto& [name, section] : experiment_.dictionaries)
        if (std::find(done.begin(), done.end(), section.site) == done.end())
          done.push_back(section.site), keys.push_back(neurons(section.site));
    }
  }
  if (experiment_.probe)
    for (const std::string& site : experiment_.probe->sites) keys.push_back(probe(site));
  for (size_t i = 0; i < experiment_.steer.size(); ++i) keys.push_back(steering(i));
  for (size_t i = 0; i < experiment_.examples.size(); ++i) keys.push_back(examples(i));
  return keys;
}

}  // namespace heddle
