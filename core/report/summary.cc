#include "core/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "core/base/text.h"
#include "core/pipeline/run_record.h"
#include "core/pipeline/stages.h"

namespace heddle {
namespace {

constexpr size_t width = 80;

// The results of one run, by stage and part.
class RunResults {
 public:
  RunResults(const std::filesystem::path& output, const std::string& run) : store_(output) {
    record_ = load_run_record(run_record_file(output, run));
  }
  const RunRecord& record() const { return record_; }
  std::vector<std::string> parts(const std::string& stage) const {
    std::vector<std::string> out;
    for (const auto& [name, key] : record_.stages)
      if (name.first == stage) out.push_back(name.second);
    return out;
  }
  std::optional<StageResults> of(const std::string& stage, const std::string& part) const {
    const auto key = record_.stages.find({stage, part});
    if (key == record_.stages.end()) return std::nullopt;
    const auto artefact = store_.open(stage, key->second, ArtefactStore::Verify::sizes);
    if (!artefact || !artefact->contains("results.json")) return std::nullopt;
    return load_results(*artefact);
  }

 private:
  ArtefactStore store_;
  RunRecord record_;
};

std::string number(std::optional<double> value, int digits) {
  return value && std::isfinite(*value) ? fmt::format("{:.{}f}", *value, digits) : "–";
}

std::optional<double> find(const StageResults& results, const std::string& metric) {
  for (const ResultValue& value : results.values)
    if (value.metric == metric && value.feature.empty() && value.attribute.empty()) return value.value;
  return std::nullopt;
}

// Metrics in the order in which the field prints them; any others follow.
const std::vector<std::string>& metric_order() {
  static const std::vector<std::string> order = {"ndcg", "hit_rate", "coverage", "inter_list_diversity", "mrr"};
  return order;
}

size_t rank_of(const std::string& metric) {
  const auto& order = metric_order();
  return static_cast<size_t>(std::find(order.begin(), order.end(), metric) - order.begin());
}

// Metrics that were given per k: those of the ranking. The terminal has room for five; `heddle results` prints all.
std::vector<const ResultValue*> ranking_values(const StageResults& results) {
  std::vector<const ResultValue*> out;
  for (const ResultValue& value : results.values)
    if (value.keys.contains("k") && !value.keys.contains("value") && value.attribute.empty() && value.feature.empty())
      out.push_back(&value);
  std::stable_sort(out.begin(), out.end(),
                   [](const ResultValue* a, const ResultValue* b) { return rank_of(a->metric) < rank_of(b->metric); });
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
  static const std::map<std::string, std::string> titles = {{"ndcg", "NDCG"},         {"hit_rate", "HitRate"},
                                                            {"mrr", "MRR"},           {"recall", "Recall"},
                                                            {"coverage", "Coverage"}, {"inter_list_diversity", "ILD"}};
  const auto found = titles.find(metric);
  return found == titles.end() ? metric : found->second;
}

std::string recommendation_table(const std::vector<RunResults>& runs) {
  const auto first = runs.front().of("evaluation", "");
  if (!first) return "";
  const auto columns = ranking_values(*first);
  bool dictionaries = false;
  for (const RunResults& run : runs) dictionaries = dictionaries || !run.record().sites.empty();
  std::vector<std::string> header = {"site is"};
  if (dictionaries)
    for (const Named& entry : quality) header.emplace_back(entry.title);
  for (const ResultValue* value : columns) header.push_back(short_title(value->metric));
  Table table(header, [&] {
    std::vector<bool> right(header.size(), true);
    right[0] = false;
    return right;
  }());
  auto add = [&](const std::string& label, const StageResults& results) {
    std::vector<std::string> row = {label};
    if (dictionaries)
      for (const Named& entry : quality) row.push_back(number(find(results, entry.metric), entry.digits));
    for (const ResultValue* column : columns) row.push_back(number(find(results, column->metric), 4));
    table.add(std::move(row));
  };
  std::string seen;
  for (const RunResults& run : runs) {
    const std::string point = runs.size() > 1 ? run.record().run.substr(run.record().run.find('@') + 1) + " " : "";
    // Points of a sweep often share the backbone; its row comes once.
    const std::string key = run.record().stages.at({"evaluation", ""});
    if (key != seen)
      add(runs.size() > 1 && !seen.empty() ? point + "untouched" : "untouched", *run.of("evaluation", ""));
    seen = key;
    for (const auto& [name, site] : run.record().sites)
      if (const auto results = run.of("evaluation", name)) add(point + name, *results);
  }
  const nlohmann::json& protocol = first->protocol;
  return fmt::format("Recommendation at {}: {}, {} users, seen items {}\n\n{}",
                     protocol.value("k", runs.front().record().top), protocol.value("split", ""),
                     protocol.value("users", 0), protocol.value("filter_seen", true) ? "left out" : "kept",
                     table.text(width));
}

std::string feature_table(const RunResults& run, const std::string& dictionary) {
  const auto results = run.of("interpretation", dictionary);
  if (!results) return "";
  const auto neurons = run.of("neurons", run.record().sites.at(dictionary));
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
  if (neurons)
    for (const ResultValue& value : neurons->values)
      if (value.metric == by && value.value && !value.attribute.empty()) neuron[value.attribute] = *value.value;
  std::vector<std::string> header = {"attribute", "feature"};
  header.insert(header.end(), metrics.begin(), metrics.end());
  header.insert(header.end(), {"best neuron", "share"});
  Table table(header, [&] {
    std::vector<bool> right(header.size(), true);
    right[0] = false;
    return right;
  }());
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
    const auto baseline = neurons ? find(*neurons, value.metric) : std::nullopt;
    means += fmt::format("mean {} over {} {} attributes: best feature {:.3f}", by, value.keys.value("attributes", 0),
                         prefix, *value.value);
    means += baseline ? fmt::format(", best neuron {:.3f} (absolute)\n", *baseline) : "\n";
  }
  return fmt::format("\nFeatures of {} that stand for attributes, on {} data points of {}\n\n{}{}", dictionary,
                     results->protocol.value("points", 0), results->protocol.value("users", ""), table.text(width),
                     means);
}

std::string steering_table(const RunResults& run, const std::string& index) {
  const auto results = run.of("steering", index);
  if (!results) return "";
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
      else if (metric.empty() || rank_of(value.metric) < rank_of(metric))
        metric = value.metric, untouched_metric = *value.value;
      continue;
    }
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
  Table table(header, [&] {
    std::vector<bool> right(header.size(), true);
    right[0] = false;
    return right;
  }());
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
  return fmt::format("\nSteering {}: share of the attribute in the top {} of {} users when its feature is set\n\n{}",
                     results->protocol.value("dictionary", ""), results->protocol.value("k", 0),
                     results->protocol.value("users", 0), table.text(width));
}

}  // namespace

std::string run_summaries(const std::filesystem::path& output, const std::vector<std::string>& names) {
  std::vector<RunResults> runs;
  for (const std::string& name : names) runs.emplace_back(output, name);
  std::string out = recommendation_table(runs);
  if (runs.size() == 1) {
    for (const auto& [dictionary, site] : runs.front().record().sites) out += feature_table(runs.front(), dictionary);
    for (const std::string& index : runs.front().parts("steering")) out += steering_table(runs.front(), index);
    return out;
  }
  // A sweep: one row of means per run and dictionary.
  Table table({"run", "dictionary", "metric", "mean of best", "best neuron"}, {false, false, false, true, true});
  bool any = false;
  for (const RunResults& run : runs)
    for (const auto& [dictionary, site] : run.record().sites) {
      const auto results = run.of("interpretation", dictionary);
      const auto neurons = run.of("neurons", site);
      if (!results) continue;
      for (const ResultValue& value : results->values) {
        if (!value.metric.starts_with("mean_best.") || !value.metric.ends_with("." + run.record().best_by)) continue;
        any = true;
        table.add({run.record().run.substr(run.record().run.find('@') + 1), dictionary, value.metric.substr(10),
                   number(value.value, 3), number(neurons ? find(*neurons, value.metric) : std::nullopt, 3)});
      }
    }
  return any ? out + "\nFeatures that stand for attributes\n\n" + table.text(width) : out;
}

}  // namespace heddle
