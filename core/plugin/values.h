// Validated parameter values: what the user gave, checked against a schema, with every default filled in.
//
// Errors are thrown through wrong_use (exit code 2), one line each with the place, the key, what was found and what is
// accepted, e.g. "exp.toml:12:3: unknown key 'hiden' of heddle.gptrec; did you mean 'hidden'? accepted: hidden,
// layers".
//
// Ownership: owns everything that raw() points to; copies share it. Threads: immutable, any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/component.h"
#include "core/plugin/given_value.h"
#include "core/plugin/schema.h"

namespace heddle {

// What validation needs beyond schema and values.
struct ValuesContext {
  SourcePosition where;  // of the whole table: for missing keys and cross-field faults
  // Makes a PATH value absolute (relative to HEDDLE_DATA, else to the file). Default: relative to where.file's folder.
  // Empty paths are left alone.
  std::function<std::string(const std::string& text, const SourcePosition& where)> resolve_path;
};

class Values {
 public:
  Values(const Schema& schema, std::vector<GivenValue> given, const ValuesContext& context = {});
  Values(const Component& component, std::vector<GivenValue> given, const ValuesContext& context = {});

  // In declaration order; lives as long as any copy of this object.
  const heddle_values* raw() const;

  // All values, defaults filled in, in declaration order: what is saved beside a result.
  nlohmann::ordered_json resolved() const;
  // Only parameters that can change a number of a result: part of a stage's cache key.
  nlohmann::json numeric_key() const;

  // Typed access by name, for the host's own tables. A wrong name or type is a bug: throws Error(INTERNAL).
  bool boolean(std::string_view name) const;
  int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  std::string text(std::string_view name) const;  // STRING, PATH, CHOICE (its name)
  int64_t choice(std::string_view name) const;    // index into the choices
  std::span<const int64_t> integers(std::string_view name) const;
  std::span<const double> reals(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;
  bool given(std::string_view name) const;                   // set by the user
  const SourcePosition& where(std::string_view name) const;  // of the value, or of the table for defaults

 private:
  struct Storage;
  const heddle_value& at(std::string_view name, int32_t type, int32_t other = 0) const;
  std::shared_ptr<const Storage> storage_;
};

// {"id": …, "version": …, "params": numeric_key}: what a component contributes to a cache key.
nlohmann::json component_key(const Component& component, const Values& values);

}  // namespace heddle
