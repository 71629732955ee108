// Sparse-code ops and the whole training step of an L1 dictionary: d = 64, m = 2048, batch 4096, f32. Rival of l1_step:
// tests/bench/peers/l1_step.py. The argument of the others is the number of active features per row that the encoder's
// bias is set for: about 110, as a trained dictionary has, and about 1,024, as an untrained one has.
#include <benchmark/benchmark.h>

#include <map>
#include <vector>

#include "core/compute/context.h"
#include "core/compute/rng.h"
#include "core/compute/tensor.h"

namespace {

using namespace heddle;

constexpr int64_t kRows = 4096, kInputs = 64, kFeatures = 2048;

Device& device() {
  static const std::unique_ptr<Device> made = Device::cpu();
  return *made;
}

Tensor normal(uint64_t seed, std::vector<int64_t> shape) {
  Tensor tensor(device(), DType::f32, std::move(shape));
  PhiloxStream random(rng_key(seed, RngPurpose::test));
  for (float& value : tensor.span<float>()) value = static_cast<float>(random.normal());
  return tensor;
}

Tensor uniform(uint64_t seed, std::vector<int64_t> shape) {  // +-1/8: decoder rows get norm 1 at the first update
  Tensor tensor(device(), DType::f32, std::move(shape));
  PhiloxStream random(rng_key(seed, RngPurpose::test));
  for (float& value : tensor.span<float>()) value = static_cast<float>(random.uniform() * 0.25 - 0.125);
  return tensor;
}

Tensor zeros(std::vector<int64_t> shape) {
  Tensor tensor(device(), DType::f32, std::move(shape));
  tensor.zero();
  return tensor;
}

// A dictionary in training, with its Adam state.
struct Step {
  struct Parameter {
    Tensor value, gradient, m, v;
    explicit Parameter(Tensor start) : value(std::move(start)) {
      gradient = zeros(value.shape());
      m = zeros(value.shape());
      v = zeros(value.shape());
    }
  };
  Context context{device()};
  const heddle_ops& ops = context.ops();
  ErrorBuffer error;
  Tensor x = normal(1, {kRows, kInputs}), y = zeros({kRows, kInputs}), dy = zeros({kRows, kInputs});
  Tensor dvalues = zeros({kRows * kFeatures});
  Parameter encoder{uniform(2, {kFeatures, kInputs})}, encoder_bias{zeros({kFeatures})};
  Parameter decoder{uniform(3, {kFeatures, kInputs})}, decoder_bias{zeros({kInputs})};
  heddle_codes* codes = nullptr;
  heddle_select select{sizeof(heddle_select), 0, HEDDLE_SELECT_RELU, 0, 0, nullptr, nullptr};
  int64_t step = 0;

  explicit Step(int64_t active) {
    // Pre-activations are about N(0, 1/3): a bias of -0.93 leaves 5.4 % of 2,048 active.
    for (float& bias : encoder_bias.value.span<float>()) bias = active < kFeatures / 4 ? -0.93f : 0.0f;
    ok(ops.codes_create(context.handle(), &codes, error));
    encode();
  }
  ~Step() { ops.codes_destroy(context.handle(), codes); }

  void ok(int32_t status) { check(status, error, "bench"); }
  TensorView gradients() { return view(dvalues.data<float>(), codes->nnz); }
  void encode() {
    const heddle_encode args{
        sizeof args, 0,    HEDDLE_PRECISION_F32, 0, x, decoder_bias.value, encoder.value, encoder_bias.value,
        &select,     codes};
    ok(ops.encode(context.handle(), &args, error));
  }
  void decode() { ok(ops.decode(context.handle(), codes, nullptr, decoder.value, decoder_bias.value, y, error)); }
  void loss() {
    double value = 0;
    const heddle_reconstruction args{sizeof args, 0, HEDDLE_RECONSTRUCTION_L2_NORM, 0, 1.0, x, y, &value, dy};
    ok(ops.reconstruction(context.handle(), &args, error));
    benchmark::DoNotOptimize(value);
  }
  void codes_backward() {
    ok(ops.codes_backward(context.handle(), codes, dy, decoder.value, 0.1 / kRows, gradients(), error));
  }
  void decoder_gradient() {
    ok(ops.codes_weight_gradient(context.handle(), codes, nullptr, dy, nullptr, decoder.gradient, error));
    ok(ops.sum_rows(context.handle(), dy, decoder_bias.gradient, error));
  }
  void encoder_gradient() {
    ok(ops.codes_weight_gradient(context.handle(), codes, gradients(), x, decoder_bias.value, encoder.gradient, error));
    ok(ops.codes_column_sum(context.handle(), codes, gradients(), encoder_bias.gradient, error));
  }
  void adam(Parameter& p, bool unit_rows) {
    // So small a learning rate that the share of active features stays what it is.
    const heddle_adam args{sizeof args, 0,         1e-6, 0.9,     0.999,      1e-8, 0,  1.0,
                           step,        unit_rows, 0,    p.value, p.gradient, p.m,  p.v};
    ok(ops.adam(context.handle(), &args, error));
    ok(ops.fill(context.handle(), 0, p.gradient, error));
  }
  void update() {
    ++step;
    adam(encoder, false);
    adam(encoder_bias, false);
    adam(decoder, true);
    adam(decoder_bias, false);
  }
};

Step& step_with(int64_t active) {
  device();  // made first, so that it outlives the tensors of the steps
  static std::map<int64_t, std::unique_ptr<Step>> made;
  auto& slot = made[active];
  if (!slot) slot = std::make_unique<Step>(active);
  return *slot;
}

template <class Body>
void measure(benchmark::State& state, Body&& body) {
  Step& step = step_with(state.range(0));
  step.decode();
  step.loss();
  step.codes_backward();
  step.decoder_gradient();
  for (auto _ : state) body(step);
  state.SetItemsProcessed(state.iterations() * kRows);
  state.counters["l0"] = static_cast<double>(step.codes->nnz) / kRows;
}

void l1_step(benchmark::State& state, int64_t active) {
  Step& s = step_with(active);
  for (auto _ : state) {
    s.encode();
    s.decode();
    s.loss();
    s.codes_backward();
    s.decoder_gradient();
    s.encoder_gradient();
    s.update();
  }
  state.SetItemsProcessed(state.iterations() * kRows);
  state.counters["l0"] = static_cast<double>(s.codes->nnz) / kRows;
}
BENCHMARK_CAPTURE(l1_step, trained, 110)->Name("l1_step/110")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(l1_step, untrained, 1024)->Name("l1_step/1024")->UseRealTime()->Unit(benchmark::kMillisecond);

void encode(benchmark::State& state) {
  measure(state, [](Step& s) { s.encode(); });
}
void encode_top_k(benchmark::State& state) {
  measure(state, [](Step& s) {
    const heddle_select before = s.select;
    s.select.rule = HEDDLE_SELECT_TOP_K;
    s.select.k = 32;
    s.encode();
    s.select = before;
  });
  step_with(state.range(0)).encode();
}
void encode_batch_top_k(benchmark::State& state) {
  measure(state, [](Step& s) {
    const heddle_select before = s.select;
    s.select.rule = HEDDLE_SELECT_BATCH_TOP_K;
    s.select.k = 32;
    s.encode();
    s.select = before;
  });
  step_with(state.range(0)).encode();
}
void decode(benchmark::State& state) {
  measure(state, [](Step& s) { s.decode(); });
}
void reconstruction(benchmark::State& state) {
  measure(state, [](Step& s) { s.loss(); });
}
void codes_backward(benchmark::State& state) {
  measure(state, [](Step& s) { s.codes_backward(); });
}
// The ordering by feature is built by the first gradient after an encode: with it, and without.
void order_and_decoder_gradient(benchmark::State& state) {
  Step& step = step_with(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    step.encode();
    state.ResumeTiming();
    step.decoder_gradient();
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
void decoder_gradient(benchmark::State& state) {
  measure(state, [](Step& s) { s.decoder_gradient(); });
}
void encoder_gradient(benchmark::State& state) {
  measure(state, [](Step& s) { s.encoder_gradient(); });
}
void update(benchmark::State& state) {
  measure(state, [](Step& s) { s.update(); });
}
void summary(benchmark::State& state) {
  measure(state, [](Step& s) {
    double sum = 0, smallest = 0;
    int64_t active = 0;
    s.ok(s.ops.codes_summary(s.context.handle(), s.codes, &sum, &active, &smallest, s.error));
    benchmark::DoNotOptimize(sum);
  });
}

#define HEDDLE_SPARSE_BENCH(name) BENCHMARK(name)->Arg(110)->Arg(1024)->Unit(benchmark::kMicrosecond)->UseRealTime()
HEDDLE_SPARSE_BENCH(encode);
HEDDLE_SPARSE_BENCH(encode_top_k);
HEDDLE_SPARSE_BENCH(encode_batch_top_k);
HEDDLE_SPARSE_BENCH(decode);
HEDDLE_SPARSE_BENCH(reconstruction);
HEDDLE_SPARSE_BENCH(codes_backward);
HEDDLE_SPARSE_BENCH(order_and_decoder_gradient);
HEDDLE_SPARSE_BENCH(decoder_gradient);
HEDDLE_SPARSE_BENCH(encoder_gradient);
HEDDLE_SPARSE_BENCH(update);
HEDDLE_SPARSE_BENCH(summary);

}  // namespace
