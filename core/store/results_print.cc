#include "core/store/results_print.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"

namespace heddle {
namespace {

struct Column {
  std::string name;
  std::vector<std::string> cells;
};

std::string key_text(const nlohmann::json& value) {
  return value.is_string()         ? value.get<std::string>()
         : value.is_number_float() ? fmt::format("{}", value.get<double>())
                                   : value.dump();
}

// The names of `keys` over all records, sorted: each is a column of its own.
std::set<std::string> key_names(const std::vector<ResultRecord>& records) {
  std::set<std::string> names;
  for (const ResultRecord& record : records)
    for (const auto& [name, value] : record.value.keys.items()) names.insert(name);
  return names;
}

template <class F>
Column column(std::string name, const std::vector<ResultRecord>& records, F&& cell) {
  Column result{std::move(name), {}};
  result.cells.reserve(records.size());
  for (const ResultRecord& record : records) result.cells.push_back(cell(record));
  return result;
}

// Columns that every result has, in the order of the CSV.
constexpr const char* fixed_columns[] = {"experiment", "run",  "stage", "part",   "metric",   "feature",
                                         "attribute",  "seed", "value", "reason", "protocol", "key"};

// Names of the further coordinates as they are printed: those that are also a fixed column get a prefix, so that each
// name means one thing. The value that a feature is set to is `steer_value`.
std::map<std::string, std::string> printed_names(const std::vector<ResultRecord>& records) {
  const std::set<std::string> names = key_names(records);
  std::set<std::string> taken(std::begin(fixed_columns), std::end(fixed_columns));
  taken.insert("keys");
  std::map<std::string, std::string> printed;
  for (const std::string& name : names)
    if (taken.count(name) == 0) printed[name] = name;
  taken.insert(names.begin(), names.end());
  for (const std::string& name : names) {
    if (printed.count(name) != 0) continue;
    std::string other = name == "value" ? "steer_value" : "key_" + name;
    while (!taken.insert(other).second) other = "key_" + other;
    printed[name] = other;
  }
  return printed;
}

// Coordinates of a number that every result has.
std::vector<Column> coordinates(const std::vector<ResultRecord>& records) {
  std::vector<Column> columns;
  columns.push_back(column("experiment", records, [](const ResultRecord& r) { return r.stage.experiment; }));
  columns.push_back(column("run", records, [](const ResultRecord& r) { return r.stage.run; }));
  columns.push_back(column("stage", records, [](const ResultRecord& r) { return r.stage.stage; }));
  columns.push_back(column("part", records, [](const ResultRecord& r) { return r.stage.part; }));
  columns.push_back(column("metric", records, [](const ResultRecord& r) { return r.value.metric; }));
  columns.push_back(column("feature", records, [](const ResultRecord& r) { return r.value.feature; }));
  columns.push_back(column("attribute", records, [](const ResultRecord& r) { return r.value.attribute; }));
  columns.push_back(column("seed", records, [](const ResultRecord& r) { return std::to_string(r.stage.seed); }));
  return columns;
}

// Those that only some have.
std::vector<Column> further_coordinates(const std::vector<ResultRecord>& records) {
  std::vector<Column> columns;
  for (const auto& [name, printed] : printed_names(records))
    columns.push_back(column(printed, records, [&](const ResultRecord& r) {
      return r.value.keys.contains(name) ? key_text(r.value.keys[name]) : "";
    }));
  return columns;
}

bool all_equal(const Column& c) {
  return std::adjacent_find(c.cells.begin(), c.cells.end(), std::not_equal_to<>()) == c.cells.end();
}

bool numeric(const Column& c) {
  return std::all_of(c.cells.begin(), c.cells.end(), [](const std::string& cell) {
    char* end = nullptr;
    return cell.empty() || (std::strtod(cell.c_str(), &end), end == cell.c_str() + cell.size());
  });
}

std::string print_table(const std::vector<ResultRecord>& records, size_t width) {
  if (records.empty()) return "no results\n";
  std::string above;
  std::vector<Column> columns;
  std::vector<Column> all = coordinates(records);
  for (Column& c : further_coordinates(records)) all.push_back(std::move(c));
  for (Column& c : all) {
    if (!all_equal(c)) {
      columns.push_back(std::move(c));
    } else if (!c.cells[0].empty() && c.name != "metric") {
      // A run without a sweep has its experiment's name; saying it twice helps nobody.
      if (c.name == "run" && c.cells[0] == records[0].stage.experiment) continue;
      above += fmt::format("{}{}: {}", above.empty() ? "" : "   ", c.name, c.cells[0]);
    } else if (c.name == "metric") {
      columns.push_back(std::move(c));
    }
  }
  columns.push_back(column("value", records, [](const ResultRecord& r) {
    return r.value.value ? fmt::format("{:.6g}", *r.value.value) : fmt::format("({})", r.value.reason);
  }));
  std::vector<std::string> header;
  std::vector<bool> right;
  for (const Column& c : columns) header.push_back(c.name), right.push_back(c.name == "value" || numeric(c));
  Table table(header, right);
  for (size_t i = 0; i < records.size(); ++i) {
    std::vector<std::string> row;
    for (const Column& c : columns) row.push_back(c.cells[i]);
    table.add(std::move(row));
  }
  if (above.empty()) return table.text(width);
  return fmt::format("{}\n{}", fit(above, width == 0 ? above.size() : width), table.text(width));
}

std::string print_csv(const std::vector<ResultRecord>& records) {
  std::vector<Column> columns = coordinates(records);
  columns.push_back(column(
      "value", records, [](const ResultRecord& r) { return r.value.value ? fmt::format("{}", *r.value.value) : ""; }));
  columns.push_back(column("reason", records, [](const ResultRecord& r) { return r.value.reason; }));
  columns.push_back(column("protocol", records, [](const ResultRecord& r) { return r.stage.protocol.dump(); }));
  columns.push_back(column("key", records, [](const ResultRecord& r) { return r.stage.key; }));
  for (Column& c : further_coordinates(records)) columns.push_back(std::move(c));
  std::string text;
  const auto line = [&](auto&& cell) {
    for (size_t c = 0; c < columns.size(); ++c) {
      if (c > 0) text += ',';
      text += csv_field(cell(columns[c]));
    }
    text += "\r\n";
  };
  line([](const Column& c) { return c.name; });
  for (size_t i = 0; i < records.size(); ++i) line([i](const Column& c) { return c.cells[i]; });
  return text;
}

std::string print_json(const std::vector<ResultRecord>& records) {
  const auto printed = printed_names(records);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ResultRecord& r : records) {
    nlohmann::ordered_json entry;
    entry["experiment"] = r.stage.experiment;
    entry["run"] = r.stage.run;
    entry["stage"] = r.stage.stage;
    entry["part"] = r.stage.part;
    entry["metric"] = r.value.metric;
    entry["feature"] = r.value.feature;
    entry["attribute"] = r.value.attribute;
    entry["keys"] = nlohmann::ordered_json::object();
    for (const auto& [name, value] : r.value.keys.items()) entry["keys"][printed.at(name)] = value;
    entry["value"] = r.value.value ? nlohmann::ordered_json(*r.value.value) : nlohmann::ordered_json(nullptr);
    entry["reason"] = r.value.reason;
    entry["seed"] = r.stage.seed;
    entry["protocol"] = r.stage.protocol;
    entry["key"] = r.stage.key;
    list.push_back(std::move(entry));
  }
  return list.dump(2) + "\n";
}

}  // namespace

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) quoted.append(c == '"' ? 2 : 1, c);
  quoted += '"';
  return quoted;
}

ResultFormat parse_result_format(std::string_view name) {
  if (name == "table") return ResultFormat::table;
  if (name == "csv") return ResultFormat::csv;
  if (name == "json") return ResultFormat::json;
  wrong_use("--format '{}'{}; accepted: table, csv, json", name, did_you_mean(name, {"table", "csv", "json"}));
}

std::string print_results(const std::vector<ResultRecord>& records, ResultFormat format, size_t width) {
  switch (format) {
    case ResultFormat::table: return print_table(records, width);
    case ResultFormat::csv: return print_csv(records);
    case ResultFormat::json: return print_json(records);
  }
  return {};
}

}  // namespace heddle
