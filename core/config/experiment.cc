#include "core/config/experiment.h"

#include <algorithm>
#include <cctype>

#include "core/base/error.h"
#include "core/config/component_tables.h"
#include "core/config/config_node.h"
#include "core/config/data_sections.h"
#include "core/config/loader.h"
#include "core/config/section_reader.h"
#include "core/store/atomic_file.h"
#include "core/store/hash.h"

namespace heddle {

namespace fs = std::filesystem;

namespace {

nlohmann::json to_json(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::boolean: return node.boolean;
    case ConfigNode::Kind::integer: return node.integer;
    case ConfigNode::Kind::real: return node.real;
    case ConfigNode::Kind::text: return node.text;
    case ConfigNode::Kind::array: {
      nlohmann::json list = nlohmann::json::array();
      for (const ConfigNode& child : node.children) list.push_back(to_json(child));
      return list;
    }
    case ConfigNode::Kind::table: {
      nlohmann::json object = nlohmann::json::object();
      for (const ConfigNode& child : node.children) object[child.name] = to_json(child);
      return object;
    }
  }
  return nullptr;
}

std::string point_text(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The shortest ends of the dotted keys that are all different: "dictionary.l1.l1", "experiment.seed" -> "l1", "seed".
std::vector<std::string> short_keys(const std::vector<SweepAxis>& axes) {
  const auto end = [](const SweepAxis& axis, size_t parts) {
    const size_t from = axis.path.size() - std::min(parts, axis.path.size());
    return fmt::format("{}", fmt::join(axis.path.begin() + static_cast<std::ptrdiff_t>(from), axis.path.end(), "."));
  };
  std::vector<std::string> keys;
  for (const SweepAxis& axis : axes) {
    size_t parts = 1;
    const auto clashes = [&] {
      return std::any_of(axes.begin(), axes.end(), [&](const SweepAxis& other) {
        return &other != &axis && end(other, parts) == end(axis, parts);
      });
    };
    while (parts < axis.path.size() && clashes()) ++parts;
    keys.push_back(end(axis, parts));
  }
  return keys;
}

// Runs name files: other characters become '_', long names are cut and told apart by a hash, equal ones by a number.
std::string file_name(const std::string& run, const std::vector<Experiment>& others) {
  std::string name;
  for (char c : run) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                       std::string_view("._+-=,@").find(c) != std::string_view::npos;
    name += plain || static_cast<unsigned char>(c) >= 0x80 ? c : '_';
  }
  if (constexpr size_t longest = 120; name.size() > longest)
    name = name.substr(0, longest) + "~" + sha256_hex(run).substr(0, 8);
  const auto taken = [&](const std::string& candidate) {
    return std::any_of(others.begin(), others.end(), [&](const Experiment& other) { return other.run == candidate; });
  };
  std::string unique = name;
  for (int n = 2; taken(unique); ++n) unique = fmt::format("{}~{}", name, n);
  return unique;
}

}  // namespace

const std::string& Experiment::site_of(const SteerOptions& table) const {
  return table.site.empty() ? dictionaries.at(table.dictionary).site : table.site;
}

bool Experiment::dictionary_reads(const std::string& site) const {
  return std::any_of(dictionaries.begin(), dictionaries.end(),
                     [&](const auto& entry) { return entry.second.site == site; });
}

std::string Experiment::sweep_label() const {
  std::string label;
  for (const auto& [key, value] : sweep_point)
    label += fmt::format("{}{}={}", label.empty() ? "" : " ", key, point_text(value));
  return label;
}

ExperimentFile::ExperimentFile(const fs::path& path, const std::vector<std::string>& overrides) {
  std::string text;
  try {
    text = read_file(path);
  } catch (const Error& error) {
    throw Error(error.code(), error.what(), true);  // the user named it
  }
  *this = parse(text, path, overrides);
}

ExperimentFile ExperimentFile::parse(std::string_view text, const fs::path& path,
                                     const std::vector<std::string>& overrides) {
  ConfigNode root = parse_toml(text, path.string());
  for (const std::string& assignment : overrides) apply_override(root, assignment);
  ExperimentFile file;
  file.path_ = path;
  file.root_ = std::make_shared<const ConfigNode>(std::move(root));
  return file;
}

std::vector<fs::path> ExperimentFile::plugin_paths() const { return read_plugin_paths(*root_, path_); }

std::vector<Experiment> ExperimentFile::experiments(const ComponentLookup& lookup, MissingPaths missing) const {
  const std::vector<SweepAxis> axes = read_sweep(*root_);
  const std::vector<std::string> shorts = short_keys(axes);
  size_t points = 1;
  for (const SweepAxis& axis : axes) points *= axis.values.size();

  const SectionReader reader(lookup, fs::absolute(path_).lexically_normal(), path_.string(),
                             missing == MissingPaths::allow);
  std::vector<Experiment> experiments;
  for (size_t point = 0; point < points; ++point) {
    ConfigNode root = *root_;
    std::vector<std::pair<std::string, nlohmann::json>> coordinates(axes.size());
    std::string suffix;
    for (size_t i = axes.size(), rest = point; i-- > 0; rest /= axes[i].values.size()) {
      const ConfigNode& value = axes[i].values[rest % axes[i].values.size()];
      set_at(root, axes[i].path, value, value.where);
      coordinates[i] = {axes[i].key, to_json(value)};
    }
    for (size_t i = 0; i < axes.size(); ++i)
      suffix += fmt::format("{}{}={}", i == 0 ? "@" : ",", shorts[i], point_text(coordinates[i].second));
    Experiment experiment = read_experiment(root, reader);
    experiment.sweep_point = std::move(coordinates);
    experiment.run = file_name(experiment.name + suffix, experiments);
    experiments.push_back(std::move(experiment));
  }
  return experiments;
}

std::vector<OptionTable> experiment_options() {
  return {experiment_table(),        plugins_table(),        compute_table(),    interactions_table(),
          attributes_table(),        filter_table(),         split_table(),      backbone_table(),
          backbone_training_table(), activation_table(),     dictionary_table(), dictionary_training_table(),
          evaluation_table(),        interpretation_table(), steering_table(),   sweep_table()};
}

}  // namespace heddle
