// Evaluation over the full catalogue of MovieLens-20M's size: the ten best of 18,345 items for each of 8,192 users, what a
// user has seen left out. `evaluation` starts from the users' final states, batches of 256 as the host makes them;
// `evaluation_whole` from their histories (median 68 events, the last 128 go in), by the call that `heddle run` makes.
// Weights are random: time does not depend on what they say. Bound by the product of states and item table; scores of a
// batch are a few megabytes that ought not to leave the cache. Rival: tests/bench/peers/evaluation.py.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>

#include "core/compute/rng.h"
#include "core/plugin/registry.h"
#include "core/train/recommendations.h"
#include "roofline.h"

namespace heddle {
namespace {

constexpr int64_t kItems = 18345, kUsers = 8192, kBatch = 256, kHidden = 64, kLength = 128, kBest = 10;

struct World {
  explicit World(int threads) : device(Device::cpu({threads, "auto"})), context(*device) {
    const Component& gptrec = registry.find(HEDDLE_KIND_BACKBONE, "heddle.gptrec");
    backbone = std::make_unique<Backbone>(*device, gptrec, Values(gptrec, {{"max_length", kLength, {}}}), kItems);
    backbone->initialise(context, 1);
    PhiloxStream random(rng_key(2, RngPurpose::test));
    for (int64_t i = 0; i < kItems; ++i) log.item_ids.push_back(std::to_string(i));
    log.offsets = {0};
    for (int32_t user = 0; user < kUsers; ++user) {
      // MovieLens-20M: at least 20 events, median 68, mean 144.
      const auto length = 20 + static_cast<int64_t>(48 * std::exp(1.38 * random.normal()));
      for (int64_t t = 0; t < length; ++t) {
        log.items.push_back(static_cast<int32_t>(random.below(kItems)));
        log.times.push_back(t);
      }
      log.user_ids.push_back(std::to_string(user));
      log.offsets.push_back(log.event_count());
      part.users.push_back({user, log.begin(user), log.end(user), -1});
      tokens += std::min(length, kLength);
    }
  }
  Registry registry;
  std::unique_ptr<Device> device;
  Context context;
  std::unique_ptr<Backbone> backbone;
  Interactions log;
  Part part;
  int64_t tokens = 0;
};

double score_flops() { return 2.0 * kUsers * kItems * kHidden; }
// The table once per batch, which keeps it in the L3.
double score_bytes() { return 4.0 * kHidden * (static_cast<double>(kUsers / kBatch) * kItems + kUsers); }

void evaluation(benchmark::State& state, int32_t precision) {
  World w(static_cast<int>(state.range(0)));
  Tensor states(*w.device, DType::f32, {kUsers, kHidden});
  PhiloxStream random(rng_key(3, RngPurpose::test));
  for (float& value : states.span<float>()) value = static_cast<float>(random.normal());
  std::vector<int32_t> items(kUsers * kBest);
  std::vector<float> scores(kUsers * kBest);
  for (auto _ : state) {
    for (int64_t first = 0; first < kUsers; first += kBatch) {
      const TensorView batch(states.data<float>() + first * kHidden, DType::f32, {kBatch, kHidden},
                             w.device->dl_device());
      std::vector<int64_t> offsets(w.log.offsets.begin() + first, w.log.offsets.begin() + first + kBatch + 1);
      for (int64_t& offset : offsets) offset -= w.log.begin(first);
      top_lists(*w.backbone, w.context, precision, batch.dl(), kBest, offsets.data(),
                w.log.items.data() + w.log.begin(first), items.data() + first * kBest, scores.data() + first * kBest);
    }
  }
  state.SetItemsProcessed(state.iterations() * kUsers);
  const bool bf16 = precision == HEDDLE_PRECISION_BF16;
  roofline(state, {.flops = bf16 ? 0 : score_flops(),
                   .bf16_flops = bf16 ? score_flops() : 0,
                   .bytes = score_bytes(),
                   .footprint = 4.0 * kHidden * kItems,
                   .threads = static_cast<int>(state.range(0))});
}
#define HEDDLE_EVALUATION(name, precision)       \
  BENCHMARK_CAPTURE(evaluation, name, precision) \
      ->Name("evaluation/18345/" #name)          \
      ->ArgName("threads")                       \
      ->Apply(thread_counts)                     \
      ->UseRealTime()                            \
      ->Unit(benchmark::kMillisecond)            \
      ->MinWarmUpTime(.3)                        \
      ->MinTime(1)
HEDDLE_EVALUATION(f32, HEDDLE_PRECISION_F32);
HEDDLE_EVALUATION(bf16, HEDDLE_PRECISION_BF16);

void evaluation_whole(benchmark::State& state) {
  World w(static_cast<int>(state.range(0)));
  for (auto _ : state)
    benchmark::DoNotOptimize(recommend_part(*w.backbone, w.context, w.log, w.part, {}, RankingProtocol{}).rows());
  state.SetItemsProcessed(state.iterations() * kUsers);
  // Three blocks of twelve matrices of 64 x 64 per token, and attention over half of the square.
  const double tokens = static_cast<double>(w.tokens), mean = tokens / kUsers;
  const double block = tokens * (2 * 12.0 * kHidden * kHidden + 2 * kHidden * mean);
  roofline(state, {.flops = score_flops() + 3 * block,
                   .bytes = score_bytes(),
                   .footprint = 4.0 * kHidden * kItems,
                   .threads = static_cast<int>(state.range(0))});
}
BENCHMARK(evaluation_whole)
    ->Name("evaluation_whole/18345/f32")
    ->ArgName("threads")
    ->Apply(thread_counts)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);

}  // namespace
}  // namespace heddle
