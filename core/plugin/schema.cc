#include "core/plugin/schema.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <set>

#include "core/base/text.h"
#include "core/plugin/list_text.h"

namespace heddle {
namespace detail {
namespace {

template <class F>
bool each_entry(const char* text, F&& entry) {
  if (text == nullptr || *text == 0) return true;
  std::string_view rest = text;
  while (true) {
    const size_t comma = rest.find(',');
    std::string_view part = rest.substr(0, comma);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!entry(part)) return false;
    if (comma == std::string_view::npos) return true;
    rest.remove_prefix(comma + 1);
  }
}

template <class T>
bool parse_numbers(const char* text, std::vector<T>* out) {
  return each_entry(text, [&](std::string_view part) {
    T value{};
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size()) return false;
    out->push_back(value);
    return true;
  });
}

}  // namespace

bool parse_list(const char* text, std::vector<int64_t>* out) { return parse_numbers(text, out); }
bool parse_list(const char* text, std::vector<double>* out) { return parse_numbers(text, out); }
bool parse_list(const char* text, std::vector<std::string>* out) {
  return each_entry(text, [&](std::string_view part) {
    out->emplace_back(part);
    return true;
  });
}

}  // namespace detail

namespace {

bool lower_snake(std::string_view name) {
  if (name.empty() || name.size() > 64 || !(name[0] >= 'a' && name[0] <= 'z')) return false;
  for (char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

bool in_range(const heddle_param& p, double value) { return value >= p.minimum && value <= p.maximum; }

std::string range_text(const heddle_param& p) {
  const bool low = std::isfinite(p.minimum), high = std::isfinite(p.maximum);
  if (low && high) return fmt::format("{} to {}", number_text(p.minimum), number_text(p.maximum));
  if (low) return fmt::format("at least {}", number_text(p.minimum));
  if (high) return fmt::format("at most {}", number_text(p.maximum));
  return {};
}

std::vector<std::string> choice_names(const heddle_param& p) { return {p.choices, p.choices + p.n_choices}; }

std::string choices_fault(const heddle_param& p) {
  if (p.n_choices == 0 || p.choices == nullptr) return "is a choice without choices";
  std::set<std::string_view> seen;
  for (uint32_t i = 0; i < p.n_choices; ++i) {
    if (p.choices[i] == nullptr || *p.choices[i] == 0) return fmt::format("has no name for choice {}", i);
    if (!seen.insert(p.choices[i]).second) return fmt::format("names the choice '{}' twice", p.choices[i]);
  }
  return {};
}

template <class T>
std::string list_default_fault(const heddle_param& p) {
  std::vector<T> values;
  if (!detail::parse_list(p.default_string, &values))
    return fmt::format("has the default \"{}\", not a list", p.default_string);
  for (T value : values) {
    if (!std::isfinite(static_cast<double>(value)) || !in_range(p, static_cast<double>(value))) {
      return fmt::format("has {} among its defaults; accepted: {}", value, range_text(p));
    }
  }
  return {};
}

std::string default_fault(const heddle_param& p) {
  switch (p.type) {
    case HEDDLE_PARAM_BOOL:
      return p.default_int == 0 || p.default_int == 1
                 ? ""
                 : fmt::format("has the default {}; accepted: 0 or 1", p.default_int);
    case HEDDLE_PARAM_INT:
      if (in_range(p, static_cast<double>(p.default_int))) return {};
      return fmt::format("has the default {}; accepted: {}", p.default_int, range_text(p));
    case HEDDLE_PARAM_FLOAT:
      if (std::isfinite(p.default_float) && in_range(p, p.default_float)) return {};
      return fmt::format("has the default {}; accepted: {}", p.default_float, accepted_text(p));
    case HEDDLE_PARAM_CHOICE:
      if (p.default_int >= 0 && p.default_int < static_cast<int64_t>(p.n_choices)) return {};
      return fmt::format("has the default {}; accepted: the index of one of {} choices", p.default_int, p.n_choices);
    case HEDDLE_PARAM_INT_LIST: return list_default_fault<int64_t>(p);
    case HEDDLE_PARAM_FLOAT_LIST: return list_default_fault<double>(p);
    default: return {};
  }
}

std::string param_fault(const heddle_param& p) {
  if (p.type < HEDDLE_PARAM_BOOL || p.type > HEDDLE_PARAM_STRING_LIST)
    return fmt::format("is of unknown type {}", p.type);
  constexpr uint32_t known = HEDDLE_PARAM_REQUIRED | HEDDLE_PARAM_NOT_NUMERIC;
  if ((p.flags & 0xFFFFu & ~known) != 0)
    return fmt::format("sets flags {:#x}, not all of which this heddle understands", p.flags);
  if (p.type == HEDDLE_PARAM_CHOICE) {
    if (std::string fault = choices_fault(p); !fault.empty()) return fault;
  }
  const bool ranged = p.type == HEDDLE_PARAM_INT || p.type == HEDDLE_PARAM_FLOAT || p.type == HEDDLE_PARAM_INT_LIST ||
                      p.type == HEDDLE_PARAM_FLOAT_LIST;
  // Also true when one of them is NaN.
  if (ranged && !(p.minimum <= p.maximum)) return fmt::format("has the range {} to {}", p.minimum, p.maximum);
  return (p.flags & HEDDLE_PARAM_REQUIRED) != 0 ? std::string() : default_fault(p);
}

}  // namespace

const heddle_param* Schema::find(std::string_view name) const {
  const int64_t i = index(name);
  return i < 0 ? nullptr : &params[static_cast<size_t>(i)];
}

int64_t Schema::index(std::string_view name) const {
  for (size_t i = 0; i < params.size(); ++i) {
    if (name == params[i].name) return static_cast<int64_t>(i);
  }
  return -1;
}

std::string schema_fault(const Schema& schema) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < schema.params.size(); ++i) {
    const heddle_param& p = schema.params[i];
    if (p.name == nullptr) return fmt::format("parameter {} has no name", i);
    if (!lower_snake(p.name)) return fmt::format("parameter name '{}' is not lower_snake_case", p.name);
    if (!seen.insert(p.name).second) return fmt::format("parameter '{}' is declared twice", p.name);
    if (std::string fault = param_fault(p); !fault.empty()) return fmt::format("parameter '{}' {}", p.name, fault);
  }
  return {};
}

std::string_view type_text(int32_t type) {
  switch (type) {
    case HEDDLE_PARAM_BOOL: return "true or false";
    case HEDDLE_PARAM_INT: return "whole number";
    case HEDDLE_PARAM_FLOAT: return "number";
    case HEDDLE_PARAM_STRING: return "string";
    case HEDDLE_PARAM_CHOICE: return "choice";
    case HEDDLE_PARAM_PATH: return "path";
    case HEDDLE_PARAM_INT_LIST: return "list of whole numbers";
    case HEDDLE_PARAM_FLOAT_LIST: return "list of numbers";
    case HEDDLE_PARAM_STRING_LIST: return "list of strings";
    default: return "value";
  }
}

std::string unknown_key_text(std::string_view name, std::string_view owner, const std::vector<std::string>& accepted) {
  const std::string hint = did_you_mean(name, accepted);
  const std::string known = accepted.empty() ? std::string("nothing") : fmt::format("{}", fmt::join(accepted, ", "));
  return fmt::format("unknown key '{}' of {}{} accepted: {}", name, owner, hint.empty() ? ";" : hint, known);
}

std::string number_text(double value) { return fmt::format("{}", value); }

std::string accepted_text(const heddle_param& p) {
  if (p.type == HEDDLE_PARAM_CHOICE) return fmt::format("one of: {}", fmt::join(choice_names(p), ", "));
  std::string text(type_text(p.type));
  if (p.type == HEDDLE_PARAM_INT || p.type == HEDDLE_PARAM_FLOAT || p.type == HEDDLE_PARAM_INT_LIST ||
      p.type == HEDDLE_PARAM_FLOAT_LIST) {
    if (const std::string range = range_text(p); !range.empty()) text += ", " + range;
  }
  return text;
}

std::string default_text(const heddle_param& p) {
  if ((p.flags & HEDDLE_PARAM_REQUIRED) != 0) return "required";
  switch (p.type) {
    case HEDDLE_PARAM_BOOL: return p.default_int != 0 ? "true" : "false";
    case HEDDLE_PARAM_INT: return fmt::format("{}", p.default_int);
    case HEDDLE_PARAM_FLOAT: return number_text(p.default_float);
    case HEDDLE_PARAM_CHOICE: return fmt::format("\"{}\"", p.choices[p.default_int]);
    case HEDDLE_PARAM_STRING:
    case HEDDLE_PARAM_PATH: return fmt::format("\"{}\"", p.default_string == nullptr ? "" : p.default_string);
    case HEDDLE_PARAM_STRING_LIST: {
      std::vector<std::string> entries;
      detail::parse_list(p.default_string, &entries);
      for (std::string& entry : entries) entry = fmt::format("\"{}\"", entry);
      return fmt::format("[{}]", fmt::join(entries, ", "));
    }
    case HEDDLE_PARAM_INT_LIST: {
      std::vector<int64_t> entries;
      detail::parse_list(p.default_string, &entries);
      return fmt::format("[{}]", fmt::join(entries, ", "));
    }
    case HEDDLE_PARAM_FLOAT_LIST: {
      std::vector<double> entries;
      detail::parse_list(p.default_string, &entries);
      return fmt::format("[{}]", fmt::join(entries, ", "));
    }
    default: return {};
  }
}

}  // namespace heddle
