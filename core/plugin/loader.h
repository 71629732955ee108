// Brings one plugin into the process: ELF pre-check, Boost.DLL, entry point, copies of its tables, checks of its
// declarations.
//
// A file is loaded once per process (by device and inode) and never unloaded: running code, thread-locals and inline
// statics make unloading unsafe, and addresses inside plugins may be kept for ever.
// Threads: any (serialised inside). Errors: throws Error with one line that begins with the file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/plugin/component.h"

namespace heddle {

struct LoadedPlugin {
  std::string id, version, doc, file;
  uint32_t abi_major = 0, abi_minor = 0;
  std::vector<Component> components;
};

const LoadedPlugin& load_plugin(const std::filesystem::path& file);
// A plugin that is in the process already (built in, or of a test). `origin` stands in messages and as Component::file.
const LoadedPlugin& adopt_plugin(const heddle_plugin* plugin, const std::string& origin);

}  // namespace heddle
