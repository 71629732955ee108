#include "core/report/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

namespace heddle {

namespace {

const std::vector<std::string>& ranking_order() {
  static const std::vector<std::string> order = {"ndcg", "hit_rate", "coverage", "inter_list_diversity", "mrr"};
  return order;
}

// What a reconstruction is judged by, beside recommendation quality.
const std::vector<std::string>& fidelity_order() {
  static const std::vector<std::string> order = {"rmse_global", "ev_var", "l0", "dead_share"};
  return order;
}

int digits_of(const std::string& metric) {
  if (metric == "l0") return 1;
  return metric == "ndcg" || metric == "mrr" || metric == "hit_rate" || metric == "recall" || metric == "ev_var" ? 4
                                                                                                                 : 3;
}

// Ranking metrics of a run: the three of the paper where they are, else the first three.
std::vector<std::string> ranking_metrics_of(const StageResults& results) {
  std::vector<std::string> names;
  for (const ResultValue& value : results.values)
    if (is_ranking_value(value) && std::find(names.begin(), names.end(), value.metric) == names.end())
      names.push_back(value.metric);
  std::stable_sort(names.begin(), names.end(),
                   [](const auto& a, const auto& b) { return rank_of_metric(a) < rank_of_metric(b); });
  if (names.size() > 3) names.resize(3);
  return names;
}

FidelityRow row_of(const std::string& label, const std::vector<const StageResults*>& all,
                   const std::vector<std::string>& metrics) {
  FidelityRow row{label, {}, ""};
  for (const std::string& metric : metrics) {
    std::vector<double> values;
    for (const StageResults* results : all)
      if (results != nullptr)
        if (const auto value = find_value(*results, metric)) values.push_back(*value);
    if (const auto spread = spread_of(values)) row.metrics[metric] = *spread;
  }
  return row;
}

FidelityTable empty_table(const StageResults& untouched) {
  FidelityTable table;
  table.metrics = fidelity_order();
  for (std::string& name : ranking_metrics_of(untouched)) table.metrics.push_back(std::move(name));
  table.top = untouched.protocol.value("k", int64_t{10});
  table.users = untouched.protocol.value("users", int64_t{0});
  table.split = untouched.protocol.value("split", "");
  table.rows.push_back(row_of("untouched", {&untouched}, table.metrics));
  return table;
}

}  // namespace

bool is_ranking_value(const ResultValue& value) {
  return value.keys.contains("k") && !value.keys.contains("value") && !value.keys.contains("target") &&
         value.attribute.empty() && value.feature.empty();
}

size_t rank_of_metric(const std::string& metric) {
  const auto& order = ranking_order();
  return static_cast<size_t>(std::find(order.begin(), order.end(), metric) - order.begin());
}

std::string metric_title(const std::string& metric) {
  static const std::map<std::string, std::string> titles = {{"ndcg", "NDCG"},
                                                            {"hit_rate", "HitRate"},
                                                            {"mrr", "MRR"},
                                                            {"recall", "Recall"},
                                                            {"coverage", "Coverage"},
                                                            {"inter_list_diversity", "Inter-list diversity"},
                                                            {"rmse_global", "RMSE"},
                                                            {"ev_var", "Explained variance"},
                                                            {"l0", "L0 (active features per point)"},
                                                            {"dead_share", "Never active (share)"},
                                                            {"pearson", "Correlation"},
                                                            {"roc_auc", "ROC AUC"},
                                                            {"sensitivity", "Sensitivity"},
                                                            {"top_share", "p_top"}};
  const auto found = titles.find(metric);
  return found == titles.end() ? metric : found->second;
}

std::string metric_words(const std::string& metric) {
  std::string title = metric_title(metric);
  // Abbreviations keep their capitals.
  if (title.size() > 1 && std::islower(static_cast<unsigned char>(title[1])) != 0 && title != "HitRate")
    title[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(title[0])));
  return title;
}

std::vector<FidelityTable> fidelity_tables(const Focus& focus, const std::vector<DictionaryPoint>& points,
                                           const std::vector<Axis>& axes) {
  std::vector<FidelityTable> tables;
  for (const Axis& axis : axes) {
    const AxisSeries& series = axis.series.front();
    const StageResults* untouched = series.at.begin()->second.front()->run->results("evaluation");
    if (untouched == nullptr) continue;
    FidelityTable table = empty_table(*untouched);
    table.id = tables.empty() ? "table1" : "table1-" + axis.key;
    table.setting = setting_title(axis.key);
    for (const auto& [key, value] : series.others)
      table.fixed += (table.fixed.empty() ? "" : ", ") + setting_title(key) + " " + setting_text(value);
    for (const auto& [value, group] : series.at) {
      std::vector<const StageResults*> all;
      for (const DictionaryPoint* point : group) all.push_back(point->results("evaluation"));
      FidelityRow row = row_of(fmt::format("{:g}", value), all, table.metrics);
      if (!row.metrics.empty()) table.rows.push_back(std::move(row));
    }
    if (table.rows.size() > 1) tables.push_back(std::move(table));
  }
  if (!tables.empty()) return tables;
  // No sweep: the dictionaries of the focus.
  const StageResults* untouched = focus.run->results("evaluation");
  if (untouched == nullptr) return tables;
  FidelityTable table = empty_table(*untouched);
  table.id = "table1", table.setting = "site is";
  for (const std::string& name : focus.run->dictionaries()) {
    std::vector<const StageResults*> all;
    for (const DictionaryPoint& point : points)
      if (point.run == focus.run && point.dictionary == name) all.push_back(point.results("evaluation"));
    FidelityRow row = row_of(name, all, table.metrics);
    if (!row.metrics.empty()) table.rows.push_back(std::move(row));
  }
  tables.push_back(std::move(table));
  return tables;
}

Figure figure_of(const FidelityTable& table) {
  Figure figure;
  figure.id = table.id;
  const bool sweep = table.setting != "site is";
  size_t seeds = 1;
  for (const FidelityRow& row : table.rows)
    for (const auto& [metric, spread] : row.metrics) seeds = std::max(seeds, spread.count);
  figure.title = sweep ? fmt::format("Table 1. Reconstruction and recommendation against {}", table.setting)
                       : "Table 1. Reconstruction and recommendation";
  figure.caption = fmt::format(
      "The layer’s output is replaced by its reconstruction; the first row is the untouched model. RMSE and explained "
      "variance are on the normalised activations, L0 counts active features per data point. Ranking metrics at {} "
      "over {} "
      "users ({}).{}{}",
      table.top, table.users, table.split, table.fixed.empty() ? "" : fmt::format(" Here {}.", table.fixed),
      seeds > 1 ? fmt::format(" Means over up to {} seeds, ± one standard deviation.", seeds) : "");
  figure.columns.push_back({"setting", table.setting, -1, ""});
  for (const std::string& metric : table.metrics) {
    bool any = false;
    for (const FidelityRow& row : table.rows) any = any || row.metrics.count(metric) != 0;
    if (!any) continue;
    const std::string title =
        metric_title(metric) + (rank_of_metric(metric) < ranking_order().size() ? fmt::format("@{}", table.top) : "");
    figure.columns.push_back({metric, title, digits_of(metric), seeds > 1 ? metric + ".sd" : ""});
    if (seeds > 1) figure.columns.push_back({metric + ".sd", "", -1, ""});
  }
  for (const FidelityRow& row : table.rows) {
    Row cells = {row.label};
    for (size_t c = 1; c < figure.columns.size(); ++c) {
      const std::string& name = figure.columns[c].name;
      const bool deviation = name.ends_with(".sd");
      const auto found = row.metrics.find(deviation ? name.substr(0, name.size() - 3) : name);
      if (found == row.metrics.end()) cells.push_back(nullptr);
      else cells.push_back(cell(deviation ? found->second.deviation : std::optional<double>(found->second.mean)));
    }
    figure.rows.push_back(std::move(cells));
  }
  figure.params["emphasis"] = "first";
  return figure;
}

namespace {

// attribute -> value of `metric` where it is there.
std::map<std::string, double> by_attribute(const StageResults* results, const std::string& metric) {
  std::map<std::string, double> out;
  if (results != nullptr)
    for (const ResultValue& value : results->values)
      if (value.metric == metric && !value.attribute.empty() && value.value) out[value.attribute] = *value.value;
  return out;
}

}  // namespace

std::vector<AttributeTableOf> attribute_tables(const Focus& focus, const std::vector<DictionaryPoint>& points) {
  std::vector<AttributeTableOf> tables;
  const StageResults* results = focus.run->results("interpretation", focus.dictionary);
  if (results == nullptr) return tables;
  std::map<std::string, size_t> place;
  auto table_of = [&](const std::string& prefix) -> AttributeTableOf& {
    const auto [found, fresh] = place.try_emplace(prefix, tables.size());
    if (fresh) {
      tables.push_back({prefix,
                        focus.best_by,
                        {},
                        {},
                        results->protocol.value("points", int64_t{0}),
                        1,
                        results->protocol.value("users", "")});
    }
    return tables[found->second];
  };
  if (!focus.prefix.empty()) table_of(focus.prefix);
  // Families with binary attributes; a number has no AUC to set beside, the browser shows it.
  std::set<std::string> families;
  for (const ResultValue& value : results->values)
    if (value.metric.starts_with("mean_best.")) families.insert(value.metric.substr(10, value.metric.rfind('.') - 10));
  std::map<std::string, AttributeRow> rows;
  std::vector<std::string> order;
  for (const ResultValue& value : results->values) {
    if (value.attribute.empty() || families.count(prefix_of(value.attribute)) == 0) continue;
    if (rows.count(value.attribute) == 0)
      order.push_back(value.attribute), rows[value.attribute].attribute = value.attribute;
    AttributeRow& row = rows[value.attribute];
    if (value.metric == "point_share") {
      row.popularity = value.value;
      continue;
    }
    AttributeTableOf& table = table_of(prefix_of(value.attribute));
    if (std::find(table.metrics.begin(), table.metrics.end(), value.metric) == table.metrics.end())
      table.metrics.push_back(value.metric);
    if (!value.feature.empty()) row.feature = std::stoll(value.feature);
    if (value.value) row.metrics[value.metric] = *value.value;
    else if (value.metric == focus.best_by) row.reason = value.reason;
  }
  const auto neurons = by_attribute(focus.run->results("neurons", focus.site), focus.best_by);
  std::map<std::string, double> probes;
  for (const auto& part : {focus.site})
    for (const auto& [name, value] : by_attribute(focus.run->results("probe", part), focus.best_by))
      probes[name] = value;
  const auto repetitions = repetitions_of(focus, points);
  std::map<std::string, std::vector<double>> seeds;
  for (const DictionaryPoint* point : repetitions)
    for (const auto& [name, value] : by_attribute(point->results("interpretation"), focus.best_by))
      seeds[name].push_back(value);
  for (const std::string& name : order) {
    AttributeRow& row = rows[name];
    AttributeTableOf& table = table_of(prefix_of(name));
    if (const auto found = neurons.find(name); found != neurons.end()) row.neuron = std::abs(found->second);
    if (const auto found = probes.find(name); found != probes.end()) row.probe = found->second;
    if (const auto found = seeds.find(name); found != seeds.end()) {
      row.over_seeds = spread_of(found->second);
      table.seeds = std::max(table.seeds, found->second.size());
    }
    table.rows.push_back(std::move(row));
  }
  for (AttributeTableOf& table : tables)
    std::stable_sort(table.rows.begin(), table.rows.end(), [&](const AttributeRow& a, const AttributeRow& b) {
      auto score = [&](const AttributeRow& row) {
        const auto found = row.metrics.find(focus.best_by);
        return found == row.metrics.end() ? -1e9 : found->second;
      };
      return score(a) > score(b);
    });
  return tables;
}

Figure figure_of(const AttributeTableOf& table, bool first) {
  Figure figure;
  figure.id = first ? "table2" : "table2-" + table.prefix;
  figure.title = fmt::format("Table 2. The best feature of each {}", table.prefix.empty() ? "attribute" : table.prefix);
  const bool seeds = table.seeds > 1;
  auto any = [&](auto&& has) { return std::any_of(table.rows.begin(), table.rows.end(), has); };
  const bool neurons = any([](const AttributeRow& row) { return row.neuron.has_value(); });
  const bool probes = any([](const AttributeRow& row) { return row.probe.has_value(); });
  const std::string by = metric_words(table.best_by);
  figure.caption = fmt::format(
      "For each {} the feature of largest {} on {} data points ({}), with its other metrics. Popularity is the share "
      "of data points "
      "that have it.{}{}{} The last row is the mean.",
      table.prefix.empty() ? "attribute" : table.prefix, by, thousands(table.points),
      table.users == "test_users" ? "test users" : "dictionary users",
      seeds ? fmt::format(
                  " ‘Over seeds’: mean ± one standard deviation of {} dictionaries that differ in their seed only.",
                  table.seeds)
            : "",
      neurons ? " Best neuron: the largest absolute value over the layer's own dimensions." : "",
      probes ? " Probe: logistic regression on the same activations, with the labels." : "");
  figure.columns = {{"attribute", table.prefix.empty() ? "Attribute" : table.prefix, -1, ""},
                    {"feature", "Feature", 0, ""}};
  for (const std::string& metric : table.metrics) figure.columns.push_back({metric, metric_title(metric), 3, ""});
  if (seeds) {
    figure.columns.push_back({"over_seeds", metric_title(table.best_by) + " over seeds", 3, "over_seeds.sd"});
    figure.columns.push_back({"over_seeds.sd", "", -1, ""});
  }
  if (neurons) figure.columns.push_back({"neuron", "Best neuron", 3, ""});
  if (probes) figure.columns.push_back({"probe", "Probe", 3, ""});
  figure.columns.push_back({"popularity", "Popularity", 3, ""});
  std::map<std::string, std::pair<double, int>> sums;
  nlohmann::ordered_json reasons = nlohmann::ordered_json::object();
  for (const AttributeRow& row : table.rows) {
    Row cells;
    for (const Column& column : figure.columns) {
      std::optional<double> value;
      if (column.name == "attribute") {
        cells.push_back(short_name(row.attribute));
        continue;
      }
      if (column.name == "feature") {
        cells.push_back(row.feature < 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(row.feature));
        continue;
      }
      if (column.name == "over_seeds")
        value = row.over_seeds ? std::optional<double>(row.over_seeds->mean) : std::nullopt;
      else if (column.name == "over_seeds.sd") value = row.over_seeds ? row.over_seeds->deviation : std::nullopt;
      else if (column.name == "neuron") value = row.neuron;
      else if (column.name == "probe") value = row.probe;
      else if (column.name == "popularity") value = row.popularity;
      else if (const auto found = row.metrics.find(column.name); found != row.metrics.end()) value = found->second;
      if (value) sums[column.name].first += *value, ++sums[column.name].second;
      cells.push_back(cell(value));
    }
    if (!row.reason.empty()) reasons[short_name(row.attribute)] = row.reason;
    figure.rows.push_back(std::move(cells));
  }
  Row mean;
  for (const Column& column : figure.columns) {
    const auto found = sums.find(column.name);
    if (column.name == "attribute") mean.push_back("Mean");
    else if (found == sums.end() || column.name.ends_with(".sd")) mean.push_back(nullptr);
    else mean.push_back(cell(found->second.first / found->second.second));
  }
  if (table.rows.size() > 1) {
    figure.rows.push_back(std::move(mean));
    figure.params["emphasis"] = "last";
  }
  figure.params["links"] = "feature";
  if (!reasons.empty()) {
    figure.caption +=
        fmt::format(" {} without a feature ({}): –.", reasons.size(), reasons.begin()->get<std::string>());
    figure.params["reasons"] = std::move(reasons);
  }
  return figure;
}

}  // namespace heddle
