#include "core/config/experiment.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <set>

#include "core/base/error.h"
#include "core/config/component_tables.h"
#include "core/config/config_node.h"
#include "core/config/data_sections.h"
#include "core/config/extends.h"
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

// The value of a dotted key in a resolved experiment, where parameters of components stand under "params"; null when
// there is none.
nlohmann::json resolved_value(const nlohmann::ordered_json& resolved, const std::vector<std::string>& path) {
  const nlohmann::ordered_json* node = &resolved;
  for (const std::string& part : path) {
    const auto index = [&] { return static_cast<size_t>(std::strtoull(part.c_str(), nullptr, 10)); };
    if (node->is_object() && node->contains(part)) node = &node->at(part);
    else if (node->is_object() && node->contains("params") && node->at("params").contains(part))
      node = &node->at("params").at(part);
    else if (node->is_array() && part.find_first_not_of("0123456789") == std::string::npos && index() < node->size())
      node = &node->at(index());
    else return nullptr;
  }
  // 64.0 of a number option is written 64, as a person would.
  if (node->is_number_float())
    if (const double value = *node; value == std::floor(value) && std::abs(value) < 1e15)
      return static_cast<int64_t>(value);
  return *node;
}

// All keys of all grids, each once, in the order in which they come.
std::vector<SweepAxis> swept_keys(const std::vector<SweepGrid>& grids) {
  std::vector<SweepAxis> keys;
  for (const SweepGrid& grid : grids)
    for (const SweepAxis& axis : grid)
      if (std::none_of(keys.begin(), keys.end(), [&](const SweepAxis& key) { return key.path == axis.path; }))
        keys.push_back({axis.key, axis.path, {}});
  return keys;
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
  ExperimentFile file;
  file.path_ = path;
  file.root_ = std::make_shared<const ConfigNode>(load_tree(text, path, overrides));
  return file;
}

std::vector<fs::path> ExperimentFile::plugin_paths() const { return read_plugin_paths(*root_, path_); }

std::vector<Experiment> ExperimentFile::experiments(const ComponentLookup& lookup, MissingPaths missing) const {
  const std::vector<SweepGrid> grids = read_sweep(*root_);
  const std::vector<SweepAxis> keys = swept_keys(grids);
  const std::vector<std::string> shorts = short_keys(keys);
  const SectionReader reader(lookup, fs::absolute(path_).lexically_normal(), path_.string(),
                             missing == MissingPaths::allow);
  std::vector<Experiment> experiments;
  std::set<std::string> seen;  // several grids may meet in a point
  for (const SweepGrid& axes : grids) {
    size_t points = 1;
    for (const SweepAxis& axis : axes) points *= axis.values.size();
    for (size_t point = 0; point < points; ++point) {
      ConfigNode root = *root_;
      std::map<std::vector<std::string>, nlohmann::json> set;
      for (size_t i = axes.size(), rest = point; i-- > 0; rest /= axes[i].values.size()) {
        const ConfigNode& value = axes[i].values[rest % axes[i].values.size()];
        set_at(root, axes[i].path, value, value.where);
        set[axes[i].path] = to_json(value);
      }
      Experiment experiment = read_experiment(root, reader);
      if (grids.size() > 1 && !seen.insert(experiment.resolved.dump()).second) continue;
      std::string suffix;
      for (size_t i = 0; i < keys.size(); ++i) {
        const auto given = set.find(keys[i].path);
        nlohmann::json value = given != set.end() ? given->second : resolved_value(experiment.resolved, keys[i].path);
        suffix += fmt::format("{}{}={}", i == 0 ? "@" : ",", shorts[i], point_text(value));
        experiment.sweep_point.emplace_back(keys[i].key, std::move(value));
      }
      experiment.run = file_name(experiment.name + suffix, experiments);
      experiments.push_back(std::move(experiment));
    }
  }
  return experiments;
}

std::vector<std::string> Experiment::activation_sites() const {
  std::vector<std::string> sites;
  const auto add = [&](const std::string& site) {
    if (std::find(sites.begin(), sites.end(), site) == sites.end()) sites.push_back(site);
  };
  for (const auto& entry : dictionaries) add(entry.second.site);
  if (probe)
    for (const std::string& site : probe->sites) add(site);
  return sites;
}

std::vector<OptionTable> experiment_options() {
  return {experiment_table(),        plugins_table(),        compute_table(),    interactions_table(),
          attributes_table(),        filter_table(),         split_table(),      backbone_table(),
          backbone_training_table(), activation_table(),     dictionary_table(), dictionary_training_table(),
          evaluation_table(),        interpretation_table(), probe_table(),      steering_table(),
          example_table(),           report_table(),         sweep_table()};
}

}  // namespace heddle
