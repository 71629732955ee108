// Which file of a folder is meant.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "heddle/status.hpp"

namespace heddle::plugins {

inline bool is_folder(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}
inline bool is_file(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// path itself when it is no folder, else the one of the names (or of names + ".gz") that the folder has. Raises when
// there is none, or more than one.
inline std::string find_in_folder(const std::string& path, const std::vector<std::string_view>& names) {
  if (!is_folder(path)) {
    if (!is_file(path)) sdk::raise(HEDDLE_NOT_FOUND, "there is no file or folder ", path);
    return path;
  }
  std::vector<std::string> found;
  std::string wanted;
  for (const std::string_view name : names) {
    wanted += sdk::text(wanted.empty() ? "" : ", ", name);
    for (const char* suffix : {"", ".gz"})
      if (std::string candidate = sdk::text(path, "/", name, suffix); is_file(candidate))
        found.push_back(std::move(candidate));
  }
  if (found.empty()) sdk::raise(HEDDLE_NOT_FOUND, "the folder ", path, " has none of ", wanted, " (nor with .gz)");
  if (found.size() > 1)
    sdk::raise(HEDDLE_INVALID_ARGUMENT, "the folder ", path, " has ", found[0], " and ", found[1],
               "; name the file that is meant");
  return found[0];
}

}  // namespace heddle::plugins
