#include "core/report/figure.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/store/results_print.h"

namespace heddle {

using nlohmann::ordered_json;

Figure Figure::missing(std::string id, std::string title, std::string why) {
  Figure figure;
  figure.id = std::move(id), figure.title = std::move(title), figure.absent = std::move(why);
  return figure;
}

ordered_json cell(std::optional<double> value) {
  return value && std::isfinite(*value) ? ordered_json(rounded(*value, 6)) : ordered_json(nullptr);
}

double rounded(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = digits - 1 - static_cast<int>(std::floor(std::log10(std::abs(value))));
  // Dividing by a power of ten keeps 0.1 a short text.
  const double scale = std::pow(10.0, std::abs(exponent));
  return exponent >= 0 ? std::round(value * scale) / scale : std::round(value / scale) * scale;
}

std::string thousands(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

ordered_json figure_json(const Figure& figure) {
  ordered_json columns = ordered_json::array();
  for (const Column& column : figure.columns) {
    ordered_json entry = {{"name", column.name}, {"title", column.title}};
    if (column.digits >= 0) entry["digits"] = column.digits;
    if (!column.spread.empty()) entry["spread"] = column.spread;
    columns.push_back(std::move(entry));
  }
  return {{"id", figure.id},    {"title", figure.title}, {"caption", figure.caption}, {"spec", figure.spec},
          {"columns", columns}, {"rows", figure.rows},   {"params", figure.params}};
}

std::string figure_csv(const Figure& figure) {
  std::string out;
  for (size_t c = 0; c < figure.columns.size(); ++c) out += (c > 0 ? "," : "") + csv_field(figure.columns[c].name);
  out += "\r\n";
  for (const Row& row : figure.rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      if (c > 0) out += ",";
      if (row[c].is_string()) out += csv_field(row[c].get<std::string>());
      else if (!row[c].is_null()) out += row[c].dump();
    }
    out += "\r\n";
  }
  return out;
}

std::optional<Spread> spread_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  Spread spread;
  spread.count = values.size();
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  if (values.size() > 1) {
    double squares = 0;
    for (double value : values) squares += (value - spread.mean) * (value - spread.mean);
    spread.deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
  }
  return spread;
}

namespace {

std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = static_cast<double>(begin + end - 1) / 2;
    begin = end;
  }
  return ranks;
}

}  // namespace

std::optional<double> spearman(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.size() != y.size() || x.size() < 2) return std::nullopt;
  const auto a = ranks_of(x), b = ranks_of(y);
  const double mean = static_cast<double>(x.size() - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i)
    xy += (a[i] - mean) * (b[i] - mean), xx += (a[i] - mean) * (a[i] - mean), yy += (b[i] - mean) * (b[i] - mean);
  if (xx == 0 || yy == 0) return std::nullopt;
  return xy / std::sqrt(xx * yy);
}

}  // namespace heddle
