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
  read_info();
  ErrorBuffer error;
  heddle_parameters declared{sizeof declared, 0, 0, nullptr};
  check(table_.parameters(self_.get(), &declared, error), error, id());
  parameters_ = std::make_unique<ParameterSet>(device, declared, id());
  read_sites();
}

void Backbone::read_info() {
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
  if (info_.batches < HEDDLE_BATCHES_NEXT_ITEM || info_.batches > HEDDLE_BATCHES_CLOZE) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: info() asks for batches of kind {}; accepted: 0 to {}", id(), info_.batches,
         HEDDLE_BATCHES_CLOZE);
  }
  const auto share = [](double value) { return value >= 0 && value <= 1; };  // false for NaN
  if (info_.batches == HEDDLE_BATCHES_CLOZE &&
      (!share(info_.mask_probability) || !share(info_.last_mask_probability))) {
    fail(HEDDLE_INVALID_ARGUMENT, "{}: info() gives mask_probability {} and last_mask_probability {}; accepted: 0 to 1",
         id(), info_.mask_probability, info_.last_mask_probability);
  }
  if (ranks() && !component_.provides("rank"))
    fail(HEDDLE_INVALID_ARGUMENT, "{}: info() says that lists come from rank(), which the plugin does not fill", id());
  const int given =
      component_.provides("cache_width") + component_.provides("forward_caching") + component_.provides("forward_from");
  if (given != 0 && given != 3)
    fail(HEDDLE_INVALID_ARGUMENT, "{} fills {} of cache_width, forward_caching and forward_from; all three or none",
         id(), given);
}

void Backbone::read_sites() {
  ErrorBuffer error;
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

void Backbone::prepare(Context& context, heddle_rng_key rng, int32_t precision, const heddle_training_log& log) {
  if (!prepares()) return;
  const CallGuard guard(component_);
  context.call(rng, precision, [&](const heddle_call& call) {
    ErrorBuffer error;
    check(table_.prepare(self_.get(), &call, parameters_->raw(), &log, error), error, id());
  });
}

template <class F>
bool Backbone::hooked(const Hook& hook, const heddle_sequences& batch, const heddle_call& call, F&& f) {
  ErrorBuffer error;
  if (!hook) {
    check(f(nullptr, error), error, id());
    return true;
  }
  HookAdapter adapter(hook, batch, call);
  const int32_t status = f(adapter.raw(), error);
  adapter.rethrow();
  if (adapter.stopped() && status == HEDDLE_CANCELLED) return false;
  check(status, error, id());
  return true;
}

bool Backbone::forward(Context& context, int32_t precision, const heddle_sequences& batch, const Hook& hook,
                       DLTensor* hidden) {
  const CallGuard guard(component_);
  return context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) {
    const DeviceBatch staged(device_, call, batch);
    return hooked(hook, batch, call, [&](const heddle_hook* raw, heddle_error* error) {
      return table_.forward(self_.get(), &call, parameters_->raw(), &staged.sequences(), raw, hidden, error);
    });
  });
}

bool Backbone::can_resume(int64_t site) {
  if (!can_resume()) return false;
  const CallGuard guard(component_);
  ErrorBuffer error;
  int64_t width = 0;
  const int32_t status = table_.cache_width(self_.get(), site, &width, error);
  if (status != HEDDLE_UNIMPLEMENTED) check(status, error, id());
  return status == HEDDLE_OK;
}

int64_t Backbone::cache_width(int64_t site) {
  const CallGuard guard(component_);
  ErrorBuffer error;
  int64_t width = 0;
  check(table_.cache_width(self_.get(), site, &width, error), error, id());
  if (width < 0) fail(HEDDLE_INVALID_ARGUMENT, "{}: a cache of width {}; at least 0", id(), width);
  return width;
}

bool Backbone::forward_caching(Context& context, int32_t precision, const heddle_sequences& batch, const Hook& hook,
                               int64_t site, DLTensor* cache, DLTensor* hidden) {
  const CallGuard guard(component_);
  return context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) {
    const DeviceBatch staged(device_, call, batch);
    return hooked(hook, batch, call, [&](const heddle_hook* raw, heddle_error* error) {
      return table_.forward_caching(self_.get(), &call, parameters_->raw(), &staged.sequences(), raw, site, cache,
                                    hidden, error);
    });
  });
}

void Backbone::forward_from(Context& context, int32_t precision, const heddle_resume& from, DLTensor* hidden) {
  const CallGuard guard(component_);
  context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) {
    ErrorBuffer error;
    check(table_.forward_from(self_.get(), &call, parameters_->raw(), &from, hidden, error), error, id());
  });
}

bool Backbone::rank(Context& context, int32_t precision, const heddle_sequences& batch, const Hook& hook,
                    const int64_t* seen_offsets, const int32_t* seen_items, int64_t k, int32_t* items, float* scores) {
  const CallGuard guard(component_);
  TensorView item_view = view(items, batch.count, k), score_view = view(scores, batch.count, k), offsets, seen;
  if (seen_offsets != nullptr) {
    offsets = view(seen_offsets, batch.count + 1);
    seen = view(seen_items, seen_offsets[batch.count]);
  }
  const bool done = context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) {
    const DeviceBatch staged(device_, call, batch);
    return hooked(hook, batch, call, [&](const heddle_hook* raw, heddle_error* error) {
      const bool masks = seen_offsets != nullptr;
      const heddle_rank args{
          sizeof args, 0,         &staged.sequences(), raw, masks ? offsets.dl() : nullptr, masks ? seen.dl() : nullptr,
          item_view,   score_view};
      return table_.rank(self_.get(), &call, parameters_->raw(), &args, error);
    });
  });
  for (int64_t i = 0; done && i < batch.count * k; ++i) {
    if (items[i] < -1 || items[i] >= items_)
      fail(HEDDLE_OUT_OF_RANGE, "{}: rank() lists item {}; accepted: 0 to {}, or -1", id(), items[i], items_ - 1);
  }
  return done;
}

void Backbone::score(Context& context, int32_t precision, const DLTensor* hidden, DLTensor* scores) {
  const CallGuard guard(component_);
  context.call(rng_key(0, RngPurpose::component), precision, [&](const heddle_call& call) {
    ErrorBuffer error;
    check(table_.score(self_.get(), &call, parameters_->raw(), hidden, scores, error), error, id());
  });
}

}  // namespace heddle
