// A steering sweep of MovieLens-1M's shape: 1,000 users with log-normal histories (median 74), 3,416 items, heddle.gptrec
// (hidden 64, 3 blocks, 2 heads, length 128), a dictionary of 2,048 features behind block 0 of which about 100 are
// active, 21 values of 5 features set at the last position (`resumed`) or at every position. `whole_runs` runs the
// backbone once per value, as one must without inference again behind a site; the bits are the same. Weights are random:
// time does not depend on what they say. The share that no reuse can save, the scores of all items and the lists made of
// them, stands alone. Rival: tests/bench/peers/steering_sweep.py.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>

#include "core/compute/rng.h"
#include "core/plugin/registry.h"
#include "core/steer/steered_lists.h"
#include "roofline.h"

namespace heddle {
namespace {

constexpr int64_t kItems = 3416, kFeatures = 2048;
constexpr int32_t kUsers = 1000;

struct World {
  World() : device(Device::cpu()), context(*device), normalizer(64) {
    const Component& gptrec = registry.find(HEDDLE_KIND_BACKBONE, "heddle.gptrec");
    backbone = std::make_unique<Backbone>(*device, gptrec, Values(gptrec, {}), kItems);
    backbone->initialise(context, 1);
    PhiloxStream random(rng_key(2, RngPurpose::test));
    log.offsets = {0};
    for (int64_t i = 0; i < kItems; ++i) log.item_ids.push_back(std::to_string(i));
    for (int32_t user = 0; user < kUsers; ++user) {
      const auto length = static_cast<int64_t>(std::exp(random.normal() + 4.3));
      for (int64_t t = 0; t < length + 2; ++t) {
        log.items.push_back(static_cast<int32_t>(random.below(kItems)));
        log.times.push_back(t);
      }
      log.user_ids.push_back(std::to_string(user));
      log.offsets.push_back(log.event_count());
      part.users.push_back({user, log.begin(user), log.end(user) - 1, log.end(user) - 1});
    }
    ActivationMemorySink sink;
    extract_activations(*backbone, context, log, part, {"block.0.out"}, sink);
    const Activations activations = sink.take();
    normalizer = Normalizer::fit(Normalization::per_dimension, activations);
    const Component& l1 = registry.find(HEDDLE_KIND_DICTIONARY, "heddle.l1");
    model = std::make_unique<DictionaryModel>(*device, l1, Values(l1, {{"width", kFeatures, {}}}), 64);
    std::vector<float> sample(64 * 64);
    for (float& value : sample) value = static_cast<float>(random.normal());
    model->initialise(context, 1, sample.data(), 64);
    // Unit encoder rows on normalised inputs: 5 % of a standard normal lie above 1.65.
    const std::vector<float> bias(kFeatures, -1.65f);
    model->parameters().tensor(*model->parameters().with_role(HEDDLE_ROLE_ENCODER_BIAS)).from_host(bias.data());
    for (int64_t feature = 0; feature < 5; ++feature) {
      for (int value = -10; value <= 10; ++value) {
        Intervention one;
        one.features = {{100 * feature, static_cast<float>(value)}};
        interventions.push_back(one);
      }
    }
  }
  SteeredSite site() { return {backbone->site("block.0.out"), model.get(), normalizer}; }

  Registry registry;
  std::unique_ptr<Device> device;
  Context context;
  std::unique_ptr<Backbone> backbone;
  std::unique_ptr<DictionaryModel> model;
  Normalizer normalizer;
  Interactions log;
  Part part;
  std::vector<Intervention> interventions;
  RankingProtocol protocol;
};

// What a sweep at the last position cannot avoid: once, all tokens through the backbone and the dictionary; then per
// value and user one row through the blocks behind the site, attending to the kept ones, and the scores of all items.
Work sweep_work(const World& w) {
  constexpr double hidden = 64, block = 2 * 12 * hidden * hidden, active = 0.05 * kFeatures;
  double tokens = 0, pairs = 0;
  for (const UserRange& user : w.part.users) {
    const auto length = static_cast<double>(std::min<int64_t>(user.length(), 128));
    tokens += length;
    pairs += length * length / 2;
  }
  const double once = tokens * (3 * block + 2 * hidden * (kFeatures + active)) + 3 * 4 * hidden * pairs;
  const double each = kUsers * (2 * block + 2 * hidden * kItems) + 2 * 4 * hidden * tokens;
  const double values = static_cast<double>(w.interventions.size());
  return {
      .flops = once + values * each, .bytes = 8 * hidden * 2 * values * tokens, .footprint = 8 * hidden * 2 * tokens};
}

World& world() {
  static World one;
  return one;
}

void steered_lists_resumed(benchmark::State& state) {
  World& w = world();
  for (auto _ : state)
    benchmark::DoNotOptimize(
        steered_lists(*w.backbone, w.context, w.log, w.part, w.site(), w.interventions, w.protocol));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(w.interventions.size()) * kUsers);
  roofline(state, sweep_work(w));
}

// 21 values of one feature at every position: the layers behind the site run again for all tokens.
void steered_lists_all_positions(benchmark::State& state) {
  World& w = world();
  std::vector<Intervention> everywhere(w.interventions.begin(), w.interventions.begin() + 21);
  for (Intervention& one : everywhere) one.edit = Positions::all;
  for (auto _ : state)
    benchmark::DoNotOptimize(steered_lists(*w.backbone, w.context, w.log, w.part, w.site(), everywhere, w.protocol));
  state.SetItemsProcessed(state.iterations() * 21 * kUsers);
}

// One value per iteration.
void steered_lists_whole_runs(benchmark::State& state) {
  World& w = world();
  const SteeredSite site = w.site();
  size_t next = 0;
  for (auto _ : state) {
    const Hook hook =
        make_hook(site.index, *w.device, site.model, site.normalizer, w.interventions[next++ % w.interventions.size()]);
    benchmark::DoNotOptimize(recommend_part(*w.backbone, w.context, w.log, w.part, hook, w.protocol));
  }
  state.SetItemsProcessed(state.iterations() * kUsers);
}

void lists_alone(benchmark::State& state) {
  World& w = world();
  Tensor states(*w.device, DType::f32, {kUsers, 64});
  PhiloxStream random(rng_key(3, RngPurpose::test));
  for (float& value : states.span<float>()) value = static_cast<float>(random.normal());
  std::vector<int32_t> items(kUsers * 10);
  std::vector<float> scores(kUsers * 10);
  for (auto _ : state)
    top_lists(*w.backbone, w.context, HEDDLE_PRECISION_F32, states, 10, nullptr, nullptr, items.data(), scores.data());
  state.SetItemsProcessed(state.iterations() * kUsers);
}

BENCHMARK(steered_lists_resumed)
    ->Name("steering_sweep/resumed")
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(2);
BENCHMARK(steered_lists_all_positions)
    ->Name("steering_sweep/all_positions")
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(2);
BENCHMARK(steered_lists_whole_runs)
    ->Name("steering_sweep/whole_runs")
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(4);
BENCHMARK(lists_alone)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(1);

}  // namespace
}  // namespace heddle
