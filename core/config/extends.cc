#include "core/config/extends.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/config/paths.h"
#include "core/store/atomic_file.h"

namespace heddle {

namespace fs = std::filesystem;

namespace {

using Kind = ConfigNode::Kind;

const ConfigNode* text_at(const ConfigNode& table, std::string_view key) {
  const ConfigNode* node = table.find(key);
  return node != nullptr && node->kind == Kind::text ? node : nullptr;
}

// Puts `over` on `base`.
void lay_over(ConfigNode& base, const ConfigNode& over) {
  if (!base.is_table() || !over.is_table()) {
    base = over;
    return;
  }
  const ConfigNode *before = text_at(base, "plugin"), *after = text_at(over, "plugin");
  if (before != nullptr && after != nullptr && before->text != after->text)
    std::erase_if(base.children,
                  [](const ConfigNode& child) { return child.name != "site" && child.name != "training"; });
  base.where = over.where;
  for (const ConfigNode& child : over.children) {
    if (ConfigNode* found = base.find(child.name); found != nullptr) lay_over(*found, child);
    else base.children.push_back(child);
  }
}

// Every key with a value that is no table, as a path.
void collect_keys(const ConfigNode& node, std::vector<std::string>& path, std::vector<std::vector<std::string>>& keys) {
  for (const ConfigNode& child : node.children) {
    path.push_back(child.name);
    if (child.is_table()) collect_keys(child, path, keys);
    else keys.push_back(path);
    path.pop_back();
  }
}

struct Found {
  fs::path path;
  std::string text;
};

// The file that `extends` names: beside the file in which it stands. On the command line people write what the shell
// completes, so an override may also be relative to the current folder.
Found find_base(const ConfigNode& extends, const fs::path& path) {
  const SourcePosition& where = extends.where;
  if (extends.kind != Kind::text)
    wrong_use("{}'extends' is {}; expected the path of another experiment file", where.prefix(), extends.kind_text());
  std::vector<fs::path> places{(path.parent_path() / extends.text).lexically_normal()};
  if (where.line <= 0 && places[0] != fs::path(extends.text).lexically_normal()) places.emplace_back(extends.text);
  std::error_code error;
  for (const fs::path& place : places) {
    if (!fs::exists(place, error)) continue;
    try {
      return {place, read_file(place)};
    } catch (const Error& problem) {
      wrong_use("{}'extends': {}", where.prefix(), problem.what());
    }
  }
  wrong_use("{}'extends' names \"{}\", which does not exist; looked for {}", where.prefix(), extends.text,
            fmt::join(places.size() == 1 ? std::vector<std::string>{places[0].string()}
                                         : std::vector<std::string>{places[0].string(), places[1].string()},
                      " and "));
}

std::string identity(const fs::path& path) { return fs::weakly_canonical(fs::absolute(path)).string(); }

// `chain`: the files from the experiment to `path`, as written and as they are.
ConfigNode over_bases(ConfigNode root, const fs::path& path, std::vector<std::pair<std::string, std::string>> chain) {
  const ConfigNode* extends = root.find("extends");
  if (extends == nullptr) return root;
  const SourcePosition where = extends->where;
  if (extends->kind == Kind::text && extends->text.empty()) {  // `--set extends=""`: on its own
    std::erase_if(root.children, [](const ConfigNode& child) { return child.name == "extends"; });
    return root;
  }
  Found found = find_base(*extends, path);
  chain.emplace_back(path.string(), identity(path));
  const std::string next = identity(found.path);
  if (std::any_of(chain.begin(), chain.end(), [&](const auto& entry) { return entry.second == next; })) {
    std::string circle;
    for (const auto& [shown, real] : chain) circle += shown + " -> ";
    wrong_use("{}'extends' leads in a circle: {}{}", where.prefix(), circle, found.path.string());
  }
  std::erase_if(root.children, [](const ConfigNode& child) { return child.name == "extends"; });
  ConfigNode base = over_bases(parse_toml(found.text, found.path.string()), found.path, std::move(chain));
  if (ConfigNode* experiment = base.find("experiment"); experiment != nullptr && experiment->is_table())
    std::erase_if(experiment->children, [](const ConfigNode& child) { return child.name == "name"; });
  std::vector<std::vector<std::string>> keys;
  std::vector<std::string> key;
  collect_keys(root, key, keys);
  for (const auto& set : keys)
    if (set[0] != "sweep") drop_sweep_axis(base, set);
  lay_over(base, root);
  return base;
}

}  // namespace

ConfigNode load_tree(std::string_view text, const fs::path& path, const std::vector<std::string>& overrides) {
  ConfigNode root = parse_toml(text, path.string());
  for (const std::string& assignment : overrides)
    if (overridden_key(assignment) == std::vector<std::string>{"extends"}) apply_override(root, assignment);
  root = over_bases(std::move(root), path, {});
  for (const std::string& assignment : overrides)
    if (overridden_key(assignment) != std::vector<std::string>{"extends"}) apply_override(root, assignment);
  return root;
}

}  // namespace heddle
