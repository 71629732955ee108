// Changing the tree from outside: --set KEY=VALUE.
#include <algorithm>
#include <charconv>

#include "core/base/error.h"
#include "core/config/config_node.h"

namespace heddle {
namespace {

// TOML of a single assignment, or nothing when it is not one.
bool parse_single(const std::string& text, ConfigNode& out) {
  try {
    out = parse_toml(text, "");
  } catch (const Error&) {
    return false;
  }
  return out.children.size() == 1;  // a value with a line break could carry further keys
}

void place_everywhere(ConfigNode& node, const SourcePosition& where) {
  node.where = where;
  for (ConfigNode& child : node.children) place_everywhere(child, where);
}

// A word that is no TOML value but surely meant as text: a name, an id, a path.
bool bare_word(const std::string& text) {
  if (text.empty() || text.find_first_of("\"'[]{}=,#\n\r\t ") != std::string::npos) return false;
  const auto first = static_cast<unsigned char>(text[0]);
  return std::isalpha(first) != 0 || first == '/' || first == '.' || first == '_' || first == '~' || first >= 0x80;
}

// The '=' between key and value: the first outside of quotes.
size_t find_equals(const std::string& text) {
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) quote = text[i] == quote ? char{0} : quote;
    else if (text[i] == '"' || text[i] == '\'') quote = text[i];
    else if (text[i] == '=') return i;
  }
  return std::string::npos;
}

std::string trimmed(const std::string& text) {
  const size_t from = text.find_first_not_of(" \t"), to = text.find_last_not_of(" \t");
  return from == std::string::npos ? "" : text.substr(from, to - from + 1);
}

// Removes the axis `path` from a (possibly nested, possibly dotted) [sweep].
void drop_axis(ConfigNode& node, const std::vector<std::string>& prefix, const std::vector<std::string>& path) {
  std::vector<ConfigNode> kept;
  for (ConfigNode& child : node.children) {
    std::vector<std::string> here = prefix;
    const std::vector<std::string> last = split_key(child.name, child.where);
    here.insert(here.end(), last.begin(), last.end());
    if (child.is_table()) drop_axis(child, here, path);
    if (here != path) kept.push_back(std::move(child));
  }
  node.children = std::move(kept);
}

}  // namespace

std::vector<std::string> split_key(const std::string& dotted, const SourcePosition& where) {
  ConfigNode root;
  std::vector<std::string> path;
  if (dotted.find_first_of("=\n\r#") != std::string::npos || !parse_single(dotted + " = 0", root))
    wrong_use("{}'{}' is not a key; expected names joined by dots, like backbone.training.epochs", where.prefix(),
              dotted);
  for (const ConfigNode* node = &root; node->is_table() && node->children.size() == 1; node = &node->children[0])
    path.push_back(node->children[0].name);
  return path;
}

void set_at(ConfigNode& root, const std::vector<std::string>& path, ConfigNode value, const SourcePosition& where) {
  ConfigNode* node = &root;
  for (size_t i = 0; i < path.size(); ++i) {
    ConfigNode* next = nullptr;
    if (node->kind == ConfigNode::Kind::array) {
      size_t index = 0;
      const auto [end, error] = std::from_chars(path[i].data(), path[i].data() + path[i].size(), index);
      if (error != std::errc() || end != path[i].data() + path[i].size() || index >= node->children.size())
        wrong_use("{}'{}' has {} entries, numbered from 0; '{}' is none of them", where.prefix(),
                  fmt::join(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(i), "."), node->children.size(),
                  path[i]);
      next = &node->children[index];
    } else if (node->is_table()) {
      next = node->find(path[i]);
      if (next == nullptr) {
        node->children.emplace_back();
        next = &node->children.back();
        next->name = path[i], next->where = where;
      }
    } else {
      wrong_use("{}'{}' is {}, so it has no '{}'", where.prefix(), node->name, node->kind_text(), path[i]);
    }
    node = next;
  }
  value.name = node->name;
  place_everywhere(value, where);
  *node = std::move(value);
}

std::vector<std::string> overridden_key(const std::string& assignment) {
  const SourcePosition where{"--set " + assignment, 0, 0};
  const size_t equals = find_equals(assignment);
  if (equals == std::string::npos || trimmed(assignment.substr(0, equals)).empty())
    wrong_use("{}expected KEY=VALUE, like --set backbone.training.epochs=3", where.prefix());
  return split_key(trimmed(assignment.substr(0, equals)), where);
}

void apply_override(ConfigNode& root, const std::string& assignment) {
  const SourcePosition where{"--set " + assignment, 0, 0};
  const std::vector<std::string> path = overridden_key(assignment);
  const std::string text = trimmed(assignment.substr(find_equals(assignment) + 1));
  ConfigNode parsed, value;
  if (parse_single("v = " + text, parsed)) {
    value = std::move(parsed.children[0]);
  } else if (bare_word(text)) {
    value.kind = ConfigNode::Kind::text, value.text = text;
  } else {
    wrong_use("{}'{}' is not a value; accepted: numbers, true, false, words, \"text\", [lists], {{ key = value }}",
              where.prefix(), text);
  }
  set_at(root, path, std::move(value), where);
  if (path[0] != "sweep") drop_sweep_axis(root, path);
}

void drop_sweep_axis(ConfigNode& root, const std::vector<std::string>& path) {
  ConfigNode* sweep = root.find("sweep");
  if (sweep == nullptr) return;
  if (sweep->is_table()) drop_axis(*sweep, {}, path);
  if (sweep->kind == ConfigNode::Kind::array)
    for (ConfigNode& grid : sweep->children)
      if (grid.is_table()) drop_axis(grid, {}, path);
}

}  // namespace heddle
