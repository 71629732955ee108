#include "core/steer/resumed_batch.h"

#include <algorithm>

#include "core/base/error.h"

namespace heddle {
namespace {

// Rows that go behind the site in one call: enough to keep all threads busy, few enough to stay in the caches.
constexpr int64_t kRowsAtOnce = 8192;

}  // namespace

ResumedBatch::ResumedBatch(Backbone& backbone, Context& context, int32_t precision, const Batch& batch,
                           const SteeredSite& site, const Intervention& like)
    : backbone_(backbone),
      context_(context),
      precision_(precision),
      batch_(batch),
      site_(site),
      like_(like),
      rows_of_site_(backbone.device(), site.model, site.normalizer),
      tails_(backbone.causal() && like.edit == Positions::last),
      last_(last_rows(batch.sequences())),
      width_(backbone.sites()[static_cast<size_t>(site.index)].width),
      rows_(tails_ ? batch.count() : batch.tokens()) {
  like_.features.clear();
  like_.vector.clear();
  const bool last = like_.edit == Positions::last;
  Device& device = backbone.device();
  edited_ = Tensor(device, DType::f32, {last ? batch.count() : batch.tokens(), width_});
  if (last && !tails_) base_ = Tensor(device, DType::f32, {batch.tokens(), width_});
  if (like_.reconstruct) codes_ = std::make_unique<Codes>(context);
  if (like_.reconstruct && like_.keep_error) error_ = Tensor(device, DType::f32, edited_.shape());

  bool reached = false;
  const Hook hook = [&](const HookPoint& point) {
    if (point.site != site_.index) return true;
    reached = true;
    keep_rows(point);
    return tails_;  // otherwise nothing behind the site is needed
  };
  Tensor hidden(device, DType::f32, {batch.tokens(), backbone.hidden()});
  if (tails_) {
    cache_ = Tensor(device, DType::f32, {batch.tokens(), backbone.cache_width(site.index)});
    backbone.forward_caching(context, precision, batch.sequences(), hook, site.index, cache_, hidden);
  } else {
    backbone.forward(context, precision, batch.sequences(), hook, hidden);
  }
  if (!reached) fail(HEDDLE_INTERNAL, "{} never reached its site {}", backbone.id(), site.index);
}

void ResumedBatch::keep_rows(const HookPoint& point) {
  const bool last = like_.edit == Positions::last;
  const heddle_call& call = *point.call;
  if (last) {
    TensorView rows = rows_of_site_.gather(call, point.activations, last_);
    copy(call, rows, edited_);
  } else {
    copy(call, point.activations, edited_);
  }
  if (!last) return;  // no row is left unedited
  // What stands beside the edited rows. Last rows are written over, so a reconstruction of them alone can be left out.
  if (like_.reconstruct && like_.replace == Positions::all) act(rows_of_site_, like_, point);
  if (!tails_) copy(call, point.activations, base_);
}

void ResumedBatch::copy(const heddle_call& call, const DLTensor* from, DLTensor* to) const {
  ErrorBuffer error;
  check(call.ops->copy(call.device_context, from, to, error), error, "copy");
}

void ResumedBatch::run(const std::vector<const Intervention*>& interventions,
                       const std::function<void(size_t, DLTensor*)>& finished) {
  if (interventions.empty() || rows_ == 0) return;
  if (codes_) {
    context_.call(rng_key(0, RngPurpose::component), precision_, [&](const heddle_call& call) {
      rows_of_site_.read(call, edited_, codes_->get(), error_ ? error_.dl() : nullptr);
    });
  }
  Device& device = backbone_.device();
  const auto count = static_cast<int64_t>(interventions.size());
  const int64_t at_once = std::clamp<int64_t>(kRowsAtOnce / rows_, 1, count);
  Tensor activations(device, DType::f32, {at_once * rows_, width_}),
      hidden(device, DType::f32, {at_once * rows_, backbone_.hidden()}),
      states(device, DType::f32, {batch_.count(), backbone_.hidden()});
  for (int64_t begin = 0; begin < count; begin += at_once) {
    const int64_t copies = std::min(at_once, count - begin);
    for (int64_t i = 0; i < copies; ++i) {
      TensorView out = activations.rows(i * rows_, (i + 1) * rows_);
      edit(*interventions[static_cast<size_t>(begin + i)], out);
    }
    go_on(copies, activations.rows(0, copies * rows_), hidden.rows(0, copies * rows_));
    for (int64_t i = 0; i < copies; ++i) {
      context_.call(rng_key(0, RngPurpose::component), precision_, [&](const heddle_call& call) {
        copy(call, rows_of_site_.gather(call, hidden, state_rows(i, copies)), states);
      });
      finished(static_cast<size_t>(begin + i), states);
    }
  }
}

// Where the states of copy i stand among those of `copies`.
std::vector<int32_t> ResumedBatch::state_rows(int64_t i, int64_t copies) const {
  std::vector<int32_t> rows;
  for (size_t s = 0; s < last_.size(); ++s)
    rows.push_back(static_cast<int32_t>(tails_ ? static_cast<int64_t>(s) * copies + i : i * rows_ + last_[s]));
  return rows;
}

void ResumedBatch::edit(const Intervention& intervention, DLTensor* out) {
  context_.call(rng_key(0, RngPurpose::component), precision_, [&](const heddle_call& call) {
    const bool beside = static_cast<bool>(base_);  // edited rows stand between others
    TensorView own;
    if (beside) own = rows_of_site_.scratch(call, DType::f32, edited_.dim(0), width_);
    DLTensor* rows = beside ? own.dl() : out;
    if (codes_) {
      rows_of_site_.write(call, codes_->get(), intervention.features, nullptr, error_ ? error_.dl() : nullptr, rows);
    } else {
      copy(call, edited_, rows);
    }
    if (!intervention.vector.empty()) rows_of_site_.add_vector(call, intervention.vector, rows);
    if (beside) {
      copy(call, base_, out);
      rows_of_site_.scatter(call, rows, last_, out);
    }
  });
}

void ResumedBatch::go_on(int64_t copies, const DLTensor* activations, DLTensor* hidden) {
  std::vector<int64_t> suffixes = {0}, begins, ends;
  bool any = false;
  const auto add = [&](int64_t length, int64_t begin, int64_t end) {
    suffixes.push_back(suffixes.back() + length);
    begins.push_back(begin);
    ends.push_back(end);
    any = any || end > begin;
  };
  const auto sequences = static_cast<size_t>(batch_.count());
  // Tails stand user by user: all that look at the same kept tokens follow each other, which the device can use.
  for (size_t s = 0; tails_ && s < sequences; ++s)
    for (int64_t i = 0; i < copies; ++i) add(1, batch_.offsets[s], batch_.offsets[s + 1] - 1);
  for (int64_t i = 0; !tails_ && i < copies; ++i)
    for (size_t s = 0; s < sequences; ++s) add(batch_.offsets[s + 1] - batch_.offsets[s], 0, 0);
  const auto n = static_cast<int64_t>(begins.size());
  const TensorView offsets = view(suffixes.data(), n + 1), first = view(begins.data(), n), last = view(ends.data(), n);
  context_.call(rng_key(0, RngPurpose::component), precision_, [&](const heddle_call& call) {
    TensorView by_user;
    if (tails_) {
      std::vector<int32_t> order;
      for (int64_t s = 0; s < batch_.count(); ++s)
        for (int64_t i = 0; i < copies; ++i) order.push_back(static_cast<int32_t>(i * rows_ + s));
      by_user = rows_of_site_.gather(call, activations, order);
    }
    const heddle_resume from{sizeof from,
                             0,
                             site_.index,
                             offsets.dl(),
                             first.dl(),
                             last.dl(),
                             tails_ ? by_user.dl() : activations,
                             any ? cache_.dl() : nullptr};
    backbone_.forward_from(context_, precision_, from, hidden);
  });
}

}  // namespace heddle
