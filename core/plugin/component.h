// One component of a loaded plugin, in the host's own full-size copy of its tables.
//
// Whatever minor version the plugin was built for, `params` are full heddle_param structs and `table<V>()` is a full
// vtable: slots that the plugin lacks are stubs that return UNIMPLEMENTED, so nobody tests pointers. Where a choice of
// forms exists (metrics), provides("score") says what the plugin itself gives.
//
// Ownership: components live as long as the process (plugins are never unloaded); keep pointers freely.
// Threads: immutable, any. Calls into EXCLUSIVE components go under a CallGuard.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/schema.h"
#include "heddle/abi.h"

namespace heddle {

// The kind that belongs to a vtable type, for checked access.
template <class V>
inline constexpr int32_t kind_of = 0;
template <>
inline constexpr int32_t kind_of<heddle_interactions_vtable> = HEDDLE_KIND_INTERACTIONS;
template <>
inline constexpr int32_t kind_of<heddle_attributes_vtable> = HEDDLE_KIND_ATTRIBUTES;
template <>
inline constexpr int32_t kind_of<heddle_backbone_vtable> = HEDDLE_KIND_BACKBONE;
template <>
inline constexpr int32_t kind_of<heddle_dictionary_vtable> = HEDDLE_KIND_DICTIONARY;
template <>
inline constexpr int32_t kind_of<heddle_metric_vtable> = HEDDLE_KIND_METRIC;
template <>
inline constexpr int32_t kind_of<heddle_ranking_metric_vtable> = HEDDLE_KIND_RANKING_METRIC;
template <>
inline constexpr int32_t kind_of<heddle_device_vtable> = HEDDLE_KIND_DEVICE;

// "interactions", "attributes", "backbone", "dictionary", "metric", "ranking metric", "device".
std::string_view kind_name(int32_t kind);
// The reverse; also takes "ranking_metric" and "ranking-metric". 0 when unknown.
int32_t kind_by_name(std::string_view name);

struct Component {
  int32_t kind = 0;
  int32_t concurrency = HEDDLE_CONCURRENCY_EXCLUSIVE;
  uint32_t flags = 0;
  std::string id, version, doc;
  std::vector<heddle_param> params;  // strings inside belong to the plugin
  int32_t (*check)(const heddle_values*, heddle_error*) = nullptr;
  std::string plugin_id, plugin_version;
  std::string file;    // absolute path, or "built in"
  std::string sha256;  // of the file, hexadecimal; empty when built in

  template <class V>
  const V& table() const {
    static_assert(kind_of<V> != 0, "not a component's vtable");
    return *static_cast<const V*>(checked_table(kind_of<V>));
  }
  // Whether the plugin itself fills this slot of its vtable.
  bool provides(std::string_view slot) const;
  Schema schema() const { return {id, params, check}; }

  // Filled by the loader.
  const void* vtable = nullptr;            // full table of its kind, in host memory
  std::vector<std::string_view> provided;  // names of the slots that the plugin fills
  std::mutex* exclusive = nullptr;         // set when EXCLUSIVE

 private:
  const void* checked_table(int32_t wanted) const;  // throws Error(INTERNAL) on a mismatch of kinds
};

// Serialises calls into a component that declares itself EXCLUSIVE; free for the others.
class CallGuard {
 public:
  explicit CallGuard(const Component& component) : mutex_(component.exclusive) {
    if (mutex_ != nullptr) mutex_->lock();
  }
  ~CallGuard() {
    if (mutex_ != nullptr) mutex_->unlock();
  }
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

 private:
  std::mutex* mutex_;
};

}  // namespace heddle
