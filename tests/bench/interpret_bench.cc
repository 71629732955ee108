// Interpretation of a dictionary: Pearson, ROC AUC and sensitivity of 2,048 features against 18 binary attributes over
// 200,000 data points, 1.5 % of the activations non-zero. Rival: tests/bench/peers/three_metrics.py.
#include <benchmark/benchmark.h>

#include <bit>
#include <cmath>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/rng.h"
#include "core/interpret/parallel.h"
#include "core/interpret/scores.h"
#include "core/plugin/registry.h"
#include "roofline.h"

namespace heddle {
namespace {

constexpr int64_t kPoints = 200'000, kFeatures = 2048, kAttributes = 18, kBlock = 4096;
constexpr double kShare = 0.015;

// Codes of all points in blocks, as a dictionary hands them out, and labels. Every point has an item of its own, so
// that labels are independent from point to point.
struct World {
  struct Block {
    std::vector<int64_t> offsets{0};
    std::vector<int32_t> indices;
    std::vector<float> values;
    heddle_codes codes() {
      heddle_codes c{};
      c.struct_size = sizeof c;
      c.rows = static_cast<int64_t>(offsets.size()) - 1;
      c.width = kFeatures;
      c.nnz = c.capacity = static_cast<int64_t>(indices.size());
      c.offsets = offsets.data();
      c.indices = indices.data();
      c.values = values.data();
      c.device = {kDLCPU, 0};
      return c;
    }
  };
  std::vector<Block> blocks;
  std::vector<int32_t> items;
  AttributeTable table;
  World() {
    PhiloxStream random(rng_key(1, RngPurpose::test));
    table.items = kPoints;
    table.offsets.push_back(0);
    table.numeric.resize(kAttributes);
    for (int64_t a = 0; a < kAttributes; ++a)
      table.attributes.push_back({"label:" + std::to_string(a), "label", HEDDLE_ATTRIBUTE_BINARY, 0});
    for (int64_t p = 0; p < kPoints; ++p) {
      if (p % kBlock == 0) blocks.emplace_back();
      Block& block = blocks.back();
      // Gaps between non-zeros are geometric.
      for (double j = std::floor(std::log(1 - random.uniform()) / std::log(1 - kShare)); j < kFeatures;
           j += 1 + std::floor(std::log(1 - random.uniform()) / std::log(1 - kShare))) {
        block.indices.push_back(static_cast<int32_t>(j));
        block.values.push_back(static_cast<float>(std::abs(random.normal())) + 1e-6f);
      }
      block.offsets.push_back(static_cast<int64_t>(block.indices.size()));
      for (int32_t a = 0; a < kAttributes; ++a) {
        if (random.uniform() < 0.01 + (0.5 - 0.01) * a / (kAttributes - 1)) table.labels.push_back(a);
      }
      table.offsets.push_back(static_cast<int64_t>(table.labels.size()));
      items.push_back(static_cast<int32_t>(p));
    }
  }
  FeatureColumns columns(Context& context) {
    FeatureColumns made(kFeatures, &context);
    for (Block& block : blocks) made.append(block.codes());
    made.finish();
    return made;
  }
};

World& world() {
  static World made;
  return made;
}

// Bytes of the codes: an index and a value per entry, an offset per point.
double code_bytes() {
  double entries = 0;
  for (const World::Block& block : world().blocks) entries += static_cast<double>(block.indices.size());
  return 8 * entries + 8.0 * kPoints;
}

void run_metrics(benchmark::State& state, const AttributeTable& table) {
  const Registry registry;
  FeatureMetrics metrics;
  for (const char* id : {"heddle.pearson", "heddle.roc_auc", "heddle.sensitivity"}) {
    const Component& component = registry.find(HEDDLE_KIND_METRIC, id);
    metrics.push_back(std::make_unique<FeatureMetric>(id, component, Values(component, {})));
  }
  const auto threads = static_cast<int>(state.range(0));
  const auto device = Device::cpu({threads, "auto"});
  Context context(*device);
  World& w = world();
  for (auto _ : state) {
    const FeatureColumns columns = w.columns(context);
    const FeatureScores scores = score_features(context, columns, w.items, table, metrics);
    benchmark::DoNotOptimize(scores.scores.begin()->second.data());
  }
  state.SetItemsProcessed(state.iterations() * kPoints);
  roofline(state, {.bytes = code_bytes(), .threads = threads});
}

// From codes by point to all scores.
void three_metrics(benchmark::State& state) { run_metrics(state, world().table); }
BENCHMARK(three_metrics)
    ->ArgName("threads")
    ->Apply(thread_counts)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinWarmUpTime(.3)
    ->MinTime(1);

// A table of 1,024 attributes of which an item has a few: labels come from lists.
void three_metrics_wide(benchmark::State& state) {
  constexpr int32_t kWide = 1024;
  AttributeTable table = world().table;
  PhiloxStream random(rng_key(4, RngPurpose::test));
  table.attributes.assign(kWide, {"label", "label", HEDDLE_ATTRIBUTE_BINARY, 0});
  table.numeric.resize(kWide);
  for (int64_t item = 0; item < table.items; ++item) {
    const int64_t begin = table.offsets[static_cast<size_t>(item)], end = table.offsets[static_cast<size_t>(item) + 1];
    for (int64_t e = begin; e < end; ++e)  // ascending: each from a stretch of its own
      table.labels[static_cast<size_t>(e)] = static_cast<int32_t>(
          (e - begin) * (kWide / kAttributes) + static_cast<int64_t>(random.below(kWide / kAttributes)));
  }
  run_metrics(state, table);
}
BENCHMARK(three_metrics_wide)
    ->ArgName("threads")
    ->Apply(thread_counts)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);

// What the above cannot do without: every index and value of the codes read once.
void codes_read_once(benchmark::State& state) {
  const auto threads = static_cast<int>(state.range(0));
  const auto device = Device::cpu({threads, "auto"});
  Context context(*device);
  const std::vector<World::Block>& blocks = world().blocks;
  std::vector<uint64_t> sums(blocks.size());
  for (auto _ : state) {
    run_parallel(
        context, static_cast<int64_t>(blocks.size()), [] { return 0; },
        [&](int, int64_t b) {
          const World::Block& block = blocks[static_cast<size_t>(b)];
          uint32_t indices = 0, values = 0;
          for (const int32_t index : block.indices) indices += static_cast<uint32_t>(index);
          for (const float value : block.values) values += std::bit_cast<uint32_t>(value);
          sums[static_cast<size_t>(b)] = uint64_t{indices} + values;
        });
    benchmark::DoNotOptimize(sums.data());
  }
  state.SetItemsProcessed(state.iterations() * kPoints);
  roofline(state, {.bytes = code_bytes(), .threads = threads});
}
BENCHMARK(codes_read_once)
    ->ArgName("threads")
    ->Apply(thread_counts)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->MinWarmUpTime(.3)
    ->MinTime(.5);

// Codes by point laid out by feature.
void collect_columns(benchmark::State& state) {
  const auto threads = static_cast<int>(state.range(0));
  const auto device = Device::cpu({threads, "auto"});
  Context context(*device);
  World& w = world();
  for (auto _ : state) benchmark::DoNotOptimize(w.columns(context).entries());
  roofline(state, {.bytes = 2 * code_bytes(), .threads = threads});
}
BENCHMARK(collect_columns)->ArgName("threads")->Apply(thread_counts)->UseRealTime()->Unit(benchmark::kMillisecond);

void feature_statistics(benchmark::State& state) {
  const auto device = Device::cpu();
  Context context(*device);
  World& w = world();
  const FeatureColumns columns = w.columns(context);
  for (auto _ : state) benchmark::DoNotOptimize(feature_statistics(context, columns, w.items, 10, 10).data());
}
BENCHMARK(feature_statistics)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace heddle
