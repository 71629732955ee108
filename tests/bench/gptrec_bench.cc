// One training step of heddle.gptrec as the host runs it: zero gradients, forward and backward of a batch, Adam.
// 18,345 items, hidden 64, 3 blocks, 2 heads, 64 sequences of 128 tokens, dropout 0.1, f32: the shape of ML-20M.
// Rival: tests/bench/peers/gptrec_step.py.
#include <benchmark/benchmark.h>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/data/batcher.h"
#include "core/plugin/registry.h"
#include "core/train/backbone.h"
#include "core/train/optimizer.h"

namespace heddle {
namespace {

constexpr int64_t kItems = 18345, kSequences = 64, kLength = 128;

void fill_random(Batch& batch) {
  PhiloxStream random(rng_key(1, RngPurpose::test));
  batch.offsets = {0};
  for (int64_t s = 0; s < kSequences; ++s) {
    int32_t item = static_cast<int32_t>(random.below(kItems));
    for (int64_t t = 0; t < kLength; ++t) {
      batch.items.push_back(item);
      item = static_cast<int32_t>(random.below(kItems));
      batch.targets.push_back(item);
      batch.positions.push_back(static_cast<int32_t>(t));
    }
    batch.offsets.push_back(batch.tokens());
    batch.users.push_back(static_cast<int32_t>(s));
    batch.ranges.push_back(s);
  }
  batch.bind(true);
}

void gptrec_step(benchmark::State& state) {
  const Registry registry;
  const Component& component = registry.find(HEDDLE_KIND_BACKBONE, "heddle.gptrec");
  const Values values(component, {{"hidden", int64_t{64}, {}},
                                  {"layers", int64_t{3}, {}},
                                  {"heads", int64_t{2}, {}},
                                  {"max_length", kLength, {}},
                                  {"dropout", 0.1, {}}});
  const auto device = Device::cpu();
  Context context(*device);
  Backbone backbone(*device, component, values, kItems);
  backbone.initialise(context, 1);
  Optimizer optimizer(*device, backbone.parameters(), {});
  TensorList gradients(*device, backbone.parameters().infos(), true);
  LossCollector losses;
  Batch batch;
  fill_random(batch);
  uint64_t step = 0;
  for (auto _ : state) {
    losses.clear();
    gradients.zero(context);
    backbone.train(context, rng_key(1, RngPurpose::dropout, 0, ++step), HEDDLE_PRECISION_F32, batch.sequences(),
                   gradients, losses);
    optimizer.step(context, backbone.parameters(), gradients, 1e-3);
  }
  state.SetItemsProcessed(state.iterations() * batch.tokens());
  state.counters["loss"] = losses.total();
}
BENCHMARK(gptrec_step)->UseRealTime()->Unit(benchmark::kMillisecond)->MinWarmUpTime(1)->MinTime(5);

}  // namespace
}  // namespace heddle
