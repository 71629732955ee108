// The experiment file as a tree of values with their places, before any schema has looked at it. Internal to
// core/config.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/given_value.h"

namespace heddle {

struct ConfigNode {
  enum class Kind { boolean, integer, real, text, array, table };

  Kind kind = Kind::table;
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<ConfigNode> children;  // of arrays: in order; of tables: in the order of the file, names unique

  std::string name;      // key under which it stands in its table
  SourcePosition where;  // of the key, or of the value itself inside an array

  const ConfigNode* find(std::string_view key) const;  // null when absent or not a table
  ConfigNode* find(std::string_view key);
  bool is_table() const { return kind == Kind::table; }
  std::string_view kind_text() const;  // "a table", "a string", …
};

// "a.\"b c\".0" -> {"a", "b c", "0"}; wrong_use with `where` when it is not a dotted key.
std::vector<std::string> split_key(const std::string& dotted, const SourcePosition& where);

// TOML text; errors are "NAME:LINE:COLUMN: …".
ConfigNode parse_toml(std::string_view text, const std::string& name);

// Puts `value` at a dotted path, replacing what is there; missing tables are made. A number names an element of an
// array.
void set_at(ConfigNode& root, const std::vector<std::string>& path, ConfigNode value, const SourcePosition& where);

// Applies "KEY=VALUE". VALUE is a TOML value; a word that is none is taken as a string. Removes KEY from the sweep.
void apply_override(ConfigNode& root, const std::string& assignment);
// KEY of "KEY=VALUE"; wrong_use when it has none.
std::vector<std::string> overridden_key(const std::string& assignment);
// Takes a key out of [sweep], or out of every [[sweep]].
void drop_sweep_axis(ConfigNode& root, const std::vector<std::string>& path);

// One axis of a grid: a dotted key and its values.
struct SweepAxis {
  std::string key;
  std::vector<std::string> path;
  std::vector<ConfigNode> values;
};
using SweepGrid = std::vector<SweepAxis>;
// [sweep] is one grid, [[sweep]] one for each table; without either there is one grid without axes, a single point.
// Every axis leads into a section that the file has.
std::vector<SweepGrid> read_sweep(const ConfigNode& root);

}  // namespace heddle
