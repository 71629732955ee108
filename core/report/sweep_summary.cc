// What a terminal says of a sweep.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/text.h"
#include "core/report/figure.h"
#include "core/report/points.h"
#include "core/report/summary.h"
#include "core/report/tables.h"

namespace heddle {
namespace {

constexpr size_t width = 80, most_rows = 20;

struct Column {
  std::string title;
  int digits;
  // The number of a point, if it has one.
  std::optional<double> (*read)(const DictionaryPoint& point, const std::string& metric);
  std::string metric;
};

std::optional<double> of_evaluation(const DictionaryPoint& point, const std::string& metric) {
  const StageResults* results = point.results("evaluation");
  return results == nullptr ? std::nullopt : find_value(*results, metric);
}
std::optional<double> of_interpretation(const DictionaryPoint& point, const std::string& metric) {
  const StageResults* results = point.results("interpretation");
  return results == nullptr ? std::nullopt : find_value(*results, metric);
}

// Those columns that any point has a number for.
std::vector<Column> columns_of(const Focus& focus, const std::vector<DictionaryPoint>& points) {
  std::vector<Column> all = {{"RMSE", 3, of_evaluation, "rmse_global"},
                             {"EV", 3, of_evaluation, "ev_var"},
                             {"L0", 1, of_evaluation, "l0"},
                             {"NDCG", 4, of_evaluation, "ndcg"},
                             {"HitRate", 4, of_evaluation, "hit_rate"},
                             {"Coverage", 3, of_evaluation, "coverage"},
                             {"mean best", 3, of_interpretation, focus.mean_metric()}};
  std::erase_if(all, [&](const Column& column) {
    return std::none_of(points.begin(), points.end(),
                        [&](const DictionaryPoint& point) { return column.read(point, column.metric).has_value(); });
  });
  return all;
}

std::vector<std::string> row_of(const std::string& label, const std::vector<const DictionaryPoint*>& points,
                                const std::vector<Column>& columns, bool seeds) {
  std::vector<std::string> row = {label};
  if (seeds) row.push_back(std::to_string(points.size()));
  for (const Column& column : columns) {
    std::vector<double> values;
    for (const DictionaryPoint* point : points)
      if (const auto value = column.read(*point, column.metric)) values.push_back(*value);
    const auto spread = spread_of(values);
    row.push_back(spread ? fmt::format("{:.{}f}", spread->mean, column.digits) : "–");
  }
  return row;
}

std::string table_of(const std::string& first, const std::vector<std::vector<std::string>>& rows,
                     const std::vector<Column>& columns, bool seeds) {
  std::vector<std::string> header = {first};
  if (seeds) header.emplace_back("seeds");
  for (const Column& column : columns) header.push_back(column.title);
  std::vector<bool> right(header.size(), true);
  right[0] = false;
  Table table(header, right);
  for (const auto& row : rows) table.add(row);
  return table.text(width);
}

// Runs without dictionaries: their ranking metrics.
std::string untouched_table(const RunSet& set) {
  std::vector<std::string> metrics;
  for (const auto& run : set.runs())
    if (const StageResults* results = run->results("evaluation"))
      for (const ResultValue& value : results->values)
        if (is_ranking_value(value) && std::find(metrics.begin(), metrics.end(), value.metric) == metrics.end())
          metrics.push_back(value.metric);
  std::stable_sort(metrics.begin(), metrics.end(),
                   [](const auto& a, const auto& b) { return rank_of_metric(a) < rank_of_metric(b); });
  if (metrics.empty()) return "";
  if (metrics.size() > 5) metrics.resize(5);
  std::vector<std::string> header = {"run"};
  for (const std::string& metric : metrics)
    header.push_back(metric == "inter_list_diversity" ? "ILD" : metric_title(metric));
  std::vector<bool> right(header.size(), true);
  right[0] = false;
  Table table(header, right);
  for (size_t i = 0; i < set.runs().size() && i < most_rows; ++i) {
    const StageResults* results = set.runs()[i]->results("evaluation");
    std::vector<std::string> row = {set.runs()[i]->name().substr(set.runs()[i]->name().find('@') + 1)};
    for (const std::string& metric : metrics) {
      const auto value = results == nullptr ? std::nullopt : find_value(*results, metric);
      row.push_back(value ? fmt::format("{:.4f}", *value) : "–");
    }
    table.add(std::move(row));
  }
  return table.text(width);
}

std::string left_out(size_t count) {
  return count > most_rows
             ? fmt::format("and {} more: `heddle results` and `heddle report` have all\n", count - most_rows)
             : "";
}

}  // namespace

std::string sweep_summary(const RunSet& set) {
  const Focus focus = focus_of(set);
  const auto points = dictionary_points(set);
  if (points.empty())
    return fmt::format("{} runs\n\n{}{}", set.runs().size(), untouched_table(set), left_out(set.runs().size()));
  const auto axes = axes_of(points);
  const auto columns = columns_of(focus, points);
  std::string out;
  if (const StageResults* untouched = focus.run->results("evaluation")) {
    std::string numbers;
    for (const char* metric : {"ndcg", "hit_rate", "coverage"})
      if (const auto value = find_value(*untouched, metric))
        numbers += fmt::format("{}{} {:.4f}", numbers.empty() ? "" : ", ", metric_title(metric), *value);
    out += fmt::format("{} runs; recommendation at {} over {} users\nuntouched: {}\n", set.runs().size(),
                       untouched->protocol.value("k", focus.run->record().top), untouched->protocol.value("users", 0),
                       numbers);
  }
  if (const StageResults* neurons = focus.run->results("neurons", focus.site))
    if (const auto baseline = find_value(*neurons, focus.mean_metric()))
      out += fmt::format("mean best: mean {} of the best features, {}; best neurons {:.3f}\n", focus.best_by,
                         focus.prefix, *baseline);
  if (axes.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (size_t i = 0; i < points.size() && i < most_rows; ++i) {
      const std::string& run = points[i].run->name();
      rows.push_back(row_of(run.substr(run.find('@') + 1) + " " + points[i].dictionary, {&points[i]}, columns, false));
    }
    return out + "\n" + table_of("run", rows, columns, false) + left_out(points.size());
  }
  for (const Axis& axis : axes) {
    const AxisSeries& series = axis.series.front();
    bool seeds = false;
    for (const auto& [value, group] : series.at) seeds = seeds || group.size() > 1;
    std::vector<std::vector<std::string>> rows;
    // Evenly spaced values when there are too many.
    const size_t count = series.at.size(), shown = std::min(count, most_rows);
    std::vector<double> values;
    for (const auto& [value, group] : series.at) values.push_back(value);
    for (size_t i = 0; i < shown; ++i) {
      const double value = shown > 1 ? values[i * (count - 1) / (shown - 1)] : values[0];
      rows.push_back(row_of(fmt::format("{:g}", value), series.at.at(value), columns, seeds));
    }
    out += "\n" + table_of(axis.key, rows, columns, seeds);
    if (count > shown) out += fmt::format("{} of {} values\n", shown, count);
    if (axis.series.size() > 1) {
      std::string others;
      for (const auto& [key, value] : series.others)
        others += (others.empty() ? "" : ", ") + key + " " + setting_text(value);
      out += fmt::format("for {}; {} more series in `heddle report`\n", others, axis.series.size() - 1);
    }
  }
  return out;
}

}  // namespace heddle
