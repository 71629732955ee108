// HEDDLE_PLUGIN(id, version, components...): the last line of a plugin. It emits the ELF note that the host reads
// before loading anything, and the one exported symbol, which returns constant-initialised data: nothing of the plugin
// runs until the host creates a component.
//
//   HEDDLE_PLUGIN("acme.metrics", "1.2.0", F1, Precision)
//
// Put components into an anonymous namespace, so that plugins can also be linked into one program. Include the header
// of the kinds that you provide (dictionary.hpp, metric.hpp, …); each includes this one.
#pragma once

#include "component.hpp"

namespace heddle::sdk::detail {

template <class... Components>
constexpr uint32_t kinds_of() {
  return (0u | ... | (1u << Components::kind));
}

template <class... Components>
constexpr std::array<heddle_component, sizeof...(Components)> components_of(const char* version) {
  return {component<Components>(version)...};
}

template <std::size_t N>
constexpr std::array<const heddle_component*, N> pointers_to(const std::array<heddle_component, N>& components) {
  std::array<const heddle_component*, N> out{};
  for (std::size_t i = 0; i < N; ++i) out[i] = &components[i];
  return out;
}

template <std::size_t N>
constexpr heddle_plugin plugin_of(const char* id, const char* version,
                                  const std::array<heddle_component, N>& components,
                                  const std::array<const heddle_component*, N>& pointers) {
  return {sizeof(heddle_plugin), 0, HEDDLE_ABI_MAJOR, HEDDLE_TARGET_MINOR, id, version,
          components[0].doc,     N, pointers.data()};
}

}  // namespace heddle::sdk::detail

#define HEDDLE_PLUGIN(ID, VERSION, ...)                                                                 \
  HEDDLE_PLUGIN_NOTE((::heddle::sdk::detail::kinds_of<__VA_ARGS__>()));                                 \
  static constexpr auto heddle_components = ::heddle::sdk::detail::components_of<__VA_ARGS__>(VERSION); \
  static constexpr auto heddle_component_list = ::heddle::sdk::detail::pointers_to(heddle_components);  \
  static constexpr heddle_plugin heddle_descriptor =                                                    \
      ::heddle::sdk::detail::plugin_of(ID, VERSION, heddle_components, heddle_component_list);          \
  extern "C" HEDDLE_EXPORT const heddle_plugin* HEDDLE_ENTRY_NAME(void) { return &heddle_descriptor; }
