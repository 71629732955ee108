// Drives a component through its C table, as the host does, without the host: options filled from the declaration.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "heddle/abi.h"

namespace heddle_test {

struct ErrorText {
  char text[512] = "";
  heddle_error raw{sizeof(heddle_error), 0, 0, sizeof text, 0, text};
};

using Given = std::map<std::string, std::variant<int64_t, double, std::string>>;

// heddle_values of a component: declared defaults, replaced by what is given.
class Options {
 public:
  Options(const heddle_component& component, const Given& given) : given_(given) {
    for (uint64_t i = 0; i < component.n_params; ++i) {
      const heddle_param& p = component.params[i];
      heddle_value v{};
      v.struct_size = sizeof v;
      v.type = p.type;
      v.i = p.default_int;
      v.f = p.default_float;
      v.s = p.type == HEDDLE_PARAM_CHOICE ? p.choices[p.default_int] : p.default_string;
      if (auto it = given_.find(p.name); it != given_.end()) {
        if (auto* n = std::get_if<int64_t>(&it->second)) v.i = *n;
        if (auto* f = std::get_if<double>(&it->second)) v.f = *f;
        if (auto* s = std::get_if<std::string>(&it->second)) v.s = s->c_str();
      }
      values_.push_back(v);
    }
    raw_ = {sizeof raw_, 0, values_.size(), values_.data()};
  }
  const heddle_values* raw() const { return &raw_; }

 private:
  Given given_;  // values_ point into its texts
  std::vector<heddle_value> values_;
  heddle_values raw_{};
};

inline const heddle_component& component(const heddle_plugin* plugin, const std::string& id) {
  for (uint64_t i = 0; i < plugin->n_components; ++i)
    if (plugin->components[i]->id == id) return *plugin->components[i];
  ADD_FAILURE() << "no component " << id;
  return *plugin->components[0];
}

// One instance of a kind: Handle and Table are its ABI types.
template <class Table, class Handle>
class Instance {
 public:
  template <class... Plan>
  Instance(const heddle_component& c, const Given& given, const Plan*... plan)
      : table(*static_cast<const Table*>(c.vtable)) {
    const Options options(c, given);
    ErrorText error;
    EXPECT_EQ(table.create(nullptr, options.raw(), plan..., &handle, &error.raw), HEDDLE_OK) << error.text;
  }
  ~Instance() { table.destroy(handle); }
  const Table& table;
  Handle* handle = nullptr;
};

}  // namespace heddle_test
