#include "core/train/next_k.h"

#include <algorithm>

#include "core/base/console.h"
#include "core/train/batching.h"
#include "core/train/recommendations.h"

namespace heddle {

void next_k_lists(Backbone& backbone, Context& context, int32_t precision, const Batch& batch, const Hook& hook,
                  const SeenItems& seen, int64_t k, int32_t* items, float* scores) {
  const auto n = static_cast<size_t>(batch.count()), length = static_cast<size_t>(k);
  const BatchOptions options = inference_batches(backbone, batch.count());
  std::vector<std::vector<int32_t>> histories(n), masked(n);  // masked: ascending, as rank() wants it
  for (size_t s = 0; s < n; ++s) {
    // Without an appended token: it goes behind what is picked.
    const int64_t end = batch.offsets[s + 1] - (options.append_token >= 0 ? 1 : 0);
    histories[s].assign(batch.items.begin() + batch.offsets[s], batch.items.begin() + end);
    if (!seen.offsets.empty())
      masked[s].assign(seen.items.begin() + seen.offsets[s], seen.items.begin() + seen.offsets[s + 1]);
  }
  Batch grown;
  std::vector<int32_t> picks(n);
  std::vector<float> pick_scores(n);
  for (size_t step = 0; step < length; ++step) {
    throw_if_cancelled();
    pack_histories(histories, batch.users, options, grown);
    SeenItems now;
    now.offsets.push_back(0);
    for (const std::vector<int32_t>& row : masked) {
      now.items.insert(now.items.end(), row.begin(), row.end());
      now.offsets.push_back(static_cast<int64_t>(now.items.size()));
    }
    batch_lists(backbone, context, precision, grown, hook, now, 1, picks.data(), pick_scores.data());
    for (size_t s = 0; s < n; ++s) {
      items[s * length + step] = picks[s];
      scores[s * length + step] = pick_scores[s];
      if (picks[s] < 0) continue;
      histories[s].push_back(picks[s]);
      masked[s].insert(std::lower_bound(masked[s].begin(), masked[s].end(), picks[s]), picks[s]);
    }
  }
}

}  // namespace heddle
