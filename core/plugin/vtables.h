// The slots of every vtable of the ABI: their names, which of them a plugin must fill, and the stubs that stand in for
// the others. A stub with an error argument says "slot 'merge' is not provided by this plugin" and returns
// UNIMPLEMENTED. Threads: any. Errors: throws Error naming the first missing slot.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "heddle/abi.h"

namespace heddle {

struct FullTable {
  std::shared_ptr<void> memory;            // a full vtable of the kind
  std::vector<std::string_view> provided;  // slots that the plugin fills
};

// `vtable` of a component of `kind`, copied into a full one. `what` begins the messages.
FullTable full_vtable(int32_t kind, const void* vtable, const std::string& what);

// The op table of a device, every op callable.
heddle_ops full_ops(const heddle_ops* ops, const std::string& what);

}  // namespace heddle
