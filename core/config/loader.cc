#include "core/config/loader.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/data_sections.h"
#include "core/config/judgement_readers.h"
#include "core/config/paths.h"
#include "core/config/steer_reader.h"

namespace heddle {

namespace fs = std::filesystem;

namespace {

void check_sections(const ConfigNode& root) {
  const std::vector<std::string>& sections = section_names();
  for (const ConfigNode& child : root.children) {
    if (std::find(sections.begin(), sections.end(), child.name) != sections.end()) continue;
    // `seed = 1` above the first heading is a common slip.
    if (experiment_table().schema.find(child.name) != nullptr)
      wrong_use("{}'{}' belongs under [experiment]", child.where.prefix(), child.name);
    wrong_use("{}{}", child.where.prefix(), unknown_key_text(child.name, "the experiment file", sections));
  }
}

// What a component contributes to keys: paths are left out, what they hold is asked of the source or hashed
// (stage_keys.h).
nlohmann::json numeric_of(const ComponentUse& use) {
  nlohmann::json key = component_key(*use.component, use.values);
  for (const heddle_param& p : use.component->params)
    if (p.type == HEDDLE_PARAM_PATH) key["params"].erase(p.name);
  return key;
}

nlohmann::ordered_json resolved_of(const ComponentUse& use) {
  return {{"plugin", use.component->id}, {"version", use.component->version}, {"params", use.values.resolved()}};
}

class Loader {
 public:
  Loader(const ConfigNode& root, const SectionReader& reader) : root_(root), reader_(reader) {}

  Experiment load() {
    check_sections(root_);
    Experiment e{.interactions = read_interactions()};
    read_head(e);
    read_data(e);
    read_models(e);
    read_judgement(e);
    e.resolved = std::move(resolved_);
    e.numeric = std::move(numeric_);
    return e;
  }

 private:
  const ConfigNode* section(const char* name) const { return root_.find(name); }

  void record(const std::string& name, const Values& values) {
    resolved_[name] = values.resolved();
    numeric_[name] = values.numeric_key();
  }

  // The children of [attributes] or [dictionary]: tables with a name of the user's choice, each with a plugin.
  const std::vector<ConfigNode>& named_sections(const ConfigNode& parent) const {
    const std::string kind = parent.name;
    reader_.table(parent, fmt::format("[{}.NAME]", kind));
    std::vector<std::string> names;
    for (const ConfigNode& child : parent.children)
      if (child.find("plugin") != nullptr) names.push_back(fmt::format("[{}.{}]", kind, child.name));
    for (const ConfigNode& child : parent.children) {
      if (!child.is_table())
        wrong_use("{}'{}' stands in [{}]; write [{}.NAME] with a name of your choice", child.where.prefix(), child.name,
                  kind, kind);
      check_section_name(child, kind);
      if (child.find("plugin") == nullptr)
        wrong_use("{}[{}.{}] needs plugin = \"vendor.name\"{}{}", child.where.prefix(), kind, child.name,
                  names.empty() ? "" : "; sections that have one: ", fmt::join(names, ", "));
    }
    return parent.children;
  }

  ComponentUse read_interactions() const {
    const ConfigNode* node = section("interactions");
    if (node == nullptr)
      wrong_use("{}[interactions] is missing: it names the plugin that reads the data", reader_.nowhere().prefix());
    return reader_.component(HEDDLE_KIND_INTERACTIONS, *node, "interactions", "[interactions]");
  }

  void read_head(Experiment& e) {
    const Values v = reader_.host(experiment_table(), section("experiment"));
    e.file = reader_.file();
    e.name = v.text("name").empty() ? e.file.stem().string() : v.text("name");
    const bool sound = !e.name.empty() && e.name[0] != '.' && e.name.find_first_of("/\\@\n\r\t") == std::string::npos;
    if (!sound)
      wrong_use(
          "{}'name' of [experiment] is \"{}\"; it names a folder, so it may not begin with '.' or hold '/' or '@'",
          v.where("name").prefix(), e.name);
    e.seed = static_cast<uint64_t>(v.integer("seed"));
    e.output = fs::absolute(v.text("output").empty() ? fs::path("results") / e.name : fs::path(v.text("output")))
                   .lexically_normal();
    record("experiment", v);
    resolved_["experiment"]["name"] = e.name;
    resolved_["experiment"]["output"] = e.output.string();

    const Values compute = reader_.host(compute_table(), section("compute"));
    e.compute = read_compute(compute);
    if (e.compute.device != "cpu") reader_.find(HEDDLE_KIND_DEVICE, e.compute.device, compute.where("device"));
    record("compute", compute);
    e.plugin_paths = read_plugin_paths(root_, e.file);
    resolved_["plugins"]["path"] = nlohmann::ordered_json::array();
    for (const fs::path& path : e.plugin_paths) resolved_["plugins"]["path"].push_back(path.string());
  }

  void read_data(Experiment& e) {
    resolved_["interactions"] = resolved_of(e.interactions);
    numeric_["interactions"] = numeric_of(e.interactions);
    resolved_["attributes"] = nlohmann::ordered_json::object();
    numeric_["attributes"] = nlohmann::json::object();
    if (const ConfigNode* attributes = section("attributes"); attributes != nullptr) {
      for (const ConfigNode& child : named_sections(*attributes)) {
        const std::string heading = fmt::format("[attributes.{}]", child.name);
        const auto [entry, fresh] =
            e.attributes.emplace(child.name, reader_.component(HEDDLE_KIND_ATTRIBUTES, child, child.name, heading));
        resolved_["attributes"][child.name] = resolved_of(entry->second);
        numeric_["attributes"][child.name] = numeric_of(entry->second);
      }
    }
    const Values filters = reader_.host(filter_table(), section("filters"));
    e.filters = read_filters(filters);
    record("filters", filters);
    if (!filters.given("minimum_value"))
      resolved_["filters"]["minimum_value"] = numeric_["filters"]["minimum_value"] = nullptr;
    const Values split = reader_.host(split_table(), section("split"));
    e.split = read_split(split);
    record("split", split);
  }

  void read_models(Experiment& e) {
    if (const ConfigNode* node = section("backbone"); node != nullptr) {
      ComponentUse plugin = reader_.component(HEDDLE_KIND_BACKBONE, *node, "backbone", "[backbone]", {"training"});
      const Values training = reader_.host(backbone_training_table(), node->find("training"));
      e.backbone.emplace(BackboneSection{std::move(plugin), read_backbone_training(training)});
      e.backbone->training.precision = e.compute.precision;
      resolved_["backbone"] = resolved_of(e.backbone->plugin);
      resolved_["backbone"]["training"] = training.resolved();
      numeric_["backbone"] = numeric_of(e.backbone->plugin);
      numeric_["backbone"]["training"] = training.numeric_key();
    }
    const Values activations = reader_.host(activation_table(), section("activations"));
    e.activations = read_activations(activations);
    record("activations", activations);

    const ConfigNode* dictionaries = section("dictionary");
    if (dictionaries == nullptr) return;
    for (const ConfigNode& child : named_sections(*dictionaries)) read_dictionary(e, child);
    if (!e.backbone && !e.dictionaries.empty())
      wrong_use("{}[dictionary.{}] needs a [backbone] to take activations from", dictionaries->where.prefix(),
                e.dictionaries.begin()->first);
  }

  void read_dictionary(Experiment& e, const ConfigNode& node) {
    const std::string heading = fmt::format("[dictionary.{}]", node.name);
    ComponentUse plugin = reader_.component(HEDDLE_KIND_DICTIONARY, node, node.name, heading, {"site", "training"});
    const ConfigNode* site = node.find("site");
    if (site == nullptr)
      wrong_use("{}{} needs 'site': the place of the backbone whose activations it explains, like \"block.0.out\"",
                node.where.prefix(), heading);
    if (site->kind != ConfigNode::Kind::text || site->text.empty())
      wrong_use("{}'site' of {} is {}; expected the name of a site, like \"block.0.out\"", site->where.prefix(),
                heading, site->kind == ConfigNode::Kind::text ? "empty" : site->kind_text());
    const Values training = reader_.host(dictionary_training_table(), node.find("training"), {},
                                         fmt::format("[dictionary.{}.training]", node.name));
    DictionarySection section{std::move(plugin), site->text, read_dictionary_training(training), site->where};
    section.training.precision = e.compute.precision;
    nlohmann::ordered_json& resolved = resolved_["dictionary"][node.name];
    nlohmann::json& numeric = numeric_["dictionary"][node.name];
    resolved = resolved_of(section.plugin);
    numeric = numeric_of(section.plugin);
    resolved["site"] = numeric["site"] = section.site;
    resolved["training"] = training.resolved();
    numeric["training"] = training.numeric_key();
    e.dictionaries.emplace(node.name, std::move(section));
  }

  // Metrics as records: their options table holds only names, their parameters are here.
  void record_metrics(const char* name, const std::vector<ComponentUse>& metrics) {
    resolved_[name]["metrics"] = nlohmann::ordered_json::array();
    numeric_[name]["metrics"] = nlohmann::json::array();
    for (const ComponentUse& metric : metrics) {
      resolved_[name]["metrics"].push_back(resolved_of(metric));
      numeric_[name]["metrics"].push_back(numeric_of(metric));
    }
  }

  void read_judgement(Experiment& e) {
    const ConfigNode* evaluate = section("evaluate");
    const Values evaluation = reader_.host(evaluation_table(), evaluate, {"metrics"});
    e.evaluate.options = read_evaluation(evaluation);
    e.evaluate.metrics = reader_.metrics(HEDDLE_KIND_RANKING_METRIC,
                                         evaluate == nullptr ? nullptr : evaluate->find("metrics"), "[evaluate]");
    record("evaluate", evaluation);
    // Options that came later are in no key at their default, so that what was computed before them stays valid.
    if (e.evaluate.options.generation == Generation::top_k) numeric_["evaluate"].erase("generation");
    record_metrics("evaluate", e.evaluate.metrics);

    if (const ConfigNode* interpret = section("interpret"); interpret != nullptr) {
      const Values v = reader_.host(interpretation_table(), interpret, {"metrics"});
      e.interpret.emplace(InterpretSection{
          read_interpretation(v), reader_.metrics(HEDDLE_KIND_METRIC, interpret->find("metrics"), "[interpret]")});
      check_interpretation(e, v, *interpret);
      record("interpret", v);
      record_metrics("interpret", e.interpret->metrics);
      resolved_["interpret"]["best_by"] = numeric_["interpret"]["best_by"] = e.interpret->options.best_by;
    }

    if (const ConfigNode* probe = section("probe"); probe != nullptr) {
      auto read = read_probe(reader_, *probe, e);
      resolved_["probe"] = std::move(read.resolved);
      numeric_["probe"] = std::move(read.numeric);
      e.probe = std::move(read.options);
    }
    read_steering(e);
    for (const ConfigNode& node : tables("example", "example")) {
      auto read = read_example(reader_, node, e);
      resolved_["example"].push_back(std::move(read.resolved));
      numeric_["example"].push_back(std::move(read.numeric));
      e.examples.push_back(std::move(read.options));
    }
    if (const ConfigNode* report = section("report"); report != nullptr) {
      auto read = read_report(reader_, *report, e);
      resolved_["report"] = std::move(read.resolved);
      e.report = std::move(read.options);
    }
  }

  // The tables of [[NAME]]; none when it is absent or an empty list.
  std::span<const ConfigNode> tables(const char* name, const char* once_per) {
    const ConfigNode* node = section(name);
    if (node == nullptr) return {};
    if (node->kind != ConfigNode::Kind::array)
      wrong_use("{}'{}' is {}; write [[{}]] with two brackets, once per {}", node->where.prefix(), name,
                node->kind_text(), name, once_per);
    resolved_[name] = nlohmann::ordered_json::array();
    numeric_[name] = nlohmann::json::array();
    return node->children;
  }

  void read_steering(Experiment& e) {
    for (const ConfigNode& node : tables("steer", "intervention")) {
      if (!e.backbone) wrong_use("{}[[steer]] needs a [backbone]", node.where.prefix());
      SteerRead read = read_steer(reader_, node, e);
      nlohmann::ordered_json resolved = read.values.resolved();
      resolved["dictionary"] = read.options.dictionary;
      resolved["site"] = read.options.site;
      resolved_["steer"].push_back(std::move(resolved));
      nlohmann::json numeric = read.values.numeric_key();
      if (read.options.direction == SteerDirection::decoder) numeric.erase("direction");  // as in read_judgement
      else numeric.erase("site");                                                         // the probe's key has it
      if (read.options.scale == SteerScale::none) numeric.erase("scale");
      numeric_["steer"].push_back(std::move(numeric));
      e.steer.push_back(std::move(read.options));
    }
  }

  void check_interpretation(Experiment& e, const Values& v, const ConfigNode& node) const {
    std::vector<std::string> names;
    for (const ComponentUse& metric : e.interpret->metrics) names.push_back(metric.name);
    if (names.empty()) wrong_use("{}[interpret] has no metric: none is installed", node.where.prefix());
    std::string& best_by = e.interpret->options.best_by;
    if (best_by.empty()) best_by = names[0];
    const std::string wanted = short_id(best_by);
    if (std::find(names.begin(), names.end(), wanted) == names.end())
      wrong_use("{}'best_by' of [interpret] is \"{}\"{} accepted: {}", v.where("best_by").prefix(), best_by,
                hint(wanted, names), fmt::join(names, ", "));
    best_by = wanted;
    if (e.attributes.empty()) wrong_use("{}[interpret] needs at least one [attributes.NAME]", node.where.prefix());
    if (e.dictionaries.empty()) wrong_use("{}[interpret] needs at least one [dictionary.NAME]", node.where.prefix());
  }

  const ConfigNode& root_;
  const SectionReader& reader_;
  nlohmann::ordered_json resolved_ = nlohmann::ordered_json::object();
  nlohmann::json numeric_ = nlohmann::json::object();
};

}  // namespace

const std::vector<std::string>& section_names() {
  static const std::vector<std::string> names = {"extends",    "experiment", "plugins",   "compute",  "interactions",
                                                 "attributes", "filters",    "split",     "backbone", "activations",
                                                 "dictionary", "evaluate",   "interpret", "probe",    "steer",
                                                 "example",    "report",     "sweep"};
  return names;
}

Experiment read_experiment(const ConfigNode& root, const SectionReader& reader) { return Loader(root, reader).load(); }

std::vector<fs::path> read_plugin_paths(const ConfigNode& root, const fs::path& file) {
  std::vector<fs::path> paths;
  const ConfigNode* section = root.find("plugins");
  if (section == nullptr) return paths;
  // Read before any component is known, so without a SectionReader.
  if (!section->is_table())
    wrong_use("{}'plugins' is {}; expected a table [plugins]", section->where.prefix(), section->kind_text());
  std::vector<GivenValue> given;
  for (const ConfigNode& child : section->children) {
    given.push_back(given_value(child, fmt::format("'{}' of [plugins]", child.name)));
    if (auto* one = std::get_if<std::string>(&given.back().value)) given.back().value = std::vector<std::string>{*one};
  }
  const Values values(plugins_table().schema, std::move(given), {section->where, {}});
  for (const std::string& text : values.texts("path"))
    paths.push_back((folder_of(values.where("path"), file) / text).lexically_normal());
  return paths;
}

}  // namespace heddle
