// A value as the user wrote it, with the place where it stands, before any schema has looked at it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace heddle {

// A place in the user's input. line 0: `file` alone says where ("--set l1=0.2"); empty file: nowhere in particular.
struct SourcePosition {
  std::string file;
  int64_t line = 0;
  int64_t column = 0;

  // "exp.toml:12:3: ", "--set l1=0.2: " or "": the beginning of an error message.
  std::string prefix() const;
};

// "exp.toml:12:3", or the file alone.
std::string to_string(const SourcePosition& where);

struct GivenValue {
  using Variant = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::vector<double>,
                               std::vector<std::string>>;
  std::string name;
  Variant value;
  SourcePosition where;
};

}  // namespace heddle
