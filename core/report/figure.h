// One table or figure of the report: rows of plain values with named columns, which are drawn, shown and offered as CSV alike.
// Pure data and functions. [any thread]
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace heddle {

struct Column {
  std::string name;    // in rows and CSV: [a-z0-9_.]+
  std::string title;   // on the page, with its unit; "": only in the data
  int digits = -1;     // after the point; -1: text or as it is
  std::string spread;  // name of the column that holds the standard deviation of this one
};

using Row = std::vector<nlohmann::ordered_json>;  // one value per column, null: absent

struct Figure {
  std::string id;       // "table1", "fig3"
  std::string title;    // "Table 1. Reconstruction …"
  std::string caption;  // what is seen and on what; plain text
  std::string spec;     // assets/specs/SPEC.json; "": a table
  std::vector<Column> columns;
  std::vector<Row> rows;
  nlohmann::ordered_json params =
      nlohmann::ordered_json::object();  // signals of the specification, options of the table
  std::string absent;                    // why there is nothing to draw; then the rest is empty

  static Figure missing(std::string id, std::string title, std::string why);
};

// Number or null; infinities and NaN are null.
nlohmann::ordered_json cell(std::optional<double> value);

// Rounded to `digits` significant digits: what a page needs of a number.
double rounded(double value, int digits);

// 12345 -> "12,345"
std::string thousands(int64_t value);

// {"id", "title", "caption", "spec", "columns", "rows", "params"}
nlohmann::ordered_json figure_json(const Figure& figure);
// Header and rows by RFC 4180.
std::string figure_csv(const Figure& figure);

// Mean and sample standard deviation (nullopt below two values).
struct Spread {
  double mean = 0;
  std::optional<double> deviation;
  size_t count = 0;
};
std::optional<Spread> spread_of(const std::vector<double>& values);

// Spearman's rank correlation with mean ranks for ties; nullopt below two points or without variation.
std::optional<double> spearman(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace heddle
