// Plugins that are linked into libheddle itself (HEDDLE_STATIC_PLUGINS: sanitizers, coverage). The .cc is written by
// CMake (cmake/HeddleBuiltin.cmake): an explicit list, because linkers drop objects that only register themselves.
#pragma once

#include <span>

#include "heddle/abi.h"

namespace heddle {

struct BuiltinPlugin {
  const char* name;  // of the CMake target
  heddle_plugin_entry entry;
};

// Empty in the usual build, where plugins are shared libraries.
std::span<const BuiltinPlugin> builtin_plugins();

}  // namespace heddle
