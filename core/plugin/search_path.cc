#include "core/plugin/search_path.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string_view>

namespace heddle {

std::filesystem::path installed_plugin_folder() {
  Dl_info info{};
  // Any function of this library tells where it was loaded from.
  if (dladdr(reinterpret_cast<const void*>(&installed_plugin_folder), &info) == 0 || info.dli_fname == nullptr)
    return {};
  std::error_code error;
  const std::filesystem::path library = std::filesystem::canonical(info.dli_fname, error);
  return error ? std::filesystem::path() : library.parent_path() / "heddle" / "plugins";
}

SearchPath SearchPath::standard(const std::vector<std::filesystem::path>& experiment) {
  SearchPath path;
  for (const auto& entry : experiment) path.places.push_back({entry, "[plugins] path", true});
  if (const char* variable = std::getenv("HEDDLE_PLUGIN_PATH"); variable != nullptr) {
    std::string_view rest = variable;
    while (!rest.empty()) {
      const size_t colon = rest.find(':');
      const std::string_view entry = rest.substr(0, colon);
      if (!entry.empty()) path.places.push_back({entry, "HEDDLE_PLUGIN_PATH", true});
      rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    }
  }
  if (auto folder = installed_plugin_folder(); !folder.empty())
    path.places.push_back({folder, "installed with heddle", false});
  return path;
}

}  // namespace heddle
