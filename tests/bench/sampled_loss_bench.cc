// Sampled objectives at the size of cross_entropy_step (ops_bench.cc): 8,192 tokens, 18,345 items, width 64, and 256
// negatives per token. The step is what nn::Objective does: draws, logits, loss, and all gradients.
// Rival: tests/bench/peers/sampled_loss_step.py.
#include "device_bench.h"
#include "roofline.h"

namespace heddle {
namespace {

constexpr int64_t kTokens = 8192, kItems = 18345, kWidth = 64, kNegatives = 256;

struct Sampled : Bench {
  explicit Sampled(benchmark::State& state)
      : Bench(state),
        popularity(state.range(1) != 0),
        targets(*device, DType::i32, {kTokens}),
        weights(*device, DType::f32, {kItems}),
        codes(context.create_codes()) {
    PhiloxStream random(rng_key(2, RngPurpose::test));
    for (int32_t& target : targets.span<int32_t>()) target = static_cast<int32_t>(random.below(kItems));
    // Zipf's law to the power of 3/4, in no order.
    for (float& weight : weights.span<float>())
      weight = static_cast<float>(std::pow(1.0 + static_cast<double>(random.below(kItems)), -0.75));
    draw();
  }
  ~Sampled() { context.ops().codes_destroy(context.handle(), codes); }
  template <class F>
  void run(F&& f) {
    check(f(context.ops(), context.handle(), static_cast<heddle_error*>(error)), error, "benchmark");
  }
  void draw() {
    const heddle_sample_candidates args{
        sizeof args, 0, kItems, kNegatives, {1, ++step}, targets, popularity ? weights.dl() : nullptr, codes};
    run([&](auto& ops, void* dc, auto* e) { return ops.sample_candidates(dc, &args, e); });
  }
  bool popularity;
  Tensor targets, weights;
  heddle_codes* codes;
  uint64_t step = 0;
};

void candidates_draw(benchmark::State& state) {
  Sampled s(state);
  for (auto _ : state) s.draw();
  rate(state, "draws/s", static_cast<double>(kTokens * kNegatives));
}
BENCHMARK(candidates_draw)
    ->ArgNames({"threads", "popularity"})
    ->Args({1, 0})
    ->Args({1, 1})
    ->Args({2, 0})
    ->Args({2, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void sampled_loss_step(benchmark::State& state) {
  Sampled s(state);
  Tensor hidden = s.tensor({kTokens, kWidth}), table = s.tensor({kItems, kWidth}, 0.02),
         dhidden = s.tensor({kTokens, kWidth}), dtable = s.tensor({kItems, kWidth}),
         logits = s.tensor({kTokens * (kNegatives + 1)}), dlogits = s.tensor({kTokens * (kNegatives + 1)});
  double loss = 0;
  int64_t count = 0;
  for (auto _ : state) {
    s.draw();
    const int64_t stored = s.codes->nnz;
    auto l = view(logits.data<float>(), stored), dl = view(dlogits.data<float>(), stored);
    const heddle_candidate_loss args{
        sizeof args, 0, HEDDLE_CANDIDATES_BINARY, 0, 1, 0.3, s.codes, s.targets, l, nullptr, &loss, &count, dl};
    s.run([&](auto& ops, void* dc, auto* e) { return ops.codes_backward(dc, s.codes, hidden, table, 0, l, e); });
    s.run([&](auto& ops, void* dc, auto* e) { return ops.candidate_loss(dc, &args, e); });
    s.run([&](auto& ops, void* dc, auto* e) { return ops.decode(dc, s.codes, dl, table, nullptr, dhidden, e); });
    s.run([&](auto& ops, void* dc, auto* e) {
      return ops.codes_weight_gradient(dc, s.codes, dl, hidden, nullptr, dtable, e);
    });
  }
  state.counters["loss"] = loss / static_cast<double>(count);
  state.SetItemsProcessed(state.iterations() * kTokens);
  // Three products of a row of the table (or of its gradient) and a hidden state per candidate; gathered from caches.
  const double pairs = static_cast<double>(kTokens * (kNegatives + 1)) * kWidth;
  roofline(state, {.flops = 3 * 2 * pairs,
                   .bytes = 3 * 4 * pairs,
                   .footprint = 4.0 * kWidth * (2 * kItems + 2 * kTokens),
                   .threads = static_cast<int>(state.range(0))});
}
BENCHMARK(sampled_loss_step)
    ->ArgNames({"threads", "popularity"})
    ->Args({1, 0})
    ->Args({2, 0})
    ->Args({2, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// The loss alone, on logits at hand.
void candidates_loss(benchmark::State& state) {
  Sampled s(state);
  Tensor logits = s.tensor({s.codes->nnz}), dlogits = s.tensor({s.codes->nnz}), corrections = s.tensor({kItems});
  double loss = 0;
  int64_t count = 0;
  const auto kind = static_cast<int32_t>(state.range(2));
  const heddle_candidate_loss args{sizeof args, 0,      kind,        0,     1,      1,      s.codes,
                                   s.targets,   logits, corrections, &loss, &count, dlogits};
  for (auto _ : state) s.run([&](auto& ops, void* dc, auto* e) { return ops.candidate_loss(dc, &args, e); });
  rate(state, "logits/s", static_cast<double>(s.codes->nnz));
}
BENCHMARK(candidates_loss)
    ->ArgNames({"threads", "popularity", "softmax"})
    ->Args({1, 0, 0})
    ->Args({1, 0, 1})
    ->Args({2, 0, 0})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace heddle
