// Sparse-code ops and the whole training step of an L1 dictionary by the ops alone. Rival of the steps:
// tests/bench/peers/. The number in a name is the active features per row: about 110 of 2,048, as a trained dictionary
// has, and about 1,024, as an untrained one has. d = 64, m = 2,048, batch 4,096 unless the name says otherwise.
#include <benchmark/benchmark.h>

#include <string>

#include "dictionary_step.h"

namespace {

using namespace heddle;
using namespace heddle::bench;

void l1_step(benchmark::State& state, DictionaryShape shape) {
  shape.threads = static_cast<int>(state.range(0));
  DictionaryStep step(shape);
  for (auto _ : state) step.step();
  state.SetItemsProcessed(state.iterations() * shape.rows);
  state.counters["l0"] = step.active();
  roofline(state, step.step_work());
}

template <class Body>
void measure(benchmark::State& state, DictionaryShape shape, const Body& body) {
  shape.threads = static_cast<int>(state.range(0));
  DictionaryStep step(shape);
  step.step();
  step.encode();
  for (auto _ : state) body(step);
  state.SetItemsProcessed(state.iterations() * shape.rows);
  state.counters["l0"] = step.active();
}

void select_top(DictionaryStep& step, int32_t rule) {
  step.select.rule = rule;
  step.select.k = 32;
  step.encode();
}

void add(const std::string& name, benchmark::internal::Benchmark* made, benchmark::TimeUnit unit) {
  made->Name(name)->ArgName("threads")->Apply(thread_counts)->UseRealTime()->Unit(unit)->MinWarmUpTime(0.3)->MinTime(1);
}

const bool registered = [] {
  using Step = DictionaryStep;
  struct Precision {
    const char* name;
    int32_t value;
  };
  constexpr Precision precisions[] = {{"f32", HEDDLE_PRECISION_F32}, {"bf16", HEDDLE_PRECISION_BF16}};
  for (const auto& [precision, value] : precisions) {
    for (int64_t active : {110, 1024}) {
      const DictionaryShape shape{64, 2048, 4096, static_cast<double>(active), value, 0};
      const std::string tail = "/" + std::to_string(active) + "/" + precision;
      add("l1_step" + tail, benchmark::RegisterBenchmark("", l1_step, shape), benchmark::kMillisecond);
      const auto op = [&](const char* name, auto body) {
        add(name + tail,
            benchmark::RegisterBenchmark("", [=](benchmark::State& state) { measure(state, shape, body); }),
            benchmark::kMicrosecond);
      };
      op("encode", [](Step& s) { s.encode(); });
      if (value != HEDDLE_PRECISION_F32) continue;
      op("encode_top_k", [](Step& s) { select_top(s, HEDDLE_SELECT_TOP_K); });
      op("encode_batch_top_k", [](Step& s) { select_top(s, HEDDLE_SELECT_BATCH_TOP_K); });
      op("decode", [](Step& s) { s.decode(); });
      op("reconstruction", [](Step& s) { s.loss(); });
      op("codes_backward", [](Step& s) { s.codes_backward(); });
      op("decoder_gradient", [](Step& s) { s.decoder_gradient(); });
      op("encoder_gradient", [](Step& s) { s.encoder_gradient(); });
      op("codes_summary", [](Step& s) { s.summary(); });
      op("update", [](Step& s) { s.update(); });
    }
    // Widths and inputs: 5 % active (l1_grid) and half of all (l1_grid_dense).
    for (int64_t inputs : {64, 256, 512}) {
      for (int64_t features : {64, 512, 2048, 8192}) {
        const double share = static_cast<double>(features);
        const std::string tail = "/" + std::to_string(inputs) + "/" + std::to_string(features) + "/" + precision;
        const DictionaryShape shape{inputs, features, 4096, std::max(8.0, 0.05 * share), value, 0};
        DictionaryShape dense = shape;
        dense.active = share / 2;
        add("l1_grid" + tail, benchmark::RegisterBenchmark("", l1_step, shape), benchmark::kMillisecond);
        add("l1_grid_dense" + tail, benchmark::RegisterBenchmark("", l1_step, dense), benchmark::kMillisecond);
      }
    }
  }
  return true;
}();

}  // namespace
