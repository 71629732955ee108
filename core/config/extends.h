// `extends = "other.toml"`: one experiment file laid over another. Internal to core/config.
//
// The path is relative to the file in which it stands. Tables are merged key by key and the file wins; everything else,
// lists and [[tables]] too, is replaced. Three rules make that do what people mean:
//  - a table that names another `plugin` keeps nothing of the base's but `site` and `training`: the rest were
//    parameters of the other component;
//  - a key that the file sets is taken out of the base's [sweep], as `--set` does;
//  - `name` of [experiment] says which file it is, so it is not inherited.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config_node.h"

namespace heddle {

// The tree of `text` over those of all files that it extends, with every override applied: those of `extends` before
// other files are read, the others, in their order, at the end. `path` names the file in messages and is where relative
// names begin. Errors: wrong_use; a file that cannot be read or a circle is told at the `extends` that leads there.
ConfigNode load_tree(std::string_view text, const std::filesystem::path& path,
                     const std::vector<std::string>& overrides);

}  // namespace heddle
