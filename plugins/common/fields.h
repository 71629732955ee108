// Fields of a line, and their numbers. Throws BadRow.
#pragma once

#include <charconv>
#include <cmath>
#include <deque>

#include "civil_time.h"
#include "line_reader.h"

namespace heddle::plugins {

// At most 40 bytes of a field for a message.
inline std::string quoted(std::string_view field) {
  std::string out = "'";
  std::size_t n = std::min<std::size_t>(field.size(), 40);
  while (n > 0 && n < field.size() && (static_cast<unsigned char>(field[n]) & 0xC0) == 0x80) --n;
  out += field.substr(0, n);
  return out + (n < field.size() ? "…'" : "'");
}

// Cuts lines at a separator of one or more characters. With quotes, a field that starts with " goes on to the closing
// one, may hold separators, and "" in it is one quote (RFC 4180, but a field ends on its line); so is \" inside of it,
// which some published tables write, unless the field could end there.
class FieldSplitter {
 public:
  FieldSplitter(std::string separator, bool quotes) : separator_(std::move(separator)), quotes_(quotes) {}

  // Valid until the next call and as long as the line.
  const std::vector<std::string_view>& split(std::string_view line) {
    fields_.clear();
    if (quotes_ && line.find('"') != line.npos) {
      split_quoted(line);
    } else if (separator_.size() == 1) {
      const char separator = separator_[0];
      const char *p = line.data(), *const end = p + line.size(), *start = p;
      for (; p < end; ++p) {
        if (*p != separator) continue;
        fields_.emplace_back(start, static_cast<std::size_t>(p - start));
        start = p + 1;
      }
      fields_.emplace_back(start, static_cast<std::size_t>(end - start));
    } else {
      std::size_t begin = 0;
      for (std::size_t at; (at = line.find(separator_, begin)) != line.npos; begin = at + separator_.size())
        fields_.push_back(line.substr(begin, at - begin));
      fields_.push_back(line.substr(begin));
    }
    return fields_;
  }
  const std::string& separator() const { return separator_; }

 private:
  void split_quoted(std::string_view line) {
    texts_.clear();
    std::size_t at = 0;
    for (;;) {
      if (at < line.size() && line[at] == '"') {
        at = take_quoted(line, at + 1);
      } else {
        const std::size_t stop = std::min(line.find(separator_, at), line.size());
        fields_.push_back(line.substr(at, stop - at));
        at = stop;
      }
      if (at == line.size()) return;
      at += separator_.size();
    }
  }
  std::size_t take_quoted(std::string_view line, std::size_t at) {
    std::string& text = texts_.emplace_back();
    for (;; ++at) {
      if (at >= line.size())
        throw BadRow{sdk::text("the quote of field ", fields_.size() + 1, " is not closed on its line")};
      if (line[at] == '\\' && at + 1 < line.size() && line[at + 1] == '"' && !ends_field(line, at + 2)) {
        text += '"';
        ++at;
      } else if (line[at] != '"') {
        text += line[at];
      } else if (at + 1 < line.size() && line[at + 1] == '"') {
        text += '"';
        ++at;
      } else {
        break;
      }
    }
    fields_.push_back(text);
    ++at;
    if (!ends_field(line, at))
      throw BadRow{sdk::text("text after the closing quote of field ", fields_.size(), "; expected ",
                             plugins::quoted(separator_))};
    return at;
  }

  bool ends_field(std::string_view line, std::size_t at) const {
    return at >= line.size() || line.compare(at, separator_.size(), separator_) == 0;
  }

  std::string separator_;
  bool quotes_;
  std::vector<std::string_view> fields_;
  std::deque<std::string> texts_;  // unquoted fields; a deque keeps their addresses
};

// Plain digits, optionally a minus. False when it is something else or too large.
inline bool parse_integer(std::string_view field, int64_t& out) {
  const char *p = field.data(), *end = p + field.size();
  if (field.size() >= 1 && field.size() <= 18) [[likely]] {  // cannot overflow: the common case without checks
    const bool negative = *p == '-';
    if (negative && ++p == end) return false;
    int64_t value = 0;
    for (; p < end; ++p) {
      const auto digit = static_cast<unsigned>(*p) - '0';
      if (digit > 9) return false;
      value = value * 10 + digit;
    }
    out = negative ? -value : value;
    return true;
  }
  const auto [stop, status] = std::from_chars(p, end, out);
  return status == std::errc() && stop == end;
}

inline bool parse_real(std::string_view field, double& out) {
  if (field.size() == 1 && field[0] >= '0' && field[0] <= '9') {  // stars
    out = field[0] - '0';
    return true;
  }
  const auto [stop, status] = std::from_chars(field.data(), field.data() + field.size(), out);
  return status == std::errc() && stop == field.data() + field.size();
}

// hint: what would allow other ids, "" when nothing does.
inline int64_t integer_id(std::string_view field, const char* column, const char* hint = "") {
  int64_t value;
  if (!parse_integer(field, value))
    throw BadRow{sdk::text(column, " is ", quoted(field), "; expected an integer", hint)};
  if (value < 0) throw BadRow{sdk::text(column, " is ", field, "; expected an integer of 0 or more")};
  return value;
}

inline std::string_view text_id(std::string_view field, const char* column) {
  if (field.empty()) throw BadRow{sdk::text(column, " is empty; expected an id")};
  return field;
}

// Whole seconds (or another unit); a fraction is dropped towards the past. Dates are seconds since 1970.
inline bool parse_time(std::string_view field, int64_t& value) {
  if (parse_integer(field, value)) return true;
  double real;
  if (parse_real(field, real)) {
    value = std::isfinite(real) && std::fabs(real) < 9e18 ? static_cast<int64_t>(std::floor(real)) : 0;
    return std::isfinite(real) && std::fabs(real) < 9e18;
  }
  return parse_civil_time(field, value);
}
inline int64_t time_value(std::string_view field) {
  int64_t value;
  if (!parse_time(field, value))
    throw BadRow{sdk::text("time is ", quoted(field), "; expected a number, or a date like 2019-01-20 18:05")};
  return value;
}

inline double real_value(std::string_view field, const char* column) {
  double value;
  if (!parse_real(field, value) || !std::isfinite(value))
    throw BadRow{sdk::text(column, " is ", quoted(field), "; expected a finite number")};
  return value;
}

}  // namespace heddle::plugins
