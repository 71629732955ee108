#include "core/base/console.h"
#include "core/base/error.h"
#include "core/train/activations.h"
#include "core/train/batching.h"

namespace heddle {

void extract_activations(Backbone& backbone, Context& context, const Interactions& log, const Part& part,
                         const Extraction& extraction, ActivationSink& sink) {
  const int64_t site = backbone.site(extraction.site);
  const int64_t width = backbone.sites()[static_cast<size_t>(site)].width;
  const Batcher batcher(log, part, inference_batches(backbone, extraction.batch_sequences));
  const Batcher::Plan plan = batcher.plan();
  const int64_t appended = backbone.append_mask() ? batcher.windows() : 0;
  sink.begin(extraction.last_position_only ? batcher.windows() : batcher.tokens() - appended, width);

  Progress progress("activations of " + extraction.site, static_cast<uint64_t>(batcher.tokens()), "tokens");
  uint64_t done = 0;
  Batch batch;
  std::vector<float> host, kept;
  std::vector<int32_t> users, positions, items;
  for (int64_t b = 0; b < plan.size(); ++b) {
    throw_if_cancelled();
    batcher.fill(plan, b, batch);
    bool reached = false;
    const Hook hook = [&](const HookPoint& point) {
      if (point.site != site) return true;
      reached = true;
      host.resize(static_cast<size_t>(batch.tokens() * width));
      backbone.device().copy_to_host(host.data(), point.activations->data, host.size() * sizeof(float));
      return false;
    };
    Tensor hidden(backbone.device(), DType::f32, {batch.tokens(), backbone.hidden()});
    backbone.forward(context, extraction.precision, batch.sequences(), hook, hidden);
    if (!reached) fail(HEDDLE_INTERNAL, "{} never reached its site '{}'", backbone.id(), extraction.site);

    kept.clear();
    users.clear();
    positions.clear();
    items.clear();
    for (int64_t s = 0; s < batch.count(); ++s) {
      // An appended mask token is no event of the user's: the last event stands before it.
      const int64_t end = batch.offsets[static_cast<size_t>(s) + 1] - (appended > 0 ? 1 : 0);
      const int64_t begin = extraction.last_position_only ? end - 1 : batch.offsets[static_cast<size_t>(s)];
      for (int64_t t = begin; t < end; ++t) {
        kept.insert(kept.end(), host.begin() + t * width, host.begin() + (t + 1) * width);
        users.push_back(batch.users[static_cast<size_t>(s)]);
        positions.push_back(batch.positions[static_cast<size_t>(t)]);
        items.push_back(batch.items[static_cast<size_t>(t)]);
      }
    }
    sink.append(static_cast<int64_t>(users.size()), kept.data(), users.data(), positions.data(), items.data());
    done += static_cast<uint64_t>(batch.tokens());
    progress.update(done);
  }
  sink.finish();
  progress.finish();
}

}  // namespace heddle
