// Interpretation of a dictionary: Pearson, ROC AUC and sensitivity of 2,048 features against 18 binary attributes over
// 200,000 data points, 1.5 % of the activations non-zero. Rival: tests/bench/peers/three_metrics.py.
#include <benchmark/benchmark.h>

#include <cmath>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/rng.h"
#include "core/interpret/scores.h"
#include "core/plugin/registry.h"

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
  FeatureColumns columns() {
    FeatureColumns made(kFeatures);
    for (Block& block : blocks) made.append(block.codes());
    made.finish();
    return made;
  }
};

World& world() {
  static World made;
  return made;
}

void three_metrics(benchmark::State& state) {
  const Registry registry;
  FeatureMetrics metrics;
  for (const char* id : {"heddle.pearson", "heddle.roc_auc", "heddle.sensitivity"}) {
    const Component& component = registry.find(HEDDLE_KIND_METRIC, id);
    metrics.push_back(std::make_unique<FeatureMetric>(id, component, Values(component, {})));
  }
  const auto device = Device::cpu();
  Context context(*device);
  World& w = world();
  for (auto _ : state) {
    const FeatureColumns columns = w.columns();
    const FeatureScores scores = score_features(context, columns, w.items, w.table, metrics);
    benchmark::DoNotOptimize(scores.scores.begin()->second.data());
  }
  state.SetItemsProcessed(state.iterations() * kPoints);
}
BENCHMARK(three_metrics)->UseRealTime()->Unit(benchmark::kSecond);

void collect_columns(benchmark::State& state) {
  World& w = world();
  for (auto _ : state) benchmark::DoNotOptimize(w.columns().entries());
}
BENCHMARK(collect_columns)->UseRealTime()->Unit(benchmark::kMillisecond);

void feature_statistics(benchmark::State& state) {
  const auto device = Device::cpu();
  Context context(*device);
  World& w = world();
  const FeatureColumns columns = w.columns();
  for (auto _ : state) benchmark::DoNotOptimize(feature_statistics(context, columns, w.items, 10, 10).data());
}
BENCHMARK(feature_statistics)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace heddle
