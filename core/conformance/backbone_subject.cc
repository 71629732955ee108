#include "core/conformance/backbone_subject.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/compute/rng.h"
#include "core/plugin/normalise.h"

namespace heddle::conformance {

// A packed batch in guarded, read-only memory.
struct BackboneSubject::Batch {
  Batch(const Histories& histories, bool append_mask, bool with_targets)
      : offsets(DType::i64, {static_cast<int64_t>(histories.size()) + 1}),
        items(DType::i32, {tokens_of(histories, append_mask)}),
        targets(DType::i32, items.shape()),
        positions(DType::i32, items.shape()),
        users(DType::i32, {static_cast<int64_t>(histories.size())}) {
    int64_t at = 0;
    offsets.data<int64_t>()[0] = 0;
    for (size_t s = 0; s < histories.size(); ++s) {
      const std::vector<int32_t>& history = histories[s];
      for (size_t i = 0; i < history.size() + (append_mask ? 1 : 0); ++i, ++at) {
        items.data<int32_t>()[at] = i < history.size() ? history[i] : static_cast<int32_t>(test_items);
        targets.data<int32_t>()[at] = with_targets && i + 1 < history.size() ? history[i + 1] : -1;
        positions.data<int32_t>()[at] = static_cast<int32_t>(i);
      }
      offsets.data<int64_t>()[s + 1] = at;
      users.data<int32_t>()[s] = static_cast<int32_t>(s);
    }
    for (GuardedTensor* tensor : {&offsets, &items, &targets, &positions, &users}) tensor->protect(true);
    raw.struct_size = sizeof raw;
    raw.count = static_cast<int64_t>(histories.size());
    raw.tokens = at;
    raw.offsets = offsets, raw.items = items, raw.positions = positions, raw.users = users;
  }
  static int64_t tokens_of(const Histories& histories, bool append_mask) {
    size_t count = 0;
    for (const auto& history : histories) count += history.size() + (append_mask ? 1 : 0);
    return static_cast<int64_t>(count);
  }
  GuardedTensor offsets, items, targets, positions, users;
  heddle_sequences raw{};
};

BackboneSubject::BackboneSubject(const Component& component, const GivenText& given, int threads, float jitter) {
  const Values values(component, base_values(component, given));
  about_to("create");
  instance_ = std::make_unique<Instance<heddle_backbone_vtable>>(component, values);
  instance_->required();
  ErrorBuffer error;
  about_to("info");
  info_.struct_size = sizeof info_;
  require_ok(instance_->table().info(instance_->handle(), &info_, error), error, "info");
  if (info_.hidden < 1 || info_.hidden > (1 << 20)) fail_check("info says a hidden width of {}", info_.hidden);
  if (info_.max_length < 1) fail_check("info says a longest window of {}", info_.max_length);
  about_to("parameters");
  heddle_parameters declared{};
  declared.struct_size = sizeof declared;
  require_ok(instance_->table().parameters(instance_->handle(), &declared, error), error, "parameters");
  params_ = std::make_unique<ParameterSet>(checked_parameters(declared), 1, jitter);
  read_sites();
  device_ = Device::cpu({threads, "auto"});
  context_ = std::make_unique<Context>(*device_);
}

void BackboneSubject::read_sites() {
  about_to("sites");
  ErrorBuffer error;
  heddle_sites raw{};
  raw.struct_size = sizeof raw;
  require_ok(instance_->table().sites(instance_->handle(), &raw, error), error, "sites");
  sites_ = normalise_array(raw.items, raw.count, "sites()");
  if (sites_.empty()) fail_check("it has no activation sites: nothing could be read or steered");
  std::set<std::string_view> names;
  for (const heddle_site& site : sites_) {
    if (site.name == nullptr || *site.name == 0) fail_check("a site has no name");
    if (!names.insert(site.name).second) fail_check("the site '{}' is declared twice", site.name);
    if (site.width < 1) fail_check("the site '{}' has width {}", site.name, site.width);
    if (site.doc == nullptr || *site.doc == 0) fail_check("the site '{}' is not documented", site.name);
  }
}

int32_t BackboneSubject::forward_status(const Histories& histories, ErrorBuffer& error, const AtSite* at,
                                        std::vector<float>* hidden) {
  const Batch batch(histories, (info_.flags & HEDDLE_BACKBONE_APPEND_MASK) != 0, false);
  GuardedTensor out(DType::f32, {batch.raw.tokens, info_.hidden});
  heddle_hook hook{sizeof hook, 0, const_cast<AtSite*>(at),
                   [](void* self, int64_t site, DLTensor* activations, heddle_error*) -> int32_t {
                     return (*static_cast<const AtSite*>(self))(site, activations);
                   }};
  about_to(fmt::format("forward of {} sequences, {} tokens", batch.raw.count, batch.raw.tokens));
  const int32_t status =
      context_->call(rng_key(1, RngPurpose::test), HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
        return instance_->table().forward(instance_->handle(), &call, params_->values(), &batch.raw,
                                          at == nullptr ? nullptr : &hook, out, error);
      });
  out.check("the hidden states");
  params_->check();
  if (hidden != nullptr) *hidden = out.copy<float>();
  return status;
}

std::vector<float> BackboneSubject::forward(const Histories& histories, const AtSite* at) {
  ErrorBuffer error;
  std::vector<float> hidden;
  require_ok(forward_status(histories, error, at, &hidden), error, "forward");
  for (size_t i = 0; i < hidden.size(); ++i) {
    if (!std::isfinite(hidden[i]))
      fail_check("the hidden states hold {} at token {}", hidden[i], i / static_cast<size_t>(info_.hidden));
  }
  return hidden;
}

std::vector<float> BackboneSubject::score(const std::vector<float>& hidden) {
  const int64_t count = static_cast<int64_t>(hidden.size()) / info_.hidden;
  GuardedTensor states(DType::f32, {count, info_.hidden}), scores(DType::f32, {count, test_items});
  std::copy(hidden.begin(), hidden.end(), states.data<float>());
  states.protect(true);
  about_to(fmt::format("score of {} states", count));
  ErrorBuffer error;
  context_->call(rng_key(1, RngPurpose::test), HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
    require_ok(instance_->table().score(instance_->handle(), &call, params_->values(), states, scores, error), error,
               "score");
  });
  scores.check("the scores");
  auto out = scores.copy<float>();
  for (float value : out) {
    if (!std::isfinite(value)) fail_check("the scores hold {}", value);
  }
  return out;
}

std::vector<float> BackboneSubject::last_states(const Histories& histories) {
  const std::vector<float> hidden = forward(histories);
  const bool mask = (info_.flags & HEDDLE_BACKBONE_APPEND_MASK) != 0;
  std::vector<float> out;
  int64_t end = 0;
  for (const auto& history : histories) {
    end += static_cast<int64_t>(history.size()) + (mask ? 1 : 0);
    out.insert(out.end(), hidden.begin() + (end - 1) * info_.hidden, hidden.begin() + end * info_.hidden);
  }
  return out;
}

BackboneTrainResult BackboneSubject::train(const Histories& histories, uint64_t step, bool with_targets) {
  Batch batch(histories, false, with_targets);
  batch.raw.targets = batch.targets;
  LossCollector losses;
  ErrorBuffer error;
  about_to(fmt::format("train of {} sequences, {} tokens", batch.raw.count, batch.raw.tokens));
  context_->call(rng_key(1, RngPurpose::dropout, 0, step), HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
    require_ok(instance_->table().train(instance_->handle(), &call, params_->values(), params_->gradients(), &batch.raw,
                                        losses.raw(), error),
               error, "train");
  });
  params_->check();
  losses.require_finite();
  BackboneTrainResult out{losses.losses(), losses.total(), {}};
  for (size_t i = 0; i < params_->count(); ++i) {
    out.gradients.emplace_back(params_->gradient(i),
                               params_->gradient(i) + (params_->is_buffer(i) ? 0 : params_->size(i)));
  }
  return out;
}

Histories test_histories(const BackboneSubject& subject, uint64_t seed) {
  Histories out;
  uint64_t draw = 0;
  const heddle_rng_key key = rng_key(seed, RngPurpose::test);
  for (int64_t length : {7, 1, 12, 2}) {
    auto& history = out.emplace_back();
    for (int64_t i = 0; i < std::min(length, subject.info().max_length); ++i) {
      history.push_back(static_cast<int32_t>(philox_block(key, draw++)[0] % test_items));
    }
  }
  return out;
}

}  // namespace heddle::conformance
