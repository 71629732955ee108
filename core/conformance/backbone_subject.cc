#include "core/conformance/backbone_subject.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/compute/rng.h"
#include "core/plugin/normalise.h"

namespace heddle::conformance {

// Which events a cloze batch hides: a fixed pattern, at least one of each history.
static bool hidden_event(size_t sequence, size_t at, size_t length) {
  return (at + sequence) % 3 == 1 || (length < 3 && at + 1 == length);
}

// A packed batch in guarded, read-only memory. Training batches have targets (all -1 without `with_targets`) and no
// appended mask.
struct BackboneSubject::Batch {
  Batch(const BackboneSubject& subject, const Histories& histories, bool training, bool with_targets)
      : appended(!training && subject.appends_mask() ? 1 : 0),
        offsets(DType::i64, {static_cast<int64_t>(histories.size()) + 1}),
        items(DType::i32, {tokens_of(histories, appended)}),
        targets(DType::i32, items.shape()),
        positions(DType::i32, items.shape()),
        users(DType::i32, {static_cast<int64_t>(histories.size())}) {
    const bool from_end = subject.has(HEDDLE_BACKBONE_POSITIONS_FROM_END);
    const bool cloze = training && with_targets && subject.info().batches == HEDDLE_BATCHES_CLOZE;
    int64_t at = 0;
    offsets.data<int64_t>()[0] = 0;
    for (size_t s = 0; s < histories.size(); ++s) {
      const std::vector<int32_t>& history = histories[s];
      const size_t length = history.size() + appended;
      const int64_t first = from_end ? subject.info().max_length - static_cast<int64_t>(length) : 0;
      for (size_t i = 0; i < length; ++i, ++at) {
        const bool hidden = cloze && hidden_event(s, i, length);
        items.data<int32_t>()[at] = i < history.size() && !hidden ? history[i] : static_cast<int32_t>(test_items);
        targets.data<int32_t>()[at] = cloze                                    ? (hidden ? history[i] : -1)
                                      : with_targets && i + 1 < history.size() ? history[i + 1]
                                                                               : -1;
        positions.data<int32_t>()[at] = static_cast<int32_t>(first + static_cast<int64_t>(i));
      }
      offsets.data<int64_t>()[s + 1] = at;
      users.data<int32_t>()[s] = static_cast<int32_t>(s);
    }
    for (GuardedTensor* tensor : {&offsets, &items, &targets, &positions, &users}) tensor->protect(true);
    raw.struct_size = sizeof raw;
    raw.count = static_cast<int64_t>(histories.size());
    raw.tokens = at;
    raw.offsets = offsets, raw.items = items, raw.positions = positions, raw.users = users;
    if (training) raw.targets = targets;
  }
  static int64_t tokens_of(const Histories& histories, size_t appended) {
    size_t count = 0;
    for (const auto& history : histories) count += history.size() + appended;
    return static_cast<int64_t>(count);
  }
  size_t appended;
  GuardedTensor offsets, items, targets, positions, users;
  heddle_sequences raw{};
};

BackboneSubject::BackboneSubject(const Component& component, const GivenText& given, int threads, float jitter)
    : BackboneSubject(component, given, threads, jitter, test_log(1)) {}

BackboneSubject::BackboneSubject(const Component& component, const GivenText& given, int threads, float jitter,
                                 const Histories& log)
    : component_(component) {
  const Values values(component, base_values(component, given));
  about_to("create");
  instance_ = std::make_unique<Instance<heddle_backbone_vtable>>(component, values);
  instance_->required();
  read_info();
  ErrorBuffer error;
  about_to("parameters");
  heddle_parameters declared{};
  declared.struct_size = sizeof declared;
  require_ok(instance_->table().parameters(instance_->handle(), &declared, error), error, "parameters");
  params_ = std::make_unique<ParameterSet>(checked_parameters(declared), 1, jitter);
  read_sites();
  device_ = Device::cpu({threads, "auto"});
  context_ = std::make_unique<Context>(*device_);
  if (component.provides("prepare")) prepare(log);
}

void BackboneSubject::read_info() {
  ErrorBuffer error;
  about_to("info");
  info_.struct_size = sizeof info_;
  require_ok(instance_->table().info(instance_->handle(), &info_, error), error, "info");
  if (info_.hidden < 1 || info_.hidden > (1 << 20)) fail_check("info says a hidden width of {}", info_.hidden);
  if (info_.max_length < (appends_mask() ? 2 : 1)) fail_check("info says a longest window of {}", info_.max_length);
  if (info_.batches < HEDDLE_BATCHES_NEXT_ITEM || info_.batches > HEDDLE_BATCHES_CLOZE)
    fail_check("info says batches of kind {}; there are 0 to {}", info_.batches, HEDDLE_BATCHES_CLOZE);
  for (const double share : {info_.mask_probability, info_.last_mask_probability}) {
    if (info_.batches == HEDDLE_BATCHES_CLOZE && !(share >= 0 && share <= 1))
      fail_check("info says that a share of {} is masked", share);
  }
  if (has(HEDDLE_BACKBONE_RANKS) && !component_.provides("rank"))
    fail_check("info says that lists come from rank(), which is not filled");
  const int resume =
      component_.provides("cache_width") + component_.provides("forward_caching") + component_.provides("forward_from");
  if (resume != 0 && resume != 3)
    fail_check("of cache_width, forward_caching and forward_from only {} are filled", resume);
}

void BackboneSubject::prepare(const Histories& log) {
  GuardedTensor offsets(DType::i64, {static_cast<int64_t>(log.size()) + 1});
  GuardedTensor items(DType::i32, {Batch::tokens_of(log, 0)});
  int64_t at = 0;
  offsets.data<int64_t>()[0] = 0;
  for (size_t user = 0; user < log.size(); ++user) {
    for (const int32_t item : log[user]) items.data<int32_t>()[at++] = item;
    offsets.data<int64_t>()[user + 1] = at;
  }
  offsets.protect(true), items.protect(true);
  const heddle_training_log raw{sizeof raw, 0, static_cast<int64_t>(log.size()), offsets.data<int64_t>(),
                                items.data<int32_t>()};
  about_to(fmt::format("prepare with {} users", log.size()));
  ErrorBuffer error;
  params_->open(true);
  context_->call(rng_key(1, RngPurpose::component), HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
    require_ok(instance_->table().prepare(instance_->handle(), &call, params_->values(), &raw, error), error,
               "prepare");
  });
  params_->open(false);
  params_->check();
  for (size_t i = 0; i < params_->count(); ++i) {
    for (int64_t j = 0; j < params_->size(i); ++j) {
      if (!std::isfinite(params_->value(i)[j]))
        fail_check("prepare leaves {} in '{}'", params_->value(i)[j], params_->declared(i).name);
    }
  }
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

static heddle_hook hook_of(const AtSite* at) {
  return {sizeof(heddle_hook), 0, const_cast<AtSite*>(at),
          [](void* self, int64_t site, DLTensor* activations, heddle_error*) -> int32_t {
            return (*static_cast<const AtSite*>(self))(site, activations);
          }};
}

int32_t BackboneSubject::forward_status(const Histories& histories, ErrorBuffer& error, const AtSite* at,
                                        std::vector<float>* hidden) {
  const Batch batch(*this, histories, false, false);
  GuardedTensor out(DType::f32, {batch.raw.tokens, info_.hidden});
  const heddle_hook hook = hook_of(at);
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

std::vector<int64_t> BackboneSubject::offsets_of(const Histories& histories) const {
  std::vector<int64_t> out = {0};
  for (const auto& history : histories)
    out.push_back(out.back() + static_cast<int64_t>(history.size()) + (appends_mask() ? 1 : 0));
  return out;
}

std::vector<float> BackboneSubject::last_states(const Histories& histories) {
  const std::vector<float> hidden = forward(histories);
  const std::vector<int64_t> offsets = offsets_of(histories);
  std::vector<float> out;
  for (size_t s = 0; s < histories.size(); ++s)
    out.insert(out.end(), hidden.begin() + (offsets[s + 1] - 1) * info_.hidden,
               hidden.begin() + offsets[s + 1] * info_.hidden);
  return out;
}

bool BackboneSubject::can_resume(int64_t site) {
  ErrorBuffer error;
  int64_t width = 0;
  about_to("cache_width");
  if (instance_->table().cache_width(instance_->handle(), site, &width, error) != HEDDLE_UNIMPLEMENTED) return true;
  require_error(HEDDLE_UNIMPLEMENTED, error, "cache_width");
  return false;
}

int64_t BackboneSubject::cache_width(int64_t site) {
  ErrorBuffer error;
  int64_t width = -1;
  about_to("cache_width");
  require_ok(instance_->table().cache_width(instance_->handle(), site, &width, error), error, "cache_width");
  if (width < 0 || width > (1 << 24))
    fail_check("the cache behind '{}' has width {}", sites_[static_cast<size_t>(site)].name, width);
  return width;
}

std::vector<float> BackboneSubject::forward_caching(const Histories& histories, int64_t site, std::vector<float>* cache,
                                                    const AtSite* at) {
  const Batch batch(*this, histories, false, false);
  GuardedTensor out(DType::f32, {batch.raw.tokens, info_.hidden}),
      kept(DType::f32, {batch.raw.tokens, cache_width(site)});
  const heddle_hook hook = hook_of(at);
  about_to(fmt::format("forward_caching of {} tokens", batch.raw.tokens));
  ErrorBuffer error;
  context_->call(rng_key(1, RngPurpose::test), HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
    require_ok(instance_->table().forward_caching(instance_->handle(), &call, params_->values(), &batch.raw,
                                                  at == nullptr ? nullptr : &hook, site, kept, out, error),
               error, "forward_caching");
  });
  out.check("the hidden states");
  kept.check("the cache");
  params_->check();
  *cache = kept.copy<float>();
  return out.copy<float>();
}

std::vector<float> BackboneSubject::forward_from(int64_t site, const Suffixes& suffixes,
                                                 const std::vector<float>& cache) {
  const int64_t width = sites_[static_cast<size_t>(site)].width, kept_width = cache_width(site);
  const int64_t rows = suffixes.offsets.back();
  bool any = false;
  for (size_t s = 0; s < suffixes.prefix_begin.size(); ++s)
    any = any || suffixes.prefix_end[s] > suffixes.prefix_begin[s];
  const auto filled = [](DType type, std::vector<int64_t> shape, const auto& from) {
    GuardedTensor out(type, std::move(shape));
    std::copy(from.begin(), from.end(), out.data<typename std::decay_t<decltype(from)>::value_type>());
    out.protect(true);
    return out;
  };
  const auto count = static_cast<int64_t>(suffixes.prefix_begin.size());
  const GuardedTensor offsets = filled(DType::i64, {count + 1}, suffixes.offsets),
                      begin = filled(DType::i64, {count}, suffixes.prefix_begin),
                      end = filled(DType::i64, {count}, suffixes.prefix_end),
                      activations = filled(DType::f32, {rows, width}, suffixes.activations);
  const int64_t tokens = kept_width > 0 ? static_cast<int64_t>(cache.size()) / kept_width : 0;
  const GuardedTensor kept = filled(DType::f32, {tokens, kept_width}, cache);
  GuardedTensor hidden(DType::f32, {rows, info_.hidden});
  const heddle_resume from{sizeof from, 0,   site,        offsets,
                           begin,       end, activations, any ? static_cast<const DLTensor*>(kept) : nullptr};
  about_to(fmt::format("forward_from of {} suffixes, {} rows", count, rows));
  ErrorBuffer error;
  context_->call(rng_key(1, RngPurpose::test), HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
    require_ok(instance_->table().forward_from(instance_->handle(), &call, params_->values(), &from, hidden, error),
               error, "forward_from");
  });
  hidden.check("the hidden states");
  params_->check();
  return hidden.copy<float>();
}

int32_t BackboneSubject::rank_status(const Histories& histories, int64_t k, const Histories* seen, const AtSite* at,
                                     ErrorBuffer& error, RankedResult* out) {
  const Batch batch(*this, histories, false, false);
  GuardedTensor items(DType::i32, {batch.raw.count, k}), scores(DType::f32, {batch.raw.count, k});
  GuardedTensor offsets(DType::i64, {batch.raw.count + 1}),
      masked(DType::i32, {seen == nullptr ? 0 : Batch::tokens_of(*seen, 0)});
  int64_t end = 0;
  for (size_t s = 0; s <= histories.size(); ++s) {
    offsets.data<int64_t>()[s] = end;
    if (seen == nullptr || s == histories.size()) continue;
    for (const int32_t item : (*seen)[s]) masked.data<int32_t>()[end++] = item;
  }
  offsets.protect(true), masked.protect(true);
  const heddle_hook hook = hook_of(at);
  const heddle_rank args{sizeof args,
                         0,
                         &batch.raw,
                         at == nullptr ? nullptr : &hook,
                         seen == nullptr ? nullptr : static_cast<const DLTensor*>(offsets),
                         seen == nullptr ? nullptr : static_cast<const DLTensor*>(masked),
                         items,
                         scores};
  about_to(fmt::format("rank of {} sequences, lists of {}", batch.raw.count, k));
  const int32_t status =
      context_->call(rng_key(1, RngPurpose::test), HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
        return instance_->table().rank(instance_->handle(), &call, params_->values(), &args, error);
      });
  items.check("the lists");
  scores.check("the scores");
  params_->check();
  if (out != nullptr) *out = {items.copy<int32_t>(), scores.copy<float>()};
  return status;
}

RankedResult BackboneSubject::rank(const Histories& histories, int64_t k, const Histories* seen, const AtSite* at) {
  RankedResult out;
  ErrorBuffer error;
  require_ok(rank_status(histories, k, seen, at, error, &out), error, "rank");
  return out;
}

BackboneTrainResult BackboneSubject::train(const Histories& histories, uint64_t step, bool with_targets) {
  const Batch batch(*this, histories, true, with_targets);
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

Histories test_log(uint64_t seed) {
  Histories out(40);
  uint64_t draw = 0;
  const heddle_rng_key key = rng_key(seed, RngPurpose::test, 7);
  for (size_t user = 1; user < out.size(); ++user) {  // the first one has no events
    const auto length = 1 + philox_block(key, draw++)[0] % 15;
    for (uint32_t i = 0; i < length; ++i)
      out[user].push_back(static_cast<int32_t>(philox_block(key, draw++)[0] % test_items));
  }
  return out;
}

Histories test_histories(const BackboneSubject& subject, uint64_t seed) {
  Histories out;
  uint64_t draw = 0;
  const heddle_rng_key key = rng_key(seed, RngPurpose::test);
  for (int64_t length : {7, 1, 12, 2}) {
    auto& history = out.emplace_back();
    for (int64_t i = 0; i < std::min(length, subject.most_events()); ++i) {
      history.push_back(static_cast<int32_t>(philox_block(key, draw++)[0] % test_items));
    }
  }
  return out;
}

}  // namespace heddle::conformance
