// Dates and times as text, as ISO 8601 writes them: 2019-01-20, 2019-01-20 18:05, 2019-01-20T18:05:07Z. Without a zone
// they are taken as UTC; zones other than Z are refused, so that no time is silently wrong. The calendar
// is the Gregorian one. Pure functions. Any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace heddle::plugins {

// Seconds since 1970-01-01 UTC, a fraction dropped; false when it is something else.
inline bool parse_civil_time(std::string_view text, int64_t& seconds) {
  const auto digits = [&](std::size_t at, std::size_t n, int64_t& out) {
    out = 0;
    if (text.size() < at + n) return false;
    for (std::size_t i = at; i < at + n; ++i) {
      if (text[i] < '0' || text[i] > '9') return false;
      out = out * 10 + (text[i] - '0');
    }
    return true;
  };
  const auto sign = [&](std::size_t at, char c) { return at < text.size() && text[at] == c; };
  if (text.ends_with('Z')) text.remove_suffix(1);
  int64_t year, month, day, hour = 0, minute = 0, second = 0;
  if (!digits(0, 4, year) || !sign(4, '-') || !digits(5, 2, month) || !sign(7, '-') || !digits(8, 2, day)) return false;
  if (text.size() > 10) {
    if ((!sign(10, ' ') && !sign(10, 'T')) || !digits(11, 2, hour) || !sign(13, ':') || !digits(14, 2, minute))
      return false;
    if (text.size() > 16) {
      if (!sign(16, ':') || !digits(17, 2, second)) return false;
      if (text.size() > 19 && (!sign(19, '.') || text.find_first_not_of("0123456789", 20) != text.npos)) return false;
    }
  }
  static constexpr int64_t days_of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (month < 1 || month > 12 || day < 1 || day > days_of[month - 1] + (month == 2 && leap ? 1 : 0) || hour > 23 ||
      minute > 59 || second > 60)
    return false;
  // Days since 1970-01-01 in the Gregorian calendar, years counted from March so that the leap day is last.
  const int64_t y = year - (month <= 2 ? 1 : 0), era_year = y % 400, era = y / 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int64_t days = era * 146097 + era_year * 365 + era_year / 4 - era_year / 100 + day_of_year - 719468;
  seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
  return true;
}

}  // namespace heddle::plugins
