// heddle features RUN: what the features of a dictionary stand for.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/cli/command.h"
#include "core/cli/values.h"
#include "core/pipeline/run_view.h"
#include "core/plugin/registry.h"
#include "core/store/results_print.h"

namespace heddle::cli {
namespace {

namespace po = boost::program_options;

// One feature in full: attributes with every metric, items, data points.
std::string page_of(RunView& run, const FeatureFile& file, int64_t feature, int64_t top) {
  const FeatureSummary& summary = file.features[static_cast<size_t>(feature)];
  std::string out = fmt::format("feature {}   active on {:.2f} % of {} data points, mean {:.3f}, largest {:.3f}\n",
                                feature, summary.rate * 100, file.points, summary.mean, summary.maximum);
  if (summary.rate == 0) return out + "never active, so nothing is known of it\n";
  std::vector<std::string> header = {"attribute"};
  for (const std::string& metric : file.metrics) header.push_back(metric);
  Table attributes(header, {false, true, true, true, true, true, true});
  for (const auto& [attribute, score] : file.best_attributes(run.record().best_by, feature, top)) {
    std::vector<std::string> row = {file.attributes[static_cast<size_t>(attribute)]};
    for (const std::string& metric : file.metrics) {
      const double value = file.score(metric, feature, attribute);
      row.push_back(value != value ? "–" : fmt::format("{:.3f}", value));
    }
    attributes.add(std::move(row));
  }
  out += "\n" + attributes.text(80) + "\n";
  const Catalogue& catalogue = run.items().catalogue;
  Table items({"top item", "id", "mean activation", "points"}, {false, false, true, true});
  for (size_t i = 0; i < summary.items.size() && i < static_cast<size_t>(top); ++i) {
    const TopItem& item = summary.items[i];
    items.add({catalogue.title(item.item), catalogue.raw_ids[static_cast<size_t>(item.item)],
               fmt::format("{:.3f}", item.activation), fmt::format("{}", item.points)});
  }
  return out + items.text(80);
}

nlohmann::ordered_json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

// Rows of (attribute, feature) as JSON; feature -1: the attribute has none.
nlohmann::ordered_json row_json(const FeatureFile& file, const Catalogue& catalogue, const std::string& attribute,
                                int64_t feature, const std::string& by, double score) {
  nlohmann::ordered_json row = {{"attribute", attribute},
                                {"feature", nullptr},
                                {"metric", by},
                                {"score", nullptr},
                                {"rate", nullptr},
                                {"maximum", nullptr},
                                {"top_items", nlohmann::ordered_json::array()}};
  if (feature < 0) return row;
  const FeatureSummary& summary = file.features[static_cast<size_t>(feature)];
  row["feature"] = feature, row["score"] = number_or_null(score), row["rate"] = summary.rate,
  row["maximum"] = summary.maximum;
  for (const TopItem& item : summary.items)
    row["top_items"].push_back(catalogue.raw_ids[static_cast<size_t>(item.item)]);
  return row;
}

// One row per attribute of a feature and metric.
nlohmann::ordered_json page_json(const FeatureFile& file, const Catalogue& catalogue, int64_t feature,
                                 const std::string& by, int64_t top) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const auto& [attribute, best] : file.best_attributes(by, feature, top))
    for (const std::string& metric : file.metrics)
      rows.push_back(row_json(file, catalogue, file.attributes[static_cast<size_t>(attribute)], feature, metric,
                              file.score(metric, feature, attribute)));
  return rows;
}

void print_rows(const nlohmann::ordered_json& rows, const std::string& format) {
  if (format == "json") {
    fmt::print("{}\n", rows.dump(2));
    return;
  }
  fmt::print("attribute,feature,metric,score,rate,maximum,top_items\r\n");
  auto text = [](const nlohmann::ordered_json& cell) -> std::string { return cell.is_null() ? "" : cell.dump(); };
  for (const auto& row : rows) {
    std::string items;
    for (const std::string item : row["top_items"]) items += (items.empty() ? "" : " ") + item;
    fmt::print("{},{},{},{},{},{},{}\r\n", csv_field(row["attribute"].get<std::string>()), text(row["feature"]),
               csv_field(row["metric"].get<std::string>()), text(row["score"]), text(row["rate"]), text(row["maximum"]),
               csv_field(items));
  }
}

}  // namespace

int features(const Arguments& arguments) {
  po::options_description options;
  options.add_options()("dictionary,d", po::value<std::string>()->default_value(""),
                        "which dictionary, when there are several")("attribute,a", po::value<std::string>(),
                                                                    "the best features of this attribute")(
      "feature,f", po::value<std::string>(), "all about one feature: its number, or an attribute for its best feature")(
      "by", po::value<std::string>()->default_value(""),
      "metric that decides what is best; default: best_by of the experiment")(
      "top,n", po::value<int64_t>()->default_value(10), "rows to show")(
      "format", po::value<std::string>()->default_value("table"), "table, csv or json");
  const auto values = parse(find_command("features"), arguments, options, {"RUN"}, 1);
  const int64_t top = values["top"].as<int64_t>();
  if (top < 1) wrong_use("--top {}: accepted: at least 1", top);
  const std::string format = values["format"].as<std::string>();
  if (format != "table" && format != "csv" && format != "json")
    wrong_use("--format {}: accepted: table, csv, json", format);
  const Registry registry;
  RunView run(values["RUN"].as<std::string>(), registry);
  const std::string name = run.dictionary_name(values["dictionary"].as<std::string>());
  const FeatureFile& file = run.features(name);
  std::string by = values["by"].as<std::string>();
  if (by.empty()) by = run.record().best_by;
  file.matrix(by);
  if (values.count("feature") != 0) {
    if (format != "table") {
      print_rows(
          page_json(file, run.items().catalogue, run.find_feature(name, values["feature"].as<std::string>()), by, top),
          format);
      return 0;
    }
    fmt::print("{}", page_of(run, file, run.find_feature(name, values["feature"].as<std::string>()), top));
    return 0;
  }
  const Catalogue& catalogue = run.items().catalogue;
  if (format != "table") {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    const bool one = values.count("attribute") != 0;
    const int64_t first = one ? file.attribute(values["attribute"].as<std::string>()) : 0;
    const int64_t last = one ? first + 1 : static_cast<int64_t>(file.attributes.size());
    for (int64_t a = first; a < last; ++a) {
      const std::string& attribute = file.attributes[static_cast<size_t>(a)];
      const auto best = file.best_features(by, a, one ? top : 1);
      for (const FeatureScore& entry : best)
        rows.push_back(row_json(file, catalogue, attribute, entry.feature, by, entry.score));
      if (best.empty()) rows.push_back(row_json(file, catalogue, attribute, -1, by, 0));
    }
    print_rows(rows, format);
    return 0;
  }
  auto top_titles = [&](int64_t feature) {
    std::string titles;
    const auto& items = file.features[static_cast<size_t>(feature)].items;
    for (size_t i = 0; i < items.size() && i < 2; ++i) titles += (i > 0 ? ", " : "") + catalogue.title(items[i].item);
    return titles;
  };
  auto row = [&](Table& table, const std::string& attribute, int64_t feature, double score) {
    const FeatureSummary& summary = file.features[static_cast<size_t>(feature)];
    table.add({attribute, fmt::format("{}", feature), fmt::format("{:.3f}", score),
               fmt::format("{:.2f}", summary.rate * 100), fmt::format("{:.2f}", summary.maximum), top_titles(feature)});
  };
  const std::vector<bool> right = {false, true, true, true, true, false};
  if (values.count("attribute") != 0) {
    const std::string attribute = values["attribute"].as<std::string>();
    Table table({"attribute", "feature", by, "rate %", "max", "top items"}, right);
    for (const FeatureScore& best : file.best_features(by, file.attribute(attribute), top))
      row(table, attribute, best.feature, best.score);
    fmt::print("{}", table.text(80));
    return 0;
  }
  Table table({"attribute", "feature", by, "rate %", "max", "top items"}, right);
  for (int64_t a = 0; a < static_cast<int64_t>(file.attributes.size()); ++a) {
    const auto best = file.best_features(by, a, 1);
    if (best.empty())
      table.add(
          {file.attributes[static_cast<size_t>(a)], "–", "–", "", "", "no feature: the attribute is in no data point"});
    else row(table, file.attributes[static_cast<size_t>(a)], best[0].feature, best[0].score);
  }
  const int64_t silent = std::count_if(file.features.begin(), file.features.end(),
                                       [](const FeatureSummary& feature) { return feature.rate == 0; });
  fmt::print("{}{} features, {} of them never active on {} data points\n", table.text(80), file.feature_count(), silent,
             file.points);
  return 0;
}

}  // namespace heddle::cli
