// Reads tables of the experiment's tree against schemas: the host's own, and those of components. Internal to
// core/config.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config_node.h"
#include "core/config/experiment.h"
#include "core/config/lookup.h"

namespace heddle {

class SectionReader {
 public:
  using Names = std::initializer_list<std::string_view>;

  SectionReader(const ComponentLookup& lookup, std::filesystem::path file, std::string shown_name,
                bool allow_missing_paths);

  // Values of a host table. `section` may be null (all defaults). Keys in `skip` are the caller's business. `owner`
  // stands in messages when the heading is a pattern: "[dictionary.l1.training]".
  Values host(const OptionTable& table, const ConfigNode* section, Names skip = {}, std::string owner = {},
              std::vector<GivenValue> more = {}) const;
  // The component that `plugin = "…"` of a section names, with the section's other keys as its parameters.
  ComponentUse component(int32_t kind, const ConfigNode& section, const std::string& name, const std::string& heading,
                         Names host_keys = {}) const;
  // A list of metrics: ids, or tables { plugin = "…", parameters }. Null or empty: every installed component of the
  // kind.
  std::vector<ComponentUse> metrics(int32_t kind, const ConfigNode* list, const std::string& heading) const;

  // By full id, or by the part after the dot when only one component of the kind has it.
  const Component& find(int32_t kind, const std::string& id, const SourcePosition& where) const;
  // The section as a table, wrong_use otherwise.
  const ConfigNode& table(const ConfigNode& node, const std::string& heading) const;
  SourcePosition nowhere() const { return {shown_name_, 0, 0}; }
  const std::filesystem::path& file() const { return file_; }

 private:
  ValuesContext context(const ConfigNode* section) const;
  std::vector<GivenValue> given(const Schema& schema, const ConfigNode& section, Names skip) const;
  const ComponentLookup& lookup_;
  std::filesystem::path file_;
  std::string shown_name_;
  bool allow_missing_;
};

// A node as a value without names: a scalar or a list of one kind. wrong_use for tables and mixed lists; `what` names
// it.
GivenValue given_value(const ConfigNode& node, const std::string& what);

// "; did you mean 'x'?" or ";": what stands between a complaint and what is accepted.
std::string hint(std::string_view name, const std::vector<std::string>& names);

// "ndcg" of "heddle.ndcg".
std::string short_id(const std::string& id);

// "[dictionary.l1]": names of sections must be plain words.
void check_section_name(const ConfigNode& node, std::string_view kind);

}  // namespace heddle
