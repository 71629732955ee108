#include "core/data/batcher.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/base/error.h"
#include "core/compute/rng.h"

namespace heddle {
namespace {

// Ends a window whose items were pushed behind offsets.back(): the appended token, positions, the offset behind it.
void close_window(const BatchOptions& options, Batch& out) {
  if (options.append_token >= 0) {
    out.items.push_back(options.append_token);
    out.events.push_back(-1);
  }
  const int64_t end = out.tokens(), length = end - out.offsets.back();
  const int64_t first = options.positions_from_end ? options.max_length - length : 0;
  for (int64_t i = 0; i < length; ++i) out.positions.push_back(static_cast<int32_t>(first + i));
  out.offsets.push_back(end);
}

}  // namespace

Batch::Batch() { bind(false); }

void Batch::clear() {
  offsets.assign(1, 0);
  items.clear();
  targets.clear();
  positions.clear();
  users.clear();
  events.clear();
  ranges.clear();
}

void Batch::bind(bool training) {
  if (offsets.empty()) offsets.push_back(0);
  const auto view = [&](DLTensor& tensor, int which, void* data, size_t n, uint8_t bits) {
    shapes_[which] = static_cast<int64_t>(n);
    tensor = {data, {kDLCPU, 0}, 1, {kDLInt, bits, 1}, &shapes_[which], &strides_[which], 0};
  };
  view(offsets_view_, 0, offsets.data(), offsets.size(), 64);
  view(items_view_, 1, items.data(), items.size(), 32);
  view(targets_view_, 2, targets.data(), targets.size(), 32);
  view(positions_view_, 3, positions.data(), positions.size(), 32);
  view(users_view_, 4, users.data(), users.size(), 32);
  raw_ = {sizeof(heddle_sequences),
          0,
          static_cast<int64_t>(offsets.size()) - 1,
          static_cast<int64_t>(items.size()),
          &offsets_view_,
          &items_view_,
          training ? &targets_view_ : nullptr,
          &positions_view_,
          &users_view_};
}

Batcher::Batcher(const Interactions& log, const Part& part, const BatchOptions& options)
    : log_(log), part_(part), options_(options) {
  if (options.sequences < 0 || options.tokens < 0 || (options.sequences == 0 && options.tokens == 0))
    wrong_use("a batch needs a limit: {} sequences and {} tokens were given, at least one must be above 0",
              options.sequences, options.tokens);
  if (options.training && options.append_token >= 0)
    wrong_use("append_token is for inference, not for training batches");
  if (options.training && (options.kind < HEDDLE_BATCHES_NEXT_ITEM || options.kind > HEDDLE_BATCHES_CLOZE))
    wrong_use("batches of kind {}; accepted: 0 to {}", options.kind, HEDDLE_BATCHES_CLOZE);
  if (options.training && options.kind == HEDDLE_BATCHES_CLOZE && options.mask_token < 0)
    wrong_use("cloze batches need a mask token");
  const int64_t most = options.max_length - (options.append_token >= 0 ? 1 : 0);
  if (most < 1)
    wrong_use("max_length = {}: it must be at least {}", options.max_length, options.append_token >= 0 ? 2 : 1);
  for (size_t i = 0; i < part.users.size(); ++i) {
    const UserRange& range = part.users[i];
    // The last event of a range of next items is a target only.
    int64_t end = range.end - (options.training && options.kind == HEDDLE_BATCHES_NEXT_ITEM ? 1 : 0);
    while (end > range.begin) {
      const int64_t begin = std::max(range.begin, end - most);
      windows_.push_back({static_cast<int64_t>(i), begin, end});
      tokens_ += length_of(windows_.back());
      if (options.windows == Windows::last) break;
      end = begin;
    }
  }
}

Batcher::Plan Batcher::pack(std::vector<int32_t> order) const {
  Plan plan;
  plan.batches.push_back(0);
  int64_t sequences = 0, tokens = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t length = length_of(windows_[static_cast<size_t>(order[i])]);
    const bool full = (options_.sequences > 0 && sequences == options_.sequences) ||
                      (options_.tokens > 0 && sequences > 0 && tokens + length > options_.tokens);
    if (full) {
      plan.batches.push_back(static_cast<int64_t>(i));
      sequences = tokens = 0;
    }
    ++sequences;
    tokens += length;
  }
  if (!order.empty()) plan.batches.push_back(static_cast<int64_t>(order.size()));
  plan.order = std::move(order);
  return plan;
}

Batcher::Plan Batcher::plan() const {
  std::vector<int32_t> order(windows_.size());
  std::iota(order.begin(), order.end(), 0);
  return pack(std::move(order));
}

Batcher::Plan Batcher::plan(uint64_t seed, uint64_t epoch) const {
  const std::vector<int64_t> order = permutation(rng_key(seed, RngPurpose::shuffle, epoch), windows());
  Plan out = pack({order.begin(), order.end()});
  out.seed = seed;
  out.epoch = epoch;
  return out;
}

// Behind the items of `window`, which are the last ones of `out`.
void Batcher::add_targets(const Window& window, Batch& out) const {
  const auto item = [&](int64_t event) { return log_.items[static_cast<size_t>(event)]; };
  for (int64_t event = window.begin; event < window.end; ++event) {
    switch (options_.kind) {
      case HEDDLE_BATCHES_NEXT_ITEM: out.targets.push_back(item(event + 1)); break;
      case HEDDLE_BATCHES_WHOLE: out.targets.push_back(event + 1 < window.end ? item(event + 1) : -1); break;
      default: out.targets.push_back(-1);  // cloze: mask() moves items here
    }
  }
}

// Masks the last window of `out`, whose tokens begin at `begin`.
void Batcher::mask(const Plan& plan, int32_t window, size_t begin, Batch& out) const {
  // The order of an epoch is drawn with step 0 of this purpose; the steps of windows lie at the other end.
  const heddle_rng_key key =
      rng_key(plan.seed, RngPurpose::shuffle, plan.epoch, ~static_cast<uint64_t>(static_cast<uint32_t>(window)));
  const heddle_rng_key per_window = rng_substream(key, 0), per_event = rng_substream(key, 1);
  const size_t end = out.items.size();
  bool any = false;
  const auto hide = [&](size_t at) {
    out.targets[at] = std::exchange(out.items[at], options_.mask_token);
    any = true;
  };
  if (philox_uniform(per_window, 0) < options_.last_mask_probability) {
    hide(end - 1);
    return;
  }
  for (size_t at = begin; at < end; ++at)
    if (philox_uniform(per_event, at - begin) < options_.mask_probability) hide(at);
  // Without a target the window would teach nothing; 24 bits of draw are enough for windows of thousands.
  if (!any) hide(begin + static_cast<size_t>(philox_uniform(per_window, 1) * static_cast<double>(end - begin)));
}

void Batcher::fill(const Plan& plan, int64_t index, Batch& out) const {
  if (index < 0 || index >= plan.size()) fail(HEDDLE_OUT_OF_RANGE, "batch {} of {}", index, plan.size());
  out.clear();
  for (int64_t i = plan.batches[static_cast<size_t>(index)]; i < plan.batches[static_cast<size_t>(index) + 1]; ++i) {
    const int32_t index_of_window = plan.order[static_cast<size_t>(i)];
    const Window& window = windows_[static_cast<size_t>(index_of_window)];
    const size_t begin = out.items.size();
    for (int64_t event = window.begin; event < window.end; ++event) {
      out.items.push_back(log_.items[static_cast<size_t>(event)]);
      out.events.push_back(event);
    }
    if (options_.training) add_targets(window, out);
    if (options_.training && options_.kind == HEDDLE_BATCHES_CLOZE) mask(plan, index_of_window, begin, out);
    close_window(options_, out);
    out.users.push_back(part_.users[static_cast<size_t>(window.range)].user);
    out.ranges.push_back(window.range);
  }
  out.bind(options_.training);
}

void pack_histories(const std::vector<std::vector<int32_t>>& histories, std::span<const int32_t> users,
                    const BatchOptions& options, Batch& out) {
  const auto most = static_cast<size_t>(options.max_length - (options.append_token >= 0 ? 1 : 0));
  out.clear();
  for (size_t s = 0; s < histories.size(); ++s) {
    const std::vector<int32_t>& history = histories[s];
    if (history.empty()) fail(HEDDLE_INTERNAL, "an empty history has no state to read");
    const size_t length = std::min(history.size(), most);
    out.items.insert(out.items.end(), history.end() - static_cast<std::ptrdiff_t>(length), history.end());
    out.events.insert(out.events.end(), length, -1);
    close_window(options, out);
    out.users.push_back(users[s]);
    out.ranges.push_back(static_cast<int64_t>(s));
  }
  out.bind(false);
}

SeenItems seen_items(const Interactions& log, const Part& part, std::span<const int64_t> ranges) {
  SeenItems seen;
  seen.offsets.push_back(0);
  std::vector<int32_t> row;
  for (int64_t index : ranges) {
    const UserRange& range = part.users[static_cast<size_t>(index)];
    const std::span<const int32_t> history = log.items_of(range.begin, range.end);
    row.assign(history.begin(), history.end());
    std::sort(row.begin(), row.end());
    row.erase(std::unique(row.begin(), row.end()), row.end());
    seen.items.insert(seen.items.end(), row.begin(), row.end());
    seen.offsets.push_back(static_cast<int64_t>(seen.items.size()));
  }
  return seen;
}

}  // namespace heddle
