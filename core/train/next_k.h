// Lists made item by item (Next-K, Petrov & Macdonald, GPTRec 2023): the best item is taken, appended to the history, and
// the backbone runs again. Whatever was picked is masked from then on, and `seen` from the beginning; the oldest event is
// dropped where the history would exceed the backbone's window. A list ends early (-1, -inf) when nothing is left.
//
// Ownership: borrows all. Threads: one. Errors: those of the backbone; HEDDLE_CANCELLED between the runs.
#pragma once

#include "core/data/batcher.h"
#include "core/train/backbone.h"

namespace heddle {

// items, scores: host, [batch.count(), k]; the score of a pick is that of its own run.
void next_k_lists(Backbone& backbone, Context& context, int32_t precision, const Batch& batch, const Hook& hook,
                  const SeenItems& seen, int64_t k, int32_t* items, float* scores);

}  // namespace heddle
