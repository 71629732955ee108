// Batches of packed windows: sequences one after the other, no padding.
//
// training: by kind (HEDDLE_BATCHES_*)
//   NEXT_ITEM  inputs items[0..n-2], targets items[1..n-1] of each window's events
//   WHOLE      inputs items[0..n-1], targets items[1..n-1] and -1 for the last
//   CLOZE      inputs items[0..n-1], some replaced by the mask token; targets: what stood there, -1 elsewhere. In a share
//              last_mask_probability of the windows only the last event is masked; elsewhere each event with
//              mask_probability and, where that leaves none, one of them. A function of (seed, epoch, window).
// otherwise the inputs are the whole history and there are no targets (UserRange::target is what is to be predicted from
// the last token).
// A history longer than max_length inputs gives its last max_length inputs (Windows::last, the default and the protocol
// of the reference), or several windows without overlap, cut from the end so that every event is a target once
// (Windows::all). The order of windows is that of the part, or a permutation by (seed, epoch) that depends on nothing
// else. A batch takes `sequences` windows, and stops earlier where one more would exceed `tokens`; a single window may
// exceed it. Batcher is immutable after construction and may be used from several threads, each with its own Batch.
#pragma once

#include <dlpack/dlpack.h>

#include <cstdint>
#include <span>
#include <vector>

#include "core/data/interactions.h"
#include "core/data/part.h"
#include "heddle/abi.h"

namespace heddle {

enum class Windows { last, all };

struct BatchOptions {
  int64_t max_length = 128;  // inputs per window, appended token included
  int64_t sequences = 128;   // at most, per batch; 0 = no limit (then tokens must be given)
  int64_t tokens = 0;        // at most, per batch; 0 = no limit
  bool training = false;
  Windows windows = Windows::last;
  int32_t append_token = -1;  // >= 0: appended to each window (HEDDLE_BACKBONE_APPEND_MASK); not when training
  // Positions end at max_length - 1 instead of beginning at 0 (HEDDLE_BACKBONE_POSITIONS_FROM_END).
  bool positions_from_end = false;
  // Of training:
  int32_t kind = HEDDLE_BATCHES_NEXT_ITEM;
  int32_t mask_token = -1;  // CLOZE
  double mask_probability = 0, last_mask_probability = 0;
};

// One packed batch in host memory with its DLTensor views. Reused from batch to batch; not copyable.
class Batch {
 public:
  Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  const heddle_sequences& sequences() const { return raw_; }  // valid until the next fill; targets NULL unless training
  int64_t count() const { return static_cast<int64_t>(ranges.size()); }
  int64_t tokens() const { return static_cast<int64_t>(items.size()); }

  std::vector<int64_t> offsets;    // [count + 1]
  std::vector<int32_t> items;      // [tokens]
  std::vector<int32_t> targets;    // [tokens], empty unless training
  std::vector<int32_t> positions;  // [tokens]
  std::vector<int32_t> users;      // [count]
  std::vector<int64_t> events;     // [tokens], index in the log of each token's event (also where it is masked); -1 for
                                   // an appended token
  std::vector<int64_t> ranges;     // [count], index in Part::users of each window

  void clear();
  // Points the views at the vectors; the batcher calls it, and whoever fills the vectors by hand (recommend).
  void bind(bool training);

 private:
  DLTensor offsets_view_{}, items_view_{}, targets_view_{}, positions_view_{}, users_view_{};
  int64_t shapes_[5] = {};
  int64_t strides_[5] = {1, 1, 1, 1, 1};
  heddle_sequences raw_{};
};

class Batcher {
 public:
  // log and part must outlive the batcher. Throws wrong_use for limits below 1.
  Batcher(const Interactions& log, const Part& part, const BatchOptions& options);

  // The batches of an epoch: fixed order (first form), or shuffled. Each entry is a list of window indices.
  struct Plan {
    std::vector<int32_t> order;    // windows
    std::vector<int64_t> batches;  // [n + 1] offsets into order
    uint64_t seed = 0, epoch = 0;  // what masks are drawn from
    int64_t size() const { return static_cast<int64_t>(batches.size()) - 1; }
  };
  Plan plan() const;
  Plan plan(uint64_t seed, uint64_t epoch) const;
  void fill(const Plan& plan, int64_t index, Batch& out) const;

  int64_t windows() const { return static_cast<int64_t>(windows_.size()); }
  int64_t tokens() const { return tokens_; }
  const BatchOptions& options() const { return options_; }

 private:
  struct Window {
    int64_t range;       // index in part.users
    int64_t begin, end;  // input events
  };
  int64_t length_of(const Window& window) const { return window.end - window.begin + (options_.append_token >= 0); }
  Plan pack(std::vector<int32_t> order) const;
  void add_targets(const Window& window, Batch& out) const;
  void mask(const Plan& plan, int32_t window, size_t begin, Batch& out) const;

  const Interactions& log_;
  const Part& part_;
  BatchOptions options_;
  std::vector<Window> windows_;
  int64_t tokens_ = 0;
};

// The last windows of histories that stand in no log (oldest item first, none empty), packed as the batcher does it at
// inference: cut to options.max_length, appended token and positions included. ranges are 0..n-1, events -1.
void pack_histories(const std::vector<std::vector<int32_t>>& histories, std::span<const int32_t> users,
                    const BatchOptions& options, Batch& out);

// Distinct items of the whole stored history of each of the given users of a part (not only of its window), for the
// mask of top_n: offsets [n + 1], items ascending per user. A target that the user had before is masked too and so never
// hit, as RePlay's filter does it: drop duplicates, or do not filter, on logs of repeated consumption.
struct SeenItems {
  std::vector<int64_t> offsets;
  std::vector<int32_t> items;
};
SeenItems seen_items(const Interactions& log, const Part& part, std::span<const int64_t> ranges);

}  // namespace heddle
