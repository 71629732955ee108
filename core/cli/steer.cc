// heddle steer RUN: a feature swept over values on the test users, without writing an experiment for it.
#include <fmt/format.h>

#include <cmath>

#include "core/base/console.h"
#include "core/base/error.h"
#include "core/base/text.h"
#include "core/cli/command.h"
#include "core/cli/values.h"
#include "core/pipeline/run_view.h"
#include "core/pipeline/stages.h"
#include "core/plugin/registry.h"
#include "core/store/results_print.h"

namespace heddle::cli {

namespace po = boost::program_options;

int steer(const Arguments& arguments) {
  po::options_description options;
  options.add_options()("feature,f", po::value<std::string>(),
                        "number, or an attribute for its best feature, e.g. genre:Horror")(
      "values", po::value<std::string>()->default_value("-10:10:5"), "FROM:TO[:STEP] or A,B,C")(
      "dictionary,d", po::value<std::string>()->default_value(""), "which dictionary, when there are several")(
      "attribute,a", po::value<std::vector<std::string>>()->composing(),
      "show the share of this attribute (may repeat); default: that of --feature")(
      "users", po::value<int64_t>(), "at most this many test users, 0 = all; default: users of [evaluate]")(
      "positions", po::value<std::string>()->default_value("last"), "last or all: where the feature is set")(
      "keep-error", "add the reconstruction error back")("format", po::value<std::string>()->default_value("table"),
                                                         "table, csv or json");
  const auto values = parse(find_command("steer"), arguments, options, {"RUN"}, 1);
  if (values.count("feature") == 0)
    wrong_use("--feature is missing; usage: heddle steer {}", find_command("steer").usage);
  const std::string text = values["feature"].as<std::string>(), positions = values["positions"].as<std::string>();
  if (positions != "last" && positions != "all") wrong_use("--positions {}: accepted: last, all", positions);
  const std::string format = values["format"].as<std::string>();
  if (format != "table" && format != "csv" && format != "json")
    wrong_use("--format {}: accepted: table, csv, json", format);
  const auto points = parse_values(values["values"].as<std::string>(), "--values");
  for (double point : points) fit_float(point, "--values");
  if (values.count("users") != 0 && values["users"].as<int64_t>() < 0)
    wrong_use("--users {}: accepted: 0 or more", values["users"].as<int64_t>());

  const Registry registry;
  RunView run(values["RUN"].as<std::string>(), registry);
  const std::string name = run.dictionary_name(values["dictionary"].as<std::string>());
  const int64_t feature = run.find_feature(name, text);
  const AttributeTable& attributes = run.items().attributes;
  std::vector<int32_t> shown;
  if (values.count("attribute") != 0)
    for (const std::string& attribute : values["attribute"].as<std::vector<std::string>>())
      shown.push_back(attributes.require(attribute));
  else if (attributes.find(text) >= 0) shown.push_back(attributes.find(text));
  for (int32_t attribute : shown)
    if (attributes.attributes[static_cast<size_t>(attribute)].type != HEDDLE_ATTRIBUTE_BINARY)
      wrong_use("{} is numeric: it has no share of a list", attributes.attributes[static_cast<size_t>(attribute)].name);

  const LogData& data = run.log();
  const Part part =
      first_users(data.split.test, values.count("users") != 0 ? values["users"].as<int64_t>() : run.record().users);
  const RankingMetrics metrics = run.ranking_metrics();
  const RankingProtocol protocol = run.ranking_protocol();
  const SweepSetting setting{run.backbone(), run.context(), data.log, part, attributes, metrics, protocol};
  Progress progress("steering", points.size(), "values");
  auto at = [&](double value) {
    Intervention intervention;
    intervention.features.push_back({feature, static_cast<float>(value)});
    intervention.edit = positions == "all" ? Positions::all : Positions::last;
    intervention.keep_error = values.count("keep-error") != 0;
    return intervention;
  };
  const SweepPoint untouched = untouched_point(setting);
  const auto swept = sweep(setting, run.backbone().site(run.record().sites.at(name)), &run.dictionary(name),
                           run.normalizer(name), points, at, [&](size_t done) { progress.update(done); });

  std::vector<std::string> header = {"value"};
  for (int32_t attribute : shown) header.push_back(attributes.attributes[static_cast<size_t>(attribute)].name);
  for (const MetricValue& metric : untouched.metrics) header.push_back(fmt::format("{}@{}", metric.name, protocol.k));
  auto cells = [&](const SweepPoint& point, const std::string& label) {
    std::vector<std::string> row = {label};
    for (int32_t attribute : shown) row.push_back(fmt::format("{:.4f}", point.shares[static_cast<size_t>(attribute)]));
    for (const MetricValue& metric : point.metrics) row.push_back(fmt::format("{:.4f}", metric.value));
    return row;
  };
  std::vector<std::vector<std::string>> rows = {cells(untouched, "untouched")};
  for (const SweepPoint& point : swept) rows.push_back(cells(point, fmt::format("{:g}", point.value)));
  if (format == "table") {
    fmt::print("feature {} of {} set at {} position{}, {} test users, seen items {}\n\n", feature, name,
               positions == "all" ? "all" : "the last", positions == "all" ? "s" : "", part.user_count(),
               protocol.filter_seen ? "left out" : "kept");
    Table table(header, std::vector<bool>(header.size(), true));
    for (auto& row : rows) table.add(std::move(row));
    fmt::print("{}", table.text(100));
  } else if (format == "csv") {
    auto line = [](const std::vector<std::string>& row) {
      for (size_t i = 0; i < row.size(); ++i) fmt::print("{}{}", i > 0 ? "," : "", csv_field(row[i]));
      fmt::print("\r\n");
    };
    line(header);
    for (const auto& row : rows) line(row);
  } else {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const auto& row : rows) {
      nlohmann::ordered_json entry;
      entry["value"] =
          row[0] == "untouched" ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(std::stod(row[0]));
      for (size_t i = 1; i < row.size(); ++i) entry[header[i]] = std::stod(row[i]);
      json.push_back(std::move(entry));
    }
    fmt::print("{}\n", json.dump(2));
  }
  return 0;
}

}  // namespace heddle::cli
