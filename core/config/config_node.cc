#include "core/config/config_node.h"

#include <toml++/toml.h>

#include <algorithm>
#include <tuple>

#include "core/base/error.h"

namespace heddle {
namespace {

SourcePosition position(const toml::source_region& region, const std::string& name) {
  return {name, static_cast<int64_t>(region.begin.line), static_cast<int64_t>(region.begin.column)};
}

ConfigNode convert(const toml::node& node, const std::string& name) {
  using Kind = ConfigNode::Kind;
  ConfigNode out;
  out.where = position(node.source(), name);
  if (const auto* flag = node.as_boolean()) {
    out.kind = Kind::boolean, out.boolean = flag->get();
  } else if (const auto* whole = node.as_integer()) {
    out.kind = Kind::integer, out.integer = whole->get();
  } else if (const auto* real = node.as_floating_point()) {
    out.kind = Kind::real, out.real = real->get();
  } else if (const auto* text = node.as_string()) {
    out.kind = Kind::text, out.text = text->get();
  } else if (const auto* array = node.as_array()) {
    out.kind = Kind::array;
    for (const toml::node& child : *array) out.children.push_back(convert(child, name));
  } else if (const auto* table = node.as_table()) {
    out.kind = Kind::table;
    for (const auto& [key, child] : *table) {
      out.children.push_back(convert(child, name));
      out.children.back().name = std::string(key.str());
      out.children.back().where = position(key.source(), name);
    }
    // The library keeps tables sorted by name; people expect the order that they wrote.
    std::stable_sort(out.children.begin(), out.children.end(), [](const ConfigNode& a, const ConfigNode& b) {
      return std::tie(a.where.line, a.where.column) < std::tie(b.where.line, b.where.column);
    });
  } else {
    wrong_use("{}dates and times are not used in an experiment; write text in quotes", out.where.prefix());
  }
  return out;
}

}  // namespace

const ConfigNode* ConfigNode::find(std::string_view key) const {
  if (kind != Kind::table) return nullptr;
  for (const ConfigNode& child : children)
    if (child.name == key) return &child;
  return nullptr;
}

ConfigNode* ConfigNode::find(std::string_view key) { return const_cast<ConfigNode*>(std::as_const(*this).find(key)); }

std::string_view ConfigNode::kind_text() const {
  switch (kind) {
    case Kind::boolean: return "true or false";
    case Kind::integer: return "a whole number";
    case Kind::real: return "a number";
    case Kind::text: return "a string";
    case Kind::array: return "a list";
    case Kind::table: return "a table";
  }
  return "";
}

ConfigNode parse_toml(std::string_view text, const std::string& name) {
  try {
    return convert(toml::parse(text, name), name);
  } catch (const toml::parse_error& error) {
    wrong_use("{}not sound TOML: {}", position(error.source(), name).prefix(), error.description());
  }
}

}  // namespace heddle
