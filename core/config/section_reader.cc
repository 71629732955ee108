#include "core/config/section_reader.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/paths.h"

namespace heddle {
namespace {

using Kind = ConfigNode::Kind;

bool among(std::string_view name, SectionReader::Names names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

GivenValue given_value(const ConfigNode& node, const std::string& what) {
  GivenValue out{node.name, false, node.where};
  switch (node.kind) {
    case Kind::boolean: out.value = node.boolean; return out;
    case Kind::integer: out.value = node.integer; return out;
    case Kind::real: out.value = node.real; return out;
    case Kind::text: out.value = node.text; return out;
    case Kind::table: wrong_use("{}{} is a table; expected a value", node.where.prefix(), what);
    case Kind::array: break;
  }
  const auto all = [&](auto&& test) { return std::all_of(node.children.begin(), node.children.end(), test); };
  if (all([](const ConfigNode& c) { return c.kind == Kind::integer; }) && !node.children.empty()) {
    std::vector<int64_t> list;
    for (const ConfigNode& child : node.children) list.push_back(child.integer);
    out.value = std::move(list);
  } else if (all([](const ConfigNode& c) { return c.kind == Kind::integer || c.kind == Kind::real; })) {
    std::vector<double> list;
    for (const ConfigNode& child : node.children)
      list.push_back(child.kind == Kind::real ? child.real : static_cast<double>(child.integer));
    out.value = std::move(list);
  } else if (all([](const ConfigNode& c) { return c.kind == Kind::text; })) {
    std::vector<std::string> list;
    for (const ConfigNode& child : node.children) list.push_back(child.text);
    out.value = std::move(list);
  } else {
    wrong_use("{}{} is a list of other things than numbers only or strings only", node.where.prefix(), what);
  }
  return out;
}

std::string hint(std::string_view name, const std::vector<std::string>& names) {
  std::string text = did_you_mean(name, names);
  return text.empty() ? ";" : text;
}

std::string short_id(const std::string& id) { return id.substr(id.rfind('.') + 1); }

void check_section_name(const ConfigNode& node, std::string_view kind) {
  const bool sound =
      !node.name.empty() && node.name.size() <= 64 && std::all_of(node.name.begin(), node.name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
  if (!sound)
    wrong_use("{}'{}' cannot name a [{}.NAME]; accepted: up to 64 letters, digits, '_' and '-'", node.where.prefix(),
              node.name, kind);
}

SectionReader::SectionReader(const ComponentLookup& lookup, std::filesystem::path file, std::string shown_name,
                             bool allow_missing_paths)
    : lookup_(lookup),
      file_(std::move(file)),
      shown_name_(std::move(shown_name)),
      allow_missing_(allow_missing_paths) {}

const ConfigNode& SectionReader::table(const ConfigNode& node, const std::string& heading) const {
  if (!node.is_table())
    wrong_use("{}'{}' is {}; expected a table {}", node.where.prefix(), node.name, node.kind_text(), heading);
  return node;
}

ValuesContext SectionReader::context(const ConfigNode* section) const {
  ValuesContext context;
  context.where = section != nullptr ? section->where : nowhere();
  context.resolve_path = [file = file_, missing = allow_missing_](const std::string& text,
                                                                  const SourcePosition& where) {
    return resolve_data_path(text, where, file, missing);
  };
  return context;
}

std::vector<GivenValue> SectionReader::given(const Schema& schema, const ConfigNode& section, Names skip) const {
  std::vector<GivenValue> values;
  for (const ConfigNode& child : section.children) {
    if (among(child.name, skip)) continue;
    // An unknown key is reported as such whatever its value is.
    if (schema.find(child.name) == nullptr) {
      std::vector<std::string> names;
      for (const heddle_param& p : schema.params) names.emplace_back(p.name);
      wrong_use("{}{}", child.where.prefix(), unknown_key_text(child.name, schema.owner, names));
    }
    values.push_back(given_value(child, fmt::format("'{}' of {}", child.name, schema.owner)));
  }
  return values;
}

Values SectionReader::host(const OptionTable& table, const ConfigNode* section, Names skip, std::string owner,
                           std::vector<GivenValue> more) const {
  Schema schema = table.schema;
  if (!owner.empty()) schema.owner = std::move(owner);
  if (section != nullptr) {
    this->table(*section, schema.owner);
    std::vector<GivenValue> values = given(schema, *section, skip);
    more.insert(more.end(), values.begin(), values.end());
  }
  return {schema, std::move(more), context(section)};
}

const Component& SectionReader::find(int32_t kind, const std::string& id, const SourcePosition& where) const {
  if (id.find('.') == std::string::npos) {
    std::vector<const Component*> found;
    std::vector<std::string> ids, shorts;
    for (const Component* component : lookup_.all(kind)) {
      shorts.push_back(short_id(component->id));
      if (shorts.back() == id) found.push_back(component), ids.push_back(component->id);
    }
    if (found.size() == 1) return *found[0];
    if (found.size() > 1)
      wrong_use("{}'{}' may be any of {}; give the whole id", where.prefix(), id, fmt::join(ids, ", "));
    if (const std::string near = did_you_mean(id, shorts); !near.empty())
      wrong_use("{}no {} '{}'{}", where.prefix(), kind_name(kind), id, near);
  }
  return lookup_.find(kind, id, where.prefix());
}

ComponentUse SectionReader::component(int32_t kind, const ConfigNode& section, const std::string& name,
                                      const std::string& heading, Names host_keys) const {
  table(section, heading);
  const ConfigNode* plugin = section.find("plugin");
  if (plugin == nullptr) wrong_use("{}{} needs plugin = \"vendor.name\"", section.where.prefix(), heading);
  if (plugin->kind != Kind::text)
    wrong_use("{}'plugin' of {} is {}; expected a string like \"vendor.name\"", plugin->where.prefix(), heading,
              plugin->kind_text());
  const Component& component = find(kind, plugin->text, plugin->where);
  ConfigNode parameters = section;
  std::erase_if(parameters.children,
                [&](const ConfigNode& child) { return child.name == "plugin" || among(child.name, host_keys); });
  return {name, &component, Values(component, given(component.schema(), parameters, {}), context(&section)),
          section.where};
}

std::vector<ComponentUse> SectionReader::metrics(int32_t kind, const ConfigNode* list,
                                                 const std::string& heading) const {
  std::vector<ComponentUse> uses;
  if (list == nullptr || (list->kind == Kind::array && list->children.empty())) {
    for (const Component* component : lookup_.all(kind))
      uses.push_back({short_id(component->id), component, Values(*component, {}, context(nullptr)), nowhere()});
    return uses;
  }
  if (list->kind != Kind::array)
    wrong_use("{}'metrics' of {} is {}; expected a list of ids or tables", list->where.prefix(), heading,
              list->kind_text());
  for (const ConfigNode& entry : list->children) {
    if (entry.is_table()) {
      ComponentUse use = component(kind, entry, "", "a metric of " + heading);
      use.name = short_id(use.component->id);
      uses.push_back(std::move(use));
    } else if (entry.kind == Kind::text) {
      const Component& component = find(kind, entry.text, entry.where);
      uses.push_back({short_id(component.id), &component, Values(component, {}, context(&entry)), entry.where});
    } else {
      wrong_use("{}a metric of {} is {}; expected an id, or {{ plugin = \"vendor.name\", … }}", entry.where.prefix(),
                heading, entry.kind_text());
    }
    for (size_t i = 0; i + 1 < uses.size(); ++i)
      if (uses[i].name == uses.back().name)
        wrong_use("{}metric '{}' of {} is given twice", entry.where.prefix(), uses[i].name, heading);
  }
  return uses;
}

}  // namespace heddle
