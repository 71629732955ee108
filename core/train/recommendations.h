// Top-k lists of a backbone for the users of a part, over the whole catalogue.
//
// Users are batched, but a list does not depend on the batch it was made in, nor on the number of threads. Order of a
// list: score descending, then item index descending. A user's input is the last max_length events of the history; with
// filter_seen all events of the history are left out of the list, also those outside the window.
// Threads: one at a time. Errors: those of the backbone; HEDDLE_CANCELLED between batches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/evaluation.h"
#include "core/data/batcher.h"
#include "core/data/interactions.h"
#include "core/data/part.h"
#include "core/train/backbone.h"

namespace heddle {

struct RankingProtocol {
  int64_t k = 10;
  bool filter_seen = true;
  int64_t batch_users = 256;  // changes no number
  int32_t precision = HEDDLE_PRECISION_F32;
  std::vector<uint8_t> counted;  // [items], 1 = counts for coverage; empty = the whole catalogue
  std::string split;             // for the record: "leave_one_out/test"
  Generation generation = Generation::top_k;
};

struct Recommendations {
  int64_t k = 0;
  std::vector<int32_t> users;    // row -> user index of the log
  std::vector<int32_t> targets;  // row -> target item, -1 where the user has none
  std::vector<int32_t> lists;    // [rows, k], best first, -1 where there is nothing left
  std::vector<float> scores;     // [rows, k]; next_k: each of its own run
  int64_t rows() const { return static_cast<int64_t>(users.size()); }
};

// One row per user of the part with a history, in the order of the part. hook may be empty.
Recommendations recommend_part(Backbone& backbone, Context& context, const Interactions& log, const Part& part,
                               const Hook& hook, const RankingProtocol& protocol);

// Lists of one packed inference batch: [n, k] in host memory. seen: CSR over its sequences (seen.offsets empty: nothing
// is masked). top_k of the above, whatever the backbone's way to a list.
void batch_lists(Backbone& backbone, Context& context, int32_t precision, const Batch& batch, const Hook& hook,
                 const SeenItems& seen, int64_t k, int32_t* items, float* scores);

// Lists for hidden states of one batch: hidden [n, backbone.hidden()] on the device; seen: CSR over the n rows or null.
// items, scores: host, [n, k].
void top_lists(Backbone& backbone, Context& context, int32_t precision, const DLTensor* hidden, int64_t k,
               const int64_t* seen_offsets, const int32_t* seen_items, int32_t* items, float* scores);

// Mean over rows of 1/log2(rank + 1) of the one target among the first k, 0 where it is not in the list. This is what
// the training loop stops by; the metrics of reports are plugins.
double ndcg_one_target(const Recommendations& recommendations);

}  // namespace heddle
