// An experiment file (TOML) as checked, fully resolved data: every section, every component with its parameters, sweeps
// expanded. Nothing is computed here and no data is opened.
//
//   ExperimentFile file("ml1m.toml", {"backbone.training.epochs=3"});
//   Registry registry(SearchPath::standard(file.plugin_paths()));
//   for (const Experiment& experiment : file.experiments(RegistryLookup(registry))) …
//
// Errors are the user's (wrong_use, exit code 2), one line: "FILE:LINE:COLUMN: what is wrong; what is accepted". For an
// override the place is "--set KEY=VALUE". Ownership: an Experiment owns its values and borrows the registry's
// components, which live as long as the process. Threads: immutable after construction, any.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config/activations.h"
#include "core/config/compute_options.h"
#include "core/config/evaluation.h"
#include "core/config/example.h"
#include "core/config/interpretation.h"
#include "core/config/lookup.h"
#include "core/config/probe.h"
#include "core/config/report_options.h"
#include "core/config/steering.h"
#include "core/config/training.h"
#include "core/data/options.h"
#include "core/plugin/component.h"
#include "core/plugin/describe.h"
#include "core/plugin/values.h"

namespace heddle {

struct ConfigNode;

// A component that the file names, with its checked parameters.
struct ComponentUse {
  std::string name;  // of the section ("l1" of [dictionary.l1]), or the part of the id after the dot for metrics
  const Component* component;
  Values values;
  SourcePosition where;
};

struct BackboneSection {
  ComponentUse plugin;
  BackboneTraining training;
};

struct DictionarySection {
  ComponentUse plugin;
  std::string site;
  DictionaryTraining training;
  SourcePosition site_where;
};

struct EvaluationSection {
  EvaluationOptions options;
  std::vector<ComponentUse> metrics;  // ranking metrics, in the order of the file
};

struct InterpretSection {
  InterpretOptions options;
  std::vector<ComponentUse> metrics;
};

struct Experiment {
  std::filesystem::path file;  // absolute
  std::string name;            // [experiment] name, default: the file's name without ".toml"
  uint64_t seed = 1;
  std::filesystem::path output;  // absolute; default results/NAME in the current folder
  ComputeOptions compute;
  std::vector<std::filesystem::path> plugin_paths;
  ComponentUse interactions;
  std::map<std::string, ComponentUse> attributes;  // by prefix
  FilterOptions filters;
  SplitOptions split;
  std::optional<BackboneSection> backbone;
  ActivationOptions activations;
  std::map<std::string, DictionarySection> dictionaries;  // by name
  EvaluationSection evaluate;
  std::optional<InterpretSection> interpret;
  std::optional<ProbeOptions> probe;
  std::vector<SteerOptions> steer;
  std::vector<ExampleOptions> examples;
  std::optional<ReportOptions> report;

  // Sites at which activations are taken: those of dictionaries in the order of their names, then those of [probe], each
  // once.
  std::vector<std::string> activation_sites() const;
  // Where a [[steer]] table intervenes: at its own site, else at its dictionary's.
  const std::string& site_of(const SteerOptions& table) const;
  // Some [dictionary.NAME] has this site, so that its activations are normalised.
  bool dictionary_reads(const std::string& site) const;

  // Everything above after defaults, for the record kept with results: a JSON object in the order of the file's
  // reference.
  nlohmann::ordered_json resolved;
  // The same with only what can change a number, no paths and no names: for the keys of stages (stage_keys.h).
  nlohmann::json numeric;
  // The point of the sweep that this is: (dotted key, value); empty without a sweep. With several [[sweep]] tables every
  // point states every swept key, also those that its own grid leaves at the file's value or at the default.
  std::vector<std::pair<std::string, nlohmann::json>> sweep_point;
  // "dictionary.l1.l1=0.1 experiment.seed=2"; "" without a sweep.
  std::string sweep_label() const;
  // Identity of the run inside its output folder, fit for a file's name: the name without a sweep, else
  // "NAME@KEY=VALUE,KEY=VALUE" with the keys cut to their shortest distinct ends ("ml1m@l1=0.1,seed=2").
  std::string run;
};

class ExperimentFile {
 public:
  // Parses the file, lays it over the file that it `extends` (and so on), and applies overrides "KEY=VALUE" in order;
  // VALUE is TOML, or a bare word for a string. An override of `extends` counts before the other file is read.
  ExperimentFile(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});
  // The same from text, for tests and embedding; `path` stands in messages and roots relative paths.
  static ExperimentFile parse(std::string_view text, const std::filesystem::path& path,
                              const std::vector<std::string>& overrides = {});

  // [plugins] path, absolute (relative entries: to the file's folder). Needed before a Registry can be made.
  std::vector<std::filesystem::path> plugin_paths() const;
  // All points of the sweep in the file's order, the last key running fastest; one experiment without a sweep. With
  // MissingPaths::allow, data that is not there is no error (its path is then the one under HEDDLE_DATA).
  enum class MissingPaths { refuse, allow };
  std::vector<Experiment> experiments(const ComponentLookup& lookup, MissingPaths missing = MissingPaths::refuse) const;

 private:
  ExperimentFile() = default;
  std::filesystem::path path_;
  std::shared_ptr<const ConfigNode> root_;
};

// All tables of the experiment file that the host owns, in the order of the reference page.
std::vector<OptionTable> experiment_options();

}  // namespace heddle
