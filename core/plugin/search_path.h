// Where plugins are looked for, in order: what the experiment names, HEDDLE_PLUGIN_PATH, the install's own folder.
// Never the current folder: a relative entry is refused with a reason, not resolved.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace heddle {

struct SearchPlace {
  std::filesystem::path path;  // a folder (all *.so in it, by name) or one file; as written
  std::string origin;          // "[plugins] path", "HEDDLE_PLUGIN_PATH", "installed with heddle"
  bool explicitly = false;     // the user named it: what is wrong with it is worth a warning
};

struct SearchPath {
  std::vector<SearchPlace> places;

  // `experiment`: entries of [plugins] path, made absolute (relative to the experiment file) by whoever read them.
  static SearchPath standard(const std::vector<std::filesystem::path>& experiment = {});
};

// <libdir>/heddle/plugins beside the libheddle that runs: right for an install and for a build tree alike.
std::filesystem::path installed_plugin_folder();

}  // namespace heddle
