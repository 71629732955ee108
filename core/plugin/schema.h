// A schema: parameters declared once as data (heddle_param), by a plugin's component or by the host for its own tables
// of the experiment file. Validation, help, reference pages, resolved configuration and cache keys all come from it.
//
// The host declares its tables with the makers below, so that they read as a table:
//
//   static const heddle_param split_options[] = {
//       option::choice("kind", split_kinds, 0, "how users are divided"),
//       option::real("test", 0.1, 0, 1, "share of users held out for the test"),
//       option::path("file", nullptr, "…", HEDDLE_PARAM_REQUIRED)};
//   const Schema split_schema{"[split]", split_options};
//
// Ownership: a Schema borrows its array, which must outlive it (static data). Threads: immutable, any.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heddle/abi.h"

namespace heddle {

struct Schema {
  std::string owner;                                                // in messages: "heddle.gptrec", "[split]"
  std::span<const heddle_param> params;                             // full structs of this host's version
  int32_t (*check)(const heddle_values*, heddle_error*) = nullptr;  // cross-field rule, may be null

  const heddle_param* find(std::string_view name) const;  // null when absent
  int64_t index(std::string_view name) const;             // -1 when absent
};

// Problems of a declaration itself ("'l1': default 7 lies outside 0 to 1"), empty when it is sound: names, uniqueness,
// types, flags, defaults in range, choices. Plugins are refused for any; the host's own tables are held to it by a
// test.
std::string schema_fault(const Schema& schema);

// "whole number, 1 to 4096", "number, at least 0", "one of: relu, topk", "list of strings", …
std::string accepted_text(const heddle_param& param);
// The default as a user would write it in TOML: 64, 0.1, "adam", [1, 2]; "required" for required ones.
std::string default_text(const heddle_param& param);
// "whole number", "number", "string", "path", "choice", "list of numbers" …
std::string_view type_text(int32_t type);
// "unknown key 'hiden' of heddle.gptrec; did you mean 'hidden'? accepted: hidden, layers", also for tables that are no
// schema.
std::string unknown_key_text(std::string_view name, std::string_view owner, const std::vector<std::string>& accepted);
// A number as short as possible that reads back the same: 0.1, 1e-05, 64.
std::string number_text(double value);

// Makers for the host's own tables. Docs are one sentence; flags are HEDDLE_PARAM_*.
namespace option {
inline constexpr double infinity = std::numeric_limits<double>::infinity();

constexpr heddle_param base(int32_t type, const char* name, const char* doc, uint32_t flags, const char* unit) {
  return {sizeof(heddle_param), flags, type, 0, name, unit, doc, nullptr, 0, 0.0, nullptr, -infinity, infinity};
}
constexpr heddle_param boolean(const char* name, bool value, const char* doc, uint32_t flags = 0) {
  heddle_param p = base(HEDDLE_PARAM_BOOL, name, doc, flags, "");
  p.default_int = value;
  return p;
}
constexpr heddle_param integer(const char* name, int64_t value, double minimum, double maximum, const char* doc,
                               uint32_t flags = 0, const char* unit = "") {
  heddle_param p = base(HEDDLE_PARAM_INT, name, doc, flags, unit);
  p.default_int = value, p.minimum = minimum, p.maximum = maximum;
  return p;
}
constexpr heddle_param real(const char* name, double value, double minimum, double maximum, const char* doc,
                            uint32_t flags = 0, const char* unit = "") {
  heddle_param p = base(HEDDLE_PARAM_FLOAT, name, doc, flags, unit);
  p.default_float = value, p.minimum = minimum, p.maximum = maximum;
  return p;
}
constexpr heddle_param text(const char* name, const char* value, const char* doc, uint32_t flags = 0) {
  heddle_param p = base(HEDDLE_PARAM_STRING, name, doc, flags, "");
  p.default_string = value;
  return p;
}
constexpr heddle_param path(const char* name, const char* value, const char* doc, uint32_t flags = 0) {
  heddle_param p = base(HEDDLE_PARAM_PATH, name, doc, flags, "");
  p.default_string = value;
  return p;
}
template <size_t N>
constexpr heddle_param choice(const char* name, const char* const (&choices)[N], int64_t index, const char* doc,
                              uint32_t flags = 0) {
  heddle_param p = base(HEDDLE_PARAM_CHOICE, name, doc, flags, "");
  p.choices = choices, p.n_choices = N, p.default_int = index;
  return p;
}
// Lists: the default is comma-separated text, nullptr = empty list; bounds hold for each entry.
constexpr heddle_param integers(const char* name, const char* values, double minimum, double maximum, const char* doc,
                                uint32_t flags = 0, const char* unit = "") {
  heddle_param p = base(HEDDLE_PARAM_INT_LIST, name, doc, flags, unit);
  p.default_string = values, p.minimum = minimum, p.maximum = maximum;
  return p;
}
constexpr heddle_param reals(const char* name, const char* values, double minimum, double maximum, const char* doc,
                             uint32_t flags = 0, const char* unit = "") {
  heddle_param p = base(HEDDLE_PARAM_FLOAT_LIST, name, doc, flags, unit);
  p.default_string = values, p.minimum = minimum, p.maximum = maximum;
  return p;
}
constexpr heddle_param texts(const char* name, const char* values, const char* doc, uint32_t flags = 0) {
  heddle_param p = base(HEDDLE_PARAM_STRING_LIST, name, doc, flags, "");
  p.default_string = values;
  return p;
}
}  // namespace option

}  // namespace heddle
