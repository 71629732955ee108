#include "core/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "core/base/text.h"
#include "core/report/run_set.h"
#include "core/report/tables.h"

namespace heddle {
namespace {

constexpr size_t width = 80;

std::vector<bool> right_but_first(size_t columns) {
  std::vector<bool> right(columns, true);
  right[0] = false;
  return right;
}

std::string number(std::optional<double> value, int digits) {
  return value && std::isfinite(*value) ? fmt::format("{:.{}f}", *value, digits) : "–";
}

// Metrics that were given per k: those of the ranking. The terminal has room for five; `heddle results` prints all.
std::vector<const ResultValue*> ranking_values(const StageResults& results) {
  std::vector<const ResultValue*> out;
  for (const ResultValue& value : results.values)
    if (is_ranking_value(value)) out.push_back(&value);
  std::stable_sort(out.begin(), out.end(), [](const ResultValue* a, const ResultValue* b) {
    return rank_of_metric(a->metric) < rank_of_metric(b->metric);
  });
  if (out.size() > 5) out.resize(5);
  return out;
}

struct Named {
  const char* metric;
  const char* title;
  int digits;
};
constexpr Named quality[] = {{"rmse_global", "RMSE", 3}, {"ev_var", "EV", 4}, {"l0", "L0", 1}};

// Short names: the long ones stand in `heddle results`.
std::string short_title(const std::string& metric) {
  return metric == "inter_list_diversity" ? "ILD" : metric_title(metric);
}

std::string protocol_line(const StageResults& untouched, int64_t top) {
  const nlohmann::json& protocol = untouched.protocol;
  return fmt::format("Recommendation at {}: {}, {} users, seen items {}", protocol.value("k", top),
                     protocol.value("split", ""), protocol.value("users", 0),
                     protocol.value("filter_seen", true) ? "left out" : "kept");
}

// "untouched" and the dictionaries of one run.
std::string recommendation_table(const ReportRun& run) {
  const StageResults* untouched = run.results("evaluation");
  if (untouched == nullptr) return "";
  const auto columns = ranking_values(*untouched);
  const bool dictionaries = !run.record().sites.empty();
  std::vector<std::string> header = {"site is"};
  if (dictionaries)
    for (const Named& entry : quality) header.emplace_back(entry.title);
  for (const ResultValue* value : columns) header.push_back(short_title(value->metric));
  Table table(header, right_but_first(header.size()));
  auto add = [&](const std::string& label, const StageResults& results) {
    std::vector<std::string> row = {label};
    if (dictionaries)
      for (const Named& entry : quality) row.push_back(number(find_value(results, entry.metric), entry.digits));
    for (const ResultValue* column : columns) row.push_back(number(find_value(results, column->metric), 4));
    table.add(std::move(row));
  };
  add("untouched", *untouched);
  for (const std::string& name : run.dictionaries())
    if (const StageResults* results = run.results("evaluation", name)) add(name, *results);
  return fmt::format("{}\n\n{}", protocol_line(*untouched, run.record().top), table.text(width));
}

std::string feature_table(const ReportRun& run, const std::string& dictionary) {
  const StageResults* results = run.results("interpretation", dictionary);
  if (results == nullptr) return "";
  const StageResults* neurons = run.results("neurons", run.record().sites.at(dictionary));
  const std::string by = run.record().best_by;
  std::vector<std::string> attributes, metrics;
  std::map<std::pair<std::string, std::string>, const ResultValue*> cells;
  for (const ResultValue& value : results->values) {
    if (value.attribute.empty()) continue;
    if (value.metric == "point_share") attributes.push_back(value.attribute);
    else if (std::find(metrics.begin(), metrics.end(), value.metric) == metrics.end()) metrics.push_back(value.metric);
    cells[{value.attribute, value.metric}] = &value;
  }
  if (attributes.empty() || metrics.empty()) return "";
  std::map<std::string, double> neuron;
  if (neurons != nullptr)
    for (const ResultValue& value : neurons->values)
      if (value.metric == by && value.value && !value.attribute.empty()) neuron[value.attribute] = *value.value;
  std::vector<std::string> header = {"attribute", "feature"};
  header.insert(header.end(), metrics.begin(), metrics.end());
  header.insert(header.end(), {"best neuron", "share"});
  Table table(header, right_but_first(header.size()));
  std::stable_sort(attributes.begin(), attributes.end(), [&](const std::string& a, const std::string& b) {
    return cells[{a, by}]->value.value_or(-1e9) > cells[{b, by}]->value.value_or(-1e9);
  });
  for (const std::string& attribute : attributes) {
    const ResultValue* best = cells[{attribute, metrics.front()}];
    std::vector<std::string> row = {attribute, best->feature.empty() ? "–" : best->feature};
    for (const std::string& metric : metrics) row.push_back(number(cells[{attribute, metric}]->value, 3));
    row.push_back(neuron.count(attribute) != 0 ? fmt::format("{:.3f}", neuron[attribute]) : "–");
    row.push_back(number(cells[{attribute, "point_share"}]->value, 3));
    table.add(std::move(row));
  }
  std::string means;
  for (const ResultValue& value : results->values) {
    if (!value.metric.starts_with("mean_best.") || !value.metric.ends_with("." + by) || !value.value) continue;
    const std::string prefix = value.metric.substr(10, value.metric.size() - 10 - by.size() - 1);
    const auto baseline = neurons != nullptr ? find_value(*neurons, value.metric) : std::nullopt;
    means += fmt::format("mean {} of {} {} attributes: feature {:.3f}", by, value.keys.value("attributes", 0), prefix,
                         *value.value);
    means += baseline ? fmt::format(", |neuron| {:.3f}\n", *baseline) : "\n";
  }
  return fmt::format("\nFeatures of {} that stand for attributes, on {} data points of {}\n\n{}{}", dictionary,
                     results->protocol.value("points", 0), results->protocol.value("users", ""), table.text(width),
                     means);
}

std::string steering_table(const ReportRun& run, const std::string& index) {
  const StageResults* results = run.results("steering", index);
  if (results == nullptr) return "";
  std::vector<double> values;
  std::vector<std::string> targets;
  std::map<std::pair<std::string, double>, double> shares, ndcg;
  std::map<std::string, double> before;
  std::map<std::string, std::string> feature;
  std::string metric;
  double untouched_metric = 0;
  for (const ResultValue& value : results->values) {
    if (!value.value) continue;
    const std::string target = value.keys.value("target", "");
    if (target.empty()) {
      if (value.metric == "share") before[value.attribute] = *value.value;
      else if (metric.empty() || rank_of_metric(value.metric) < rank_of_metric(metric))
        metric = value.metric, untouched_metric = *value.value;
      continue;
    }
    if (!value.keys.contains("value")) continue;  // said of the whole curve
    const double at = value.keys.at("value");
    if (std::find(values.begin(), values.end(), at) == values.end()) values.push_back(at);
    if (std::find(targets.begin(), targets.end(), target) == targets.end()) targets.push_back(target);
    feature[target] = value.feature;
    if (value.metric == "share" && value.attribute == target) shares[{target, at}] = *value.value;
    if (value.metric == metric) ndcg[{target, at}] = *value.value;
  }
  if (targets.empty()) return "";
  // A terminal holds about seven values; the others are in the results.
  std::vector<double> shown = values;
  if (shown.size() > 7) {
    shown.clear();
    for (size_t i = 0; i < 7; ++i) shown.push_back(values[i * (values.size() - 1) / 6]);
  }
  std::vector<std::string> header = {"feature set to", "of", "untouched"};
  for (double value : shown) header.push_back(fmt::format("{:g}", value));
  Table table(header, right_but_first(header.size()));
  for (const std::string& target : targets) {
    std::vector<std::string> row = {target, feature[target]};
    row.push_back(before.count(target) != 0 ? fmt::format("{:.3f}", before[target]) : "–");
    for (double value : shown) {
      const auto found = shares.find({target, value});
      row.push_back(found == shares.end() ? "–" : fmt::format("{:.3f}", found->second));
    }
    table.add(std::move(row));
  }
  table.add_rule();
  std::vector<std::string> row = {"mean " + short_title(metric), "", fmt::format("{:.3f}", untouched_metric)};
  for (double value : shown) {
    double sum = 0;
    for (const std::string& target : targets) sum += ndcg[{target, value}];
    row.push_back(fmt::format("{:.3f}", sum / static_cast<double>(targets.size())));
  }
  table.add(std::move(row));
  return fmt::format("\nSteering {}: share of the attribute in the top {} of {} users\n\n{}",
                     results->protocol.value("dictionary", ""), results->protocol.value("k", 0),
                     results->protocol.value("users", 0), table.text(width));
}

}  // namespace

std::string run_summaries(const std::filesystem::path& output, const std::vector<std::string>& names) {
  std::vector<std::string> files;
  for (const std::string& name : names) files.push_back(run_record_file(output, name).string());
  const RunSet set(files);
  if (set.runs().size() > 1) return sweep_summary(set);
  const ReportRun& run = set.main();
  std::string out = recommendation_table(run);
  for (const std::string& dictionary : run.dictionaries()) out += feature_table(run, dictionary);
  for (const std::string& index : run.parts("steering")) out += steering_table(run, index);
  return out;
}

}  // namespace heddle
