// The comparison of runs: what they differ in, and what came of it.
#include <fmt/format.h>

#include <map>
#include <set>

#include "core/report/tables.h"

namespace heddle {
namespace {

// Keys of runs that differ, without those that every run has alike. Lists (values of a sweep, …) are too long for a table.
std::vector<std::string> differing_settings(const RunSet& set) {
  std::map<std::string, std::set<std::string>> values;
  for (const auto& run : set.runs())
    for (const auto& [key, value] : run->settings()) values[key];
  for (const auto& run : set.runs())
    for (auto& [key, seen] : values) {
      const auto found = run->settings().find(key);
      seen.insert(found == run->settings().end() ? "" : found->second.dump());
    }
  std::vector<std::string> keys;
  for (const auto& [key, seen] : values) {
    if (seen.size() < 2 || key.starts_with("steer") || key.starts_with("example") || key.starts_with("interpret."))
      continue;
    bool plain = true;
    for (const std::string& text : seen) plain = plain && (text.empty() || (text[0] != '[' && text[0] != '{'));
    if (plain) keys.push_back(key);
  }
  return keys;
}

}  // namespace

Figure comparison_of(const RunSet& set, const Focus& focus) {
  Figure figure;
  figure.id = "runs", figure.title = "Runs";
  const auto settings = differing_settings(set);
  std::vector<std::string> ranking;
  bool dictionaries = false;
  for (const auto& run : set.runs()) {
    dictionaries = dictionaries || !run->dictionaries().empty();
    if (const StageResults* untouched = run->results("evaluation"); untouched != nullptr && ranking.empty())
      for (const ResultValue& value : untouched->values)
        if (is_ranking_value(value) && rank_of_metric(value.metric) < 3) ranking.push_back(value.metric);
  }
  figure.columns = {{"run", "Run", -1, ""}};
  for (const std::string& key : settings) {
    // "dictionary.l1.training.seed" is long for a column: the last words say it.
    std::string title = key.starts_with("dictionary.")
                            ? key.substr(key.find('.', 11) == std::string::npos ? 11 : key.find('.', 11) + 1)
                            : key;
    figure.columns.push_back({key, title == "l1" ? "λ (l1)" : title, -1, ""});
  }
  if (dictionaries) figure.columns.push_back({"dictionary", "Dictionary", -1, ""});
  for (const std::string& metric : ranking)
    figure.columns.push_back({metric, metric_title(metric) + " untouched", 4, ""});
  if (dictionaries) {
    for (const std::string& metric : ranking)
      figure.columns.push_back({metric + ".reconstructed", metric_title(metric) + " reconstructed", 4, ""});
    figure.columns.push_back({"ev_var", "Explained variance", 3, ""});
    figure.columns.push_back({"l0", "L0", 1, ""});
    figure.columns.push_back({"mean_best", "Mean " + metric_title(focus.best_by) + ", features", 3, ""});
    figure.columns.push_back({"mean_best.neurons", "… neurons", 3, ""});
  }
  for (const auto& run : set.runs()) {
    auto names = run->dictionaries();
    if (names.empty()) names = {""};
    for (const std::string& name : names) {
      const StageResults *untouched = run->results("evaluation"),
                         *evaluation = name.empty() ? nullptr : run->results("evaluation", name),
                         *found = name.empty() ? nullptr : run->results("interpretation", name),
                         *neurons = name.empty() ? nullptr : run->results("neurons", run->record().sites.at(name));
      auto value = [](const StageResults* results, const std::string& metric) {
        return cell(results == nullptr ? std::nullopt : find_value(*results, metric));
      };
      Row row;
      for (const Column& column : figure.columns) {
        const auto setting = run->settings().find(column.name);
        if (column.name == "run") row.push_back(run->name());
        else if (column.name == "dictionary") row.push_back(name);
        else if (std::find(settings.begin(), settings.end(), column.name) != settings.end())
          row.push_back(setting == run->settings().end() ? nlohmann::ordered_json(nullptr)
                                                         : nlohmann::ordered_json(setting_text(setting->second)));
        else if (column.name.ends_with(".reconstructed"))
          row.push_back(value(evaluation, column.name.substr(0, column.name.size() - 14)));
        else if (column.name == "ev_var" || column.name == "l0") row.push_back(value(evaluation, column.name));
        else if (column.name == "mean_best") row.push_back(value(found, focus.mean_metric()));
        else if (column.name == "mean_best.neurons") row.push_back(value(neurons, focus.mean_metric()));
        else row.push_back(value(untouched, column.name));
      }
      figure.rows.push_back(std::move(row));
    }
  }
  figure.caption = fmt::format("{} run{}. Settings that differ stand first; click a heading to sort.",
                               set.runs().size(), set.runs().size() == 1 ? "" : "s");
  figure.params["sortable"] = true;
  return figure;
}

}  // namespace heddle
