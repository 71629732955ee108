// One training step of heddle.gptrec as the host runs it: zero gradients, forward and backward of a batch, Adam. Hidden
// 64, 3 blocks, 2 heads, dropout 0.1, full cross-entropy; items of MovieLens-20M (18,345) and 1M (3,417).
//   gptrec_step   64 sequences of 128 tokens
//   gptrec_short  sequences as long as ML-20M's histories, cut to 128, in the host's own packed batches of 8,192 tokens
// Rivals: tests/bench/peers/gptrec_step.py.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/data/batcher.h"
#include "core/plugin/registry.h"
#include "core/train/backbone.h"
#include "core/train/optimizer.h"
#include "plugins/interactions/synthetic/lengths.h"
#include "roofline.h"

namespace heddle {
namespace {

constexpr int64_t kHidden = 64, kLayers = 3, kHeads = 2, kLength = 128, kTokens = 8192;

using Batches = std::vector<std::unique_ptr<Batch>>;

Batches full_length(int64_t items) {
  Batches out;
  Batch& batch = *out.emplace_back(std::make_unique<Batch>());
  PhiloxStream random(rng_key(1, RngPurpose::test));
  const auto any = [&] { return static_cast<int32_t>(random.below(static_cast<uint64_t>(items))); };
  batch.offsets = {0};
  for (int64_t s = 0; s < kTokens / kLength; ++s) {
    int32_t item = any();
    for (int64_t t = 0; t < kLength; ++t) {
      batch.items.push_back(item);
      item = any();
      batch.targets.push_back(item);
      batch.positions.push_back(static_cast<int32_t>(t));
    }
    batch.offsets.push_back(batch.tokens());
    batch.users.push_back(static_cast<int32_t>(s));
    batch.ranges.push_back(s);
  }
  batch.bind(true);
  return out;
}

// The whole batches of an epoch over users whose lengths have the quantiles of ML-20M's.
Batches short_lengths(int64_t items) {
  const std::vector<int64_t> lengths = plugins::history_lengths({1200, 173160, 20, 68, 8540});
  Interactions log;
  Part part;
  PhiloxStream random(rng_key(1, RngPurpose::test));
  log.offsets = {0};
  for (size_t user = 0; user < lengths.size(); ++user) {
    for (int64_t i = 0; i < lengths[user]; ++i)
      log.items.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(items))));
    const int64_t begin = log.offsets.back(), end = begin + lengths[user];
    log.offsets.push_back(end);
    part.users.push_back({static_cast<int32_t>(user), begin, end, -1});
  }
  BatchOptions options;
  options.max_length = kLength;
  options.sequences = 0;
  options.tokens = kTokens;
  options.training = true;
  const Batcher batcher(log, part, options);
  const Batcher::Plan plan = batcher.plan(1, 1);
  Batches out;
  for (int64_t i = 0; i + 1 < plan.size(); ++i)
    batcher.fill(plan, i, *out.emplace_back(std::make_unique<Batch>()));  // the last one is not full
  return out;
}

// Of one step over an average batch.
Work work_of(const Batches& batches, int64_t items, int32_t precision, int64_t parameters, int threads) {
  double tokens = 0, pairs = 0;
  for (const auto& batch : batches) {
    tokens += static_cast<double>(batch->tokens());
    for (size_t s = 1; s < batch->offsets.size(); ++s) {
      const auto length = static_cast<double>(batch->offsets[s] - batch->offsets[s - 1]);
      pairs += length * (length + 1) / 2;
    }
  }
  const auto n = static_cast<double>(batches.size());
  tokens /= n, pairs /= n;
  // Forward and twice backward of 12 d^2 weights a block and of the scores; attention: two products forward, five
  // backward.
  const double products = 3 * 2 * tokens * static_cast<double>(kLayers * 12 * kHidden * kHidden + items * kHidden);
  const double attention = 7 * 2 * pairs * static_cast<double>(kLayers * kHidden);
  const bool bf16 = precision == HEDDLE_PRECISION_BF16;
  // What forward keeps for backward (16 d a token and block), once written, once read; Adam reads four and writes
  // three.
  const double kept = 2 * 4 * 16 * tokens * static_cast<double>(kLayers * kHidden);
  return {.flops = attention + (bf16 ? 0 : products),
          .bf16_flops = bf16 ? products : 0,
          .bytes = kept + 7 * 4 * static_cast<double>(parameters),
          .footprint = kept / 2 + 4 * 4 * static_cast<double>(parameters),
          .threads = threads};
}

void train(benchmark::State& state, const Batches& batches, int64_t items, int32_t precision) {
  const Registry registry;
  const Component& component = registry.find(HEDDLE_KIND_BACKBONE, "heddle.gptrec");
  const Values values(component, {{"hidden", kHidden, {}},
                                  {"layers", kLayers, {}},
                                  {"heads", kHeads, {}},
                                  {"max_length", kLength, {}},
                                  {"dropout", 0.1, {}}});
  const int threads = static_cast<int>(state.range(0));
  const auto device = Device::cpu({threads, "auto"});
  Context context(*device);
  Backbone backbone(*device, component, values, items);
  backbone.initialise(context, 1);
  Optimizer optimizer(*device, backbone.parameters(), {});
  TensorList gradients(*device, backbone.parameters().infos(), true);
  LossCollector losses;
  uint64_t step = 0;
  int64_t tokens = 0, sequences = 0;
  for (auto _ : state) {
    const Batch& batch = *batches[step % batches.size()];
    losses.clear();
    gradients.zero(context);
    backbone.train(context, rng_key(1, RngPurpose::dropout, 0, ++step), precision, batch.sequences(), gradients,
                   losses);
    optimizer.step(context, backbone.parameters(), gradients, 1e-3);
    tokens += batch.tokens();
    sequences += batch.count();
  }
  state.SetItemsProcessed(tokens);
  state.counters["loss"] = losses.total();
  state.counters["length"] = static_cast<double>(tokens) / static_cast<double>(sequences);
  roofline(state, work_of(batches, items, precision, backbone.parameters().total_size(), threads));
}

using MakeBatches = Batches (*)(int64_t items);

void add(const std::string& name, MakeBatches batches, int64_t items, int32_t precision) {
  const std::string full = name + "/" + std::to_string(items) + (precision == HEDDLE_PRECISION_BF16 ? "/bf16" : "/f32");
  benchmark::RegisterBenchmark(full.c_str(),
                               [=](benchmark::State& state) { train(state, batches(items), items, precision); })
      ->ArgName("threads")
      ->Apply(thread_counts)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond)
      ->MinWarmUpTime(.5)
      ->MinTime(3);
}

const bool registered = [] {
  for (const int64_t items : {18345, 3417}) {
    for (const int32_t precision : {HEDDLE_PRECISION_F32, HEDDLE_PRECISION_BF16}) {
      add("gptrec_step", full_length, items, precision);
      add("gptrec_short", short_lengths, items, precision);
    }
  }
  return true;
}();

}  // namespace
}  // namespace heddle
