// Components without plugins: enough of every kind to load experiments against.
#pragma once

#include <list>
#include <string>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/config/lookup.h"

namespace heddle {

class FakePlugins : public ComponentLookup {
 public:
  FakePlugins() {
    using namespace option;
    static const char* const reconstructions[] = {"l2_norm", "l2_squared"};
    add(HEDDLE_KIND_INTERACTIONS, "test.log",
        {path("path", nullptr, "The file.", HEDDLE_PARAM_REQUIRED), text("separator", ",", "Between fields."),
         integer("skip", 0, 0, 100, "Lines to skip.")});
    add(HEDDLE_KIND_ATTRIBUTES, "test.genres",
        {path("path", nullptr, "The file."), text("column", "genres", "Its name.")});
    add(HEDDLE_KIND_BACKBONE, "test.gpt",
        {integer("hidden", 64, 1, 4096, "Width."), integer("layers", 3, 1, 48, "Blocks."),
         real("dropout", 0.1, 0, 0.9, "Share."), path("weights", nullptr, "Weights to begin with."),
         boolean("log_steps", false, "Talk.", HEDDLE_PARAM_NOT_NUMERIC)});
    add(HEDDLE_KIND_DICTIONARY, "test.l1",
        {integer("width", 2048, 1, 1e6, "Features."), real("l1", 0.1, 0, 100, "Weight."),
         choice("reconstruction", reconstructions, 0, "Form.")},
        check_l1);
    add(HEDDLE_KIND_DICTIONARY, "test.topk",
        {integer("width", 2048, 1, 1e6, "Features."), integers("k", "32", 1, 4096, "Kept.")});
    add(HEDDLE_KIND_METRIC, "test.pearson", {});
    add(HEDDLE_KIND_METRIC, "test.sensitivity", {real("threshold", 0, 0, 10, "From where on it counts.")});
    add(HEDDLE_KIND_METRIC, "test.auc", {});
    add(HEDDLE_KIND_METRIC, "acme.auc", {});
    add(HEDDLE_KIND_RANKING_METRIC, "test.ndcg", {});
    add(HEDDLE_KIND_RANKING_METRIC, "test.coverage", {});
  }

  const Component& find(int32_t kind, std::string_view id, std::string_view where) const override {
    std::vector<std::string> ids;
    for (const Component* component : all(kind)) {
      if (component->id == id) return *component;
      ids.push_back(component->id);
    }
    wrong_use("{}no {} '{}'{}", where, kind_name(kind), id, did_you_mean(id, ids));
  }
  std::vector<const Component*> all(int32_t kind) const override {
    std::vector<const Component*> found;
    for (const Component& component : components_)
      if (component.kind == kind) found.push_back(&component);
    return found;
  }
  Component& at(std::string_view id) {
    for (Component& component : components_)
      if (component.id == id) return component;
    fail(HEDDLE_INTERNAL, "no {}", id);
  }

 private:
  static int32_t check_l1(const heddle_values* values, heddle_error* error) {
    if (values->values[1].f > 1 && values->values[2].i == 0)
      return set_error(error, HEDDLE_INVALID_ARGUMENT,
                       "l1 above 1 leaves no feature alive with reconstruction = \"l2_norm\"");
    return HEDDLE_OK;
  }
  void add(int32_t kind, std::string id, std::vector<heddle_param> params,
           int32_t (*check)(const heddle_values*, heddle_error*) = nullptr) {
    Component component;
    component.kind = kind, component.id = std::move(id), component.version = "1.0.0",
    component.params = std::move(params);
    component.check = check;
    components_.push_back(std::move(component));
  }
  std::list<Component> components_;
};

}  // namespace heddle
