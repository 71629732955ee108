#include "core/cli/values.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "core/base/error.h"

namespace heddle::cli {

double parse_number(std::string_view text, std::string_view option) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    wrong_use("{}: '{}' is no finite number", option, text);
  return value;
}

float fit_float(double value, std::string_view option) {
  constexpr double largest = std::numeric_limits<float>::max();
  if (!(std::abs(value) <= largest))
    wrong_use("{}: {:g} is too large; accepted: -{:.3g} to {:.3g}", option, value, largest, largest);
  return static_cast<float>(value);
}

std::vector<std::string> parse_fields(std::string_view text, std::string_view option) {
  std::vector<std::string> fields;
  for (size_t at = 0;;) {
    const size_t next = text.find(',', at);
    const std::string_view field = text.substr(at, next == std::string_view::npos ? next : next - at);
    const size_t first = field.find_first_not_of(' ');
    fields.emplace_back(first == std::string_view::npos ? ""
                                                        : field.substr(first, field.find_last_not_of(' ') - first + 1));
    if (next == std::string_view::npos) break;
    at = next + 1;
  }
  for (size_t i = 0; i < fields.size(); ++i)
    if (fields[i].empty()) wrong_use("{} '{}': field {} of {} is empty", option, text, i + 1, fields.size());
  return fields;
}

std::vector<double> parse_values(std::string_view text, std::string_view option) {
  auto pieces = [&](char separator) {
    std::vector<double> out;
    for (size_t at = 0;;) {
      const size_t next = text.find(separator, at);
      out.push_back(parse_number(text.substr(at, next == std::string_view::npos ? next : next - at), option));
      if (next == std::string_view::npos) return out;
      at = next + 1;
    }
  };
  if (text.find(':') == std::string_view::npos) return pieces(',');
  const auto range = pieces(':');
  const double step = range.size() == 3 ? range[2] : 1;
  if (range.size() > 3 || step <= 0 || range[1] < range[0])
    wrong_use("{}: '{}'; accepted: FROM:TO or FROM:TO:STEP with FROM <= TO and STEP > 0, or A,B,C", option, text);
  const double count = std::floor((range[1] - range[0]) / step + 1e-9) + 1;
  if (count > 1001) wrong_use("{}: '{}' asks for {} values; accepted: at most 1001", option, text, count);
  std::vector<double> out;
  // Multiplied, not added up: 0.1 steps stay on the grid.
  for (int i = 0; i < static_cast<int>(count); ++i) out.push_back(range[0] + i * step);
  return out;
}

}  // namespace heddle::cli
