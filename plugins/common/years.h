// The year of a title. Pure functions. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "fold_case.h"

namespace heddle::plugins {

// 1995 of "1995", "Heat (1995)", "Heat (1995) ", "Fawlty Towers (1975-1979)" and "City of Lost Children, The (1995)
// (dubbed)": a cell that is one, else the last bracket that begins with one. From 1850 to 2100, so that "(12 Monkeys)"
// is none.
inline std::optional<int64_t> year_of(std::string_view title) {
  const auto at = [&](std::size_t begin) -> std::optional<int64_t> {
    if (begin + 4 > title.size()) return std::nullopt;
    int64_t year = 0;
    for (std::size_t i = begin; i < begin + 4; ++i) {
      if (title[i] < '0' || title[i] > '9') return std::nullopt;
      year = year * 10 + (title[i] - '0');
    }
    const bool digit_after = begin + 4 < title.size() && title[begin + 4] >= '0' && title[begin + 4] <= '9';
    if (digit_after || year < 1850 || year > 2100) return std::nullopt;
    return year;
  };
  title = trimmed(title);
  if (title.size() == 4) return at(0);
  for (std::size_t bracket = title.rfind('('); bracket != title.npos && bracket > 0;
       bracket = title.rfind('(', bracket - 1))
    if (const auto year = at(bracket + 1)) return year;
  return std::nullopt;
}

}  // namespace heddle::plugins
