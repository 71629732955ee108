// The component under test inside a child: its values, its instances, a host that keeps quiet.
// Threads: one. Errors: Failure and Skip (child.h).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/conformance/child.h"
#include "core/plugin/component.h"
#include "core/plugin/values.h"

namespace heddle::conformance {

using GivenText = std::map<std::string, std::string>;  // CheckOptions::given

// A host whose log and progress go nowhere, so that what appears on stderr was printed by the plugin itself.
const heddle_host& quiet_host();

// Defaults, with `given` where a parameter of that name exists, and a made-up value for required ones: their minimum,
// their first choice, "x", a list of one. Required paths cannot be made up: Skip, unless `invent_paths`.
std::vector<GivenValue> base_values(const Component& component, const GivenText& given, bool invent_paths = false);
// The same with one parameter set.
std::vector<GivenValue> with_value(std::vector<GivenValue> values, const std::string& name, GivenValue::Variant value);

// Throws Failure unless status is OK: "encode: message". An error without a message is a failure of its own kind.
void require_ok(int32_t status, const ErrorBuffer& error, const std::string& what);
// Throws Failure when status is OK or the error says nothing.
void require_error(int32_t status, const ErrorBuffer& error, const std::string& what);

// An instance of any kind, owned.
template <class V>
struct Traits;
template <>
struct Traits<heddle_dictionary_vtable> {
  using Handle = heddle_dictionary;
};
template <>
struct Traits<heddle_backbone_vtable> {
  using Handle = heddle_backbone;
};
template <>
struct Traits<heddle_metric_vtable> {
  using Handle = heddle_metric;
};
template <>
struct Traits<heddle_ranking_metric_vtable> {
  using Handle = heddle_ranking_metric;
};
template <>
struct Traits<heddle_interactions_vtable> {
  using Handle = heddle_interactions;
};
template <>
struct Traits<heddle_attributes_vtable> {
  using Handle = heddle_attributes;
};
template <>
struct Traits<heddle_device_vtable> {
  using Handle = heddle_device;
};

inline constexpr int64_t test_inputs = 13;  // width of a site; prime, so that no tile fits
inline constexpr int64_t test_items = 53;   // size of a catalogue

template <class V>
class Instance {
 public:
  using Handle = typename Traits<V>::Handle;
  Instance(const Component& component, const Values& values) : table_(component.table<V>()) {
    status_ = create(values);
    if (status_ == HEDDLE_OK && handle_ == nullptr) fail_check("create succeeded and gave no instance");
  }
  ~Instance() {
    if (handle_ == nullptr || status_ != HEDDLE_OK) return;
    if constexpr (requires { table_.destroy; }) table_.destroy(handle_);
    else table_.close(handle_);
  }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  int32_t status() const { return status_; }  // of create
  const ErrorBuffer& error() const { return error_; }
  Instance& required() {
    require_ok(status_, error_, "create");
    return *this;
  }
  Handle* handle() const { return handle_; }
  const V& table() const { return table_; }

 private:
  int32_t create(const Values& values) {
    if constexpr (std::is_same_v<V, heddle_dictionary_vtable>) {
      const heddle_dictionary_plan plan{sizeof plan, 0, test_inputs};
      return table_.create(&quiet_host(), values.raw(), &plan, &handle_, error_);
    } else if constexpr (std::is_same_v<V, heddle_backbone_vtable>) {
      const heddle_backbone_plan plan{sizeof plan, 0, test_items};
      return table_.create(&quiet_host(), values.raw(), &plan, &handle_, error_);
    } else if constexpr (requires { table_.create; }) {
      return table_.create(&quiet_host(), values.raw(), &handle_, error_);
    } else {
      return table_.open(&quiet_host(), values.raw(), &handle_, error_);
    }
  }
  const V& table_;
  Handle* handle_ = nullptr;
  ErrorBuffer error_;
  int32_t status_ = HEDDLE_OK;
};

// Calls f with the vtable type of the component's kind as a type tag.
template <class F>
auto by_kind(int32_t kind, F&& f) {
  switch (kind) {
    case HEDDLE_KIND_INTERACTIONS: return f(static_cast<heddle_interactions_vtable*>(nullptr));
    case HEDDLE_KIND_ATTRIBUTES: return f(static_cast<heddle_attributes_vtable*>(nullptr));
    case HEDDLE_KIND_BACKBONE: return f(static_cast<heddle_backbone_vtable*>(nullptr));
    case HEDDLE_KIND_DICTIONARY: return f(static_cast<heddle_dictionary_vtable*>(nullptr));
    case HEDDLE_KIND_METRIC: return f(static_cast<heddle_metric_vtable*>(nullptr));
    case HEDDLE_KIND_RANKING_METRIC: return f(static_cast<heddle_ranking_metric_vtable*>(nullptr));
    case HEDDLE_KIND_DEVICE: return f(static_cast<heddle_device_vtable*>(nullptr));
    default: fail(HEDDLE_INTERNAL, "kind {}", kind);
  }
}

}  // namespace heddle::conformance
