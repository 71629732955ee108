#include "core/data/batcher.h"

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/compute/rng.h"

namespace heddle {

Batch::Batch() { bind(false); }

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
  const int64_t most = options.max_length - (options.append_token >= 0 ? 1 : 0);
  if (most < 1)
    wrong_use("max_length = {}: it must be at least {}", options.max_length, options.append_token >= 0 ? 2 : 1);
  for (size_t i = 0; i < part.users.size(); ++i) {
    const UserRange& range = part.users[i];
    int64_t end = range.end - (options.training ? 1 : 0);  // the last event of a training range is a target only
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
  return pack({order.begin(), order.end()});
}

void Batcher::fill(const Plan& plan, int64_t index, Batch& out) const {
  if (index < 0 || index >= plan.size()) fail(HEDDLE_OUT_OF_RANGE, "batch {} of {}", index, plan.size());
  out.offsets.assign(1, 0);
  out.items.clear();
  out.targets.clear();
  out.positions.clear();
  out.users.clear();
  out.events.clear();
  out.ranges.clear();
  for (int64_t i = plan.batches[static_cast<size_t>(index)]; i < plan.batches[static_cast<size_t>(index) + 1]; ++i) {
    const Window& window = windows_[static_cast<size_t>(plan.order[static_cast<size_t>(i)])];
    for (int64_t event = window.begin; event < window.end; ++event) {
      out.items.push_back(log_.items[static_cast<size_t>(event)]);
      if (options_.training) out.targets.push_back(log_.items[static_cast<size_t>(event) + 1]);
      out.positions.push_back(static_cast<int32_t>(event - window.begin));
      out.events.push_back(event);
    }
    if (options_.append_token >= 0) {
      out.items.push_back(options_.append_token);
      out.positions.push_back(static_cast<int32_t>(window.end - window.begin));
      out.events.push_back(-1);
    }
    out.offsets.push_back(static_cast<int64_t>(out.items.size()));
    out.users.push_back(part_.users[static_cast<size_t>(window.range)].user);
    out.ranges.push_back(window.range);
  }
  out.bind(options_.training);
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
