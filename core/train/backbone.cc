#include "core/train/backbone.h"

#include <fmt/ranges.h>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/plugin/host.h"
#include "core/plugin/normalise.h"
#include "core/train/checkpoint.h"
#include "core/train/device_batch.h"

namespace heddle {

Backbone::Backbone(Device& device, const Component& component, const Values& values, int64_t items)
    : device_(device),
      component_(component),
      table_(component.table<heddle_backbone_vtable>()),
      resolved_(values.resolved()),
      items_(items) {
  const CallGuard guard(component_);
  const heddle_backbone_plan plan{sizeof plan, 0, items};
  {
    ErrorBuffer error;
    heddle_backbone* self = nullptr;
    check(table_.create(&host(), values.raw(), &plan, &self, error), error, id());
    if (self == nullptr) fail(HEDDLE_INTERNAL, "{}: create() succeeded without an instance", id());
    self_ = {self, table_.destroy};
  }
  ErrorBuffer error;
  info_.struct_size = sizeof info_;
  check(table_.info(self_.get(), &info_, error), error, id());
  if (const uint32_t unknown = info_.flags & must_understand; unknown != 0) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: info() sets flag {:#x}, which this heddle does not understand", id(), unknown);
  }
  if (info_.hidden < 1 || info_.max_length < 1) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: info() gives hidden {} and max_length {}; both are at least 1", id(),
         info_.hidden, info_.max_length);
  }
  heddle_parameters declared{sizeof declared, 0, 0, nullptr};
  check(table_.parameters(self_.get(), &declared, error), error, id());
  parameters_ = std::make_unique<ParameterSet>(device, declared, id());
  heddle_sites sites{sizeof sites, 0, 0, nullptr};
  check(table_.sites(self_.get(), &sites, error), error, id());
  for (const heddle_site& site : normalise_array(sites.items, sites.count, id() + ": sites", sizeof(heddle_site))) {
    if (site.name == nullptr || site.width < 1)
      fail(HEDDLE_INVALID_ARGUMENT, "{}: site {} lacks a name or a width", id(), sites_.size());
    sites_.push_back({site.name, site.doc == nullptr ? "" : site.doc, site.width});
  }
}

int64_t Backbone::site(std::string_view name) const {
  std::vector<std::string> names;
  for (size_t i = 0; i < sites_.size(); ++i) {
    if (sites_[i].name == name) return static_cast<int64_t>(i);
    names.push_back(sites_[i].name);
  }
  wrong_use("{} has no site '{}'{}; its sites: {}", id(), name, did_you_mean(name, names), fmt::join(names, ", "));
}

void Backbone::save(const std::filesystem::path& path, const nlohmann::json& extra) const {
  nlohmann::json metadata = extra.is_object() ? extra : nlohmann::json::object();
  metadata["heddle"] = nlohmann::json{{"kind", "backbone"},
                                      {"plugin", id()},
                                      {"version", component_.version},
                                      {"params", resolved_},
                                      {"items", items_}};
  save_parameters(*parameters_, metadata, path);
}

nlohmann::json Backbone::load(const std::filesystem::path& path) { return load_parameters(*parameters_, path, id()); }

void Backbone::train(Context& context, heddle_rng_key rng, int32_t precision, const heddle_sequences& batch,
                     TensorList& gradients, LossCollector& losses) {
  const CallGuard guard(component_);
  context.call(rng, precision, [&](const heddle_call& call) {
    const DeviceBatch staged(device_, call, batch);
    ErrorBuffer error;
    check(
        table_.train(self_.get(), &call, parameters_->raw(), gradients.raw(), &staged.sequences(), losses.raw(), error),
        error, id());
  });
}

bool Backbone::forward(Context& context, int32_t precision, const heddle_sequences& batch, const Hook& hook,
                       DLTensor* hidden) {
  const CallGuard guard(component_);
  return context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) {
    const DeviceBatch staged(device_, call, batch);
    ErrorBuffer error;
    if (!hook) {
      check(table_.forward(self_.get(), &call, parameters_->raw(), &staged.sequences(), nullptr, hidden, error), error,
            id());
      return true;
    }
    HookAdapter adapter(hook, batch, call);
    const int32_t status =
        table_.forward(self_.get(), &call, parameters_->raw(), &staged.sequences(), adapter.raw(), hidden, error);
    adapter.rethrow();
    if (adapter.stopped() && status == HEDDLE_CANCELLED) return false;
    check(status, error, id());
    return true;
  });
}

void Backbone::score(Context& context, int32_t precision, const DLTensor* hidden, DLTensor* scores) {
  const CallGuard guard(component_);
  context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) {
    ErrorBuffer error;
    check(table_.score(self_.get(), &call, parameters_->raw(), hidden, scores, error), error, id());
  });
}

}  // namespace heddle
