// How the loader finds components, so that it can be tested without plugins.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/plugin/component.h"

namespace heddle {

class Registry;

class ComponentLookup {
 public:
  virtual ~ComponentLookup() = default;
  // The component of this kind and id. Throws wrong_use, its message starting with `where`.
  virtual const Component& find(int32_t kind, std::string_view id, std::string_view where) const = 0;
  // All components of a kind, by id.
  virtual std::vector<const Component*> all(int32_t kind) const = 0;
};

class RegistryLookup : public ComponentLookup {
 public:
  explicit RegistryLookup(const Registry& registry) : registry_(registry) {}
  const Component& find(int32_t kind, std::string_view id, std::string_view where) const override;
  std::vector<const Component*> all(int32_t kind) const override;

 private:
  const Registry& registry_;
};

}  // namespace heddle
