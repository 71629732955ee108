#include "core/report/points.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace heddle {

using nlohmann::json;

namespace {

constexpr size_t most_series = 5, fewest_values = 3;

// Settings of stages that come after the dictionary, and seeds.
bool outside_dictionary(const std::string& key) {
  for (const char* start : {"evaluate.", "interpret.", "steer", "probe.", "example"})
    if (key.starts_with(start) && key != "experiment.seed") return true;
  return key == "experiment.seed" || key.ends_with(".training.seed");
}

std::string family_of(const ReportRun& run, const std::string& dictionary) {
  const StageResults* results = run.results("interpretation", dictionary);
  if (results == nullptr) return "";
  // As many attributes as a figure can show; a catalogue's own word for genres wins.
  std::string best;
  size_t best_count = 0;
  std::map<std::string, size_t> counts;
  for (const ResultValue& value : results->values)
    if (value.metric.starts_with("mean_best.") && value.value) {
      const std::string rest = value.metric.substr(10);
      counts[rest.substr(0, rest.rfind('.'))] = value.keys.value("attributes", size_t{0});
    }
  for (const auto& [prefix, count] : counts) {
    if (prefix.starts_with("genre")) return prefix;
    if (count > best_count && (count <= 60 || best.empty())) best = prefix, best_count = count;
  }
  return best;
}

}  // namespace

Focus focus_of(const RunSet& set) {
  Focus focus;
  focus.run = &set.main();
  focus.best_by = focus.run->record().best_by;
  for (const std::string& name : focus.run->dictionaries())
    if (focus.dictionary.empty() || (focus.prefix.empty() && focus.run->results("interpretation", name) != nullptr))
      focus.dictionary = name, focus.prefix = family_of(*focus.run, name);
  if (!focus.dictionary.empty()) focus.site = focus.run->record().sites.at(focus.dictionary);
  return focus;
}

namespace {

DictionaryPoint point_of(const ReportRun& run, const std::string& name) {
  DictionaryPoint point;
  point.run = &run, point.dictionary = name, point.site = run.record().sites.at(name);
  const std::string own = "dictionary." + name;
  for (const auto& [key, value] : run.settings()) {
    if (outside_dictionary(key)) continue;
    if (key == own) point.settings["plugin"] = value;
    else if (key.starts_with(own + ".")) point.settings[key.substr(own.size() + 1)] = value;
    else if (!key.starts_with("dictionary.")) point.settings[key] = value;
  }
  point.identity = json(point.settings).dump();
  // A dictionary without a seed of its own trains with the experiment's: asking for that seed by name is no repetition.
  const auto seed_of = [&](const std::string& key, const json& otherwise) {
    const auto found = run.settings().find(key);
    return found == run.settings().end() || found->second == 0 ? otherwise : found->second;
  };
  const json experiment = seed_of("experiment.seed", 0), training = seed_of(own + ".training.seed", experiment);
  point.seeds = experiment.dump() + "/" + training.dump();
  return point;
}

}  // namespace

const StageResults* DictionaryPoint::results(const std::string& stage) const {
  if (const StageResults* own = run->results(stage, dictionary)) return own;
  for (const auto& [other, name] : elsewhere)
    if (const StageResults* found = other->results(stage, name)) return found;
  return nullptr;
}

std::vector<DictionaryPoint> dictionary_points(const RunSet& set) {
  std::vector<DictionaryPoint> points;
  std::map<std::string, size_t> place;
  for (const auto& run : set.runs())
    for (const std::string& name : run->dictionaries()) {
      DictionaryPoint point = point_of(*run, name);
      const auto [found, fresh] = place.try_emplace(point.identity + point.seeds, points.size());
      if (fresh) points.push_back(std::move(point));
      else points[found->second].elsewhere.emplace_back(run.get(), name);
    }
  return points;
}

std::vector<Axis> axes_of(const std::vector<DictionaryPoint>& points) {
  std::map<std::string, std::set<double>> values;
  for (const DictionaryPoint& point : points)
    for (const auto& [key, value] : point.settings)
      if (value.is_number()) values[key].insert(value.get<double>());
  std::vector<Axis> axes;
  for (const auto& [key, distinct] : values) {
    if (distinct.size() < fewest_values) continue;
    std::map<std::string, AxisSeries> groups;
    for (const DictionaryPoint& point : points) {
      const auto here = point.settings.find(key);
      if (here == point.settings.end() || !here->second.is_number()) continue;
      auto others = point.settings;
      others.erase(key);
      AxisSeries& group = groups[json(others).dump()];
      group.at[here->second.get<double>()].push_back(&point);
      group.others = std::move(others);
    }
    Axis axis{key, {}};
    for (auto& [text, group] : groups)
      if (group.at.size() >= fewest_values) axis.series.push_back(std::move(group));
    if (axis.series.empty()) continue;
    std::stable_sort(axis.series.begin(), axis.series.end(),
                     [](const AxisSeries& a, const AxisSeries& b) { return a.at.size() > b.at.size(); });
    if (axis.series.size() > most_series) axis.series.resize(most_series);
    // Only what tells series apart is worth saying.
    const auto all = axis.series;
    for (AxisSeries& series : axis.series)
      std::erase_if(series.others, [&](const auto& setting) {
        return std::all_of(all.begin(), all.end(), [&](const AxisSeries& other) {
          const auto found = other.others.find(setting.first);
          return found != other.others.end() && found->second == setting.second;
        });
      });
    axes.push_back(std::move(axis));
  }
  std::stable_sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) {
    // The weight of the penalty comes first, as in the paper; then the longest.
    if ((a.key == "l1") != (b.key == "l1")) return a.key == "l1";
    return a.series.front().at.size() > b.series.front().at.size();
  });
  return axes;
}

std::vector<const DictionaryPoint*> repetitions_of(const Focus& focus, const std::vector<DictionaryPoint>& points) {
  std::vector<const DictionaryPoint*> out;
  if (focus.dictionary.empty()) return out;
  const std::string identity = point_of(*focus.run, focus.dictionary).identity;
  for (const DictionaryPoint& point : points)
    if (point.identity == identity) out.push_back(&point);
  return out;
}

std::string setting_title(const std::string& key) {
  static const std::map<std::string, std::string> titles = {
      {"l1", "L1 weight λ"},      {"width", "dictionary width (features)"},
      {"k", "active features k"}, {"training.steps", "training steps"},
      {"site", "site"},           {"plugin", "plugin"}};
  const auto found = titles.find(key);
  return found == titles.end() ? key : found->second;
}

std::string setting_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:g}", value.get<double>());
  return value.dump();
}

}  // namespace heddle
