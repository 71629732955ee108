#include "core/config/lookup.h"

#include "core/plugin/registry.h"

namespace heddle {

const Component& RegistryLookup::find(int32_t kind, std::string_view id, std::string_view where) const {
  return registry_.find(kind, id, where);
}

std::vector<const Component*> RegistryLookup::all(int32_t kind) const { return registry_.all(kind); }

}  // namespace heddle
