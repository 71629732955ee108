// Dense ops of the CPU device at the sizes of the main job. Counters: FLOP/s (multiply-adds count twice) or bytes/s,
// and the distance from the roofline (roofline.h). First argument of each benchmark: worker threads.
#include "device_bench.h"
#include "roofline.h"

namespace heddle {
namespace {

int threads_of(const benchmark::State& state) { return static_cast<int>(state.range(0)); }

// Work of a product that reads and writes `floats` numbers.
Work product(const benchmark::State& state, double flops, int64_t floats, bool bf16) {
  return {.flops = bf16 ? 0 : flops,
          .bf16_flops = bf16 ? flops : 0,
          .bytes = 4.0 * static_cast<double>(floats),
          .threads = threads_of(state)};
}

// [8192,64] x [64,256] with bias and GELU: the first half of a transformer block's MLP.
void gemm_forward(benchmark::State& state) {
  Bench bench(state);
  const int64_t m = 8192, n = 256, k = 64;
  Tensor a = bench.tensor({m, k}), b = bench.tensor({k, n}, 0.125), bias = bench.tensor({n}), c = bench.tensor({m, n}),
         pre = bench.tensor({m, n});
  heddle_gemm args{};
  args.struct_size = sizeof args;
  args.alpha = 1;
  args.activation = HEDDLE_ACTIVATION_GELU_TANH;
  args.precision = static_cast<int32_t>(state.range(1));
  args.a = a;
  args.b = b;
  args.c = c;
  args.bias = bias;
  args.pre = pre;
  for (auto _ : state) check(bench.context.ops().gemm(bench.context.handle(), &args, bench.error), bench.error, "gemm");
  rate(state, "FLOP/s", 2.0 * m * n * k);
  roofline(state, product(state, 2.0 * m * n * k, m * k + k * n + 2 * m * n, state.range(1) != 0));
}
BENCHMARK(gemm_forward)
    ->ArgNames({"threads", "bf16"})
    ->Args({1, 0})
    ->Args({2, 0})
    ->Args({1, 1})
    ->Args({2, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// [64,8192] x [8192,256]: a weight gradient, long in K.
void gemm_weight_gradient(benchmark::State& state) {
  Bench bench(state);
  const int64_t m = 64, n = 256, k = 8192;
  Tensor a = bench.tensor({k, m}), b = bench.tensor({k, n}), c = bench.tensor({m, n});
  heddle_gemm args{};
  args.struct_size = sizeof args;
  args.transpose_a = 1;
  args.alpha = 1;
  args.beta = 1;
  args.precision = static_cast<int32_t>(state.range(1));
  args.a = a;
  args.b = b;
  args.c = c;
  for (auto _ : state) check(bench.context.ops().gemm(bench.context.handle(), &args, bench.error), bench.error, "gemm");
  rate(state, "FLOP/s", 2.0 * m * n * k);
  roofline(state, product(state, 2.0 * m * n * k, m * k + k * n + 2 * m * n, state.range(1) != 0));
}
BENCHMARK(gemm_weight_gradient)
    ->ArgNames({"threads", "bf16"})
    ->Args({1, 0})
    ->Args({2, 0})
    ->Args({1, 1})
    ->Args({2, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// activation_backward, layer norm (forward and backward), column sums, and a table's rows gathered and added back: what
// stands between the products of a block. All bound by memory.
void gelu_backward(benchmark::State& state) {
  Bench bench(state);
  Tensor pre = bench.tensor({8192, 256}), dy = bench.tensor({8192, 256}), dpre = bench.tensor({8192, 256});
  for (auto _ : state) {
    check(bench.context.ops().activation_backward(bench.context.handle(), HEDDLE_ACTIVATION_GELU_TANH, pre, dy, dpre,
                                                  bench.error),
          bench.error, "activation_backward");
  }
  const double bytes = 3.0 * static_cast<double>(pre.bytes());
  rate(state, "bytes/s", bytes);
  roofline(state, {.bytes = bytes, .threads = threads_of(state)});
}
BENCHMARK(gelu_backward)->ArgName("threads")->Apply(thread_counts)->UseRealTime()->Unit(benchmark::kMillisecond);

void layer_norm_step(benchmark::State& state) {
  Bench bench(state);
  const int64_t rows = 8192, d = 64;
  Tensor x = bench.tensor({rows, d}), y = bench.tensor({rows, d}), gamma = bench.tensor({d}), beta = bench.tensor({d}),
         mean = bench.tensor({rows}), rstd = bench.tensor({rows}), dx = bench.tensor({rows, d}),
         dgamma = bench.tensor({d}), dbeta = bench.tensor({d});
  heddle_layer_norm forward{sizeof forward, 0, 1e-5, x, gamma, beta, y, mean, rstd};
  heddle_layer_norm_backward back{sizeof back, 0, 0, 0, x, gamma, mean, rstd, y, dx, dgamma, dbeta};
  for (auto _ : state) {
    check(bench.context.ops().layer_norm(bench.context.handle(), &forward, bench.error), bench.error, "layer_norm");
    check(bench.context.ops().layer_norm_backward(bench.context.handle(), &back, bench.error), bench.error,
          "layer_norm_backward");
  }
  const auto bytes = static_cast<double>(x.bytes());
  rate(state, "bytes/s", 5 * bytes);
  roofline(state, {.bytes = 5 * bytes, .footprint = 3 * bytes, .threads = threads_of(state)});
}
BENCHMARK(layer_norm_step)->ArgName("threads")->Apply(thread_counts)->UseRealTime()->Unit(benchmark::kMillisecond);

void sum_rows(benchmark::State& state) {
  Bench bench(state);
  Tensor x = bench.tensor({8192, 256}), out = bench.tensor({256});
  for (auto _ : state)
    check(bench.context.ops().sum_rows(bench.context.handle(), x, out, bench.error), bench.error, "sum_rows");
  const auto bytes = static_cast<double>(x.bytes());
  rate(state, "bytes/s", bytes);
  roofline(state, {.bytes = bytes, .threads = threads_of(state)});
}
BENCHMARK(sum_rows)->ArgName("threads")->Apply(thread_counts)->UseRealTime()->Unit(benchmark::kMillisecond);

void embedding_step(benchmark::State& state) {
  Bench bench(state);
  const int64_t tokens = 8192, items = 18345, d = 64;
  Tensor table = bench.tensor({items, d}), rows = bench.tensor({tokens, d}), index(*bench.device, DType::i32, {tokens});
  PhiloxStream random(rng_key(2, RngPurpose::test));
  for (int64_t t = 0; t < tokens; ++t)
    index.data<int32_t>()[t] = static_cast<int32_t>(random.below(static_cast<uint64_t>(items)));
  for (auto _ : state) {
    check(bench.context.ops().gather_rows(bench.context.handle(), table, index, rows, bench.error), bench.error,
          "gather_rows");
    check(bench.context.ops().scatter_add_rows(bench.context.handle(), rows, index, table, bench.error), bench.error,
          "scatter_add_rows");
  }
  const auto bytes = static_cast<double>(rows.bytes());
  rate(state, "bytes/s", 5 * bytes);
  roofline(state, {.bytes = 5 * bytes, .footprint = 2 * bytes, .threads = threads_of(state)});
}
BENCHMARK(embedding_step)->ArgName("threads")->Apply(thread_counts)->UseRealTime()->Unit(benchmark::kMillisecond);

// 64 sequences of 128 tokens, width 64, 2 heads, causal, dropout 0.1; forward and backward.
void attention_step(benchmark::State& state) {
  Bench bench(state);
  const int64_t sequences = 64, length = 128, d = 64, heads = 2, tokens = sequences * length;
  Tensor qkv = bench.tensor({tokens, 3 * d}), dqkv = bench.tensor({tokens, 3 * d}), out = bench.tensor({tokens, d}),
         dout = bench.tensor({tokens, d}), sums = bench.tensor({tokens, heads}),
         offsets(*bench.device, DType::i64, {sequences + 1});
  for (int64_t s = 0; s <= sequences; ++s) offsets.data<int64_t>()[s] = s * length;
  const auto third = [&](Tensor& whole, int64_t i) {
    return strided_view(whole.data<float>() + i * d, tokens, d, 3 * d);
  };
  auto q = third(qkv, 0), k = third(qkv, 1), v = third(qkv, 2), dq = third(dqkv, 0), dk = third(dqkv, 1),
       dv = third(dqkv, 2);
  heddle_attention forward{};
  forward.struct_size = sizeof forward;
  forward.heads = heads;
  forward.causal = 1;
  forward.dropout = 0.1;
  forward.offsets = offsets;
  forward.q = q;
  forward.k = k;
  forward.v = v;
  forward.out = out;
  forward.log_sum_exp = sums;
  heddle_attention_backward back{};
  back.struct_size = sizeof back;
  back.forward = &forward;
  back.dout = dout;
  back.dq = dq;
  back.dk = dk;
  back.dv = dv;
  for (auto _ : state) {
    check(bench.context.ops().attention(bench.context.handle(), &forward, bench.error), bench.error, "attention");
    check(bench.context.ops().attention_backward(bench.context.handle(), &back, bench.error), bench.error,
          "attention_backward");
  }
  // Two products forward and five backward over half of the square.
  const double flops = 7.0 * 2 * 0.5 * sequences * length * length * d;
  rate(state, "FLOP/s", flops);
  roofline(state, {.flops = flops, .bytes = 4.0 * tokens * d * (4 + 8), .threads = threads_of(state)});
}
BENCHMARK(attention_step)->ArgName("threads")->Apply(thread_counts)->UseRealTime()->Unit(benchmark::kMillisecond);

// Full-catalogue cross-entropy with all gradients: 8192 tokens, 18,345 items, width 64.
void cross_entropy_step(benchmark::State& state) {
  Bench bench(state);
  const int64_t tokens = 8192, items = 18345, d = 64;
  Tensor hidden = bench.tensor({tokens, d}), table = bench.tensor({items, d}, 0.02),
         dhidden = bench.tensor({tokens, d}), dtable = bench.tensor({items, d}),
         targets(*bench.device, DType::i32, {tokens});
  PhiloxStream random(rng_key(2, RngPurpose::test));
  for (int64_t t = 0; t < tokens; ++t)
    targets.data<int32_t>()[t] = static_cast<int32_t>(random.below(static_cast<uint64_t>(items)));
  double loss = 0;
  int64_t count = 0;
  heddle_cross_entropy args{};
  args.struct_size = sizeof args;
  args.scale = 1;
  args.precision = static_cast<int32_t>(state.range(1));
  args.hidden = hidden;
  args.table = table;
  args.targets = targets;
  args.loss_sum = &loss;
  args.count = &count;
  args.dhidden = dhidden;
  args.dtable = dtable;
  for (auto _ : state)
    check(bench.context.ops().cross_entropy(bench.context.handle(), &args, bench.error), bench.error, "cross_entropy");
  rate(state, "FLOP/s", 3 * 2.0 * static_cast<double>(tokens * items * d));
  rate(state, "tokens/s", static_cast<double>(tokens));
  roofline(state, product(state, 3 * 2.0 * static_cast<double>(tokens * items * d), 2 * (tokens + items) * d,
                          state.range(1) != 0));
}
BENCHMARK(cross_entropy_step)
    ->ArgNames({"threads", "bf16"})
    ->Args({1, 0})
    ->Args({2, 0})
    ->Args({1, 1})
    ->Args({2, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// One Adam step over an item table of 18,345 x 64.
void adam_step(benchmark::State& state) {
  Bench bench(state);
  Tensor param = bench.tensor({18345, 64}), grad = bench.tensor({18345, 64}), m = bench.tensor({18345, 64}),
         v = bench.tensor({18345, 64});
  v.zero();
  heddle_adam args{};
  args.struct_size = sizeof args;
  args.learning_rate = 1e-3;
  args.beta1 = 0.9;
  args.beta2 = 0.999;
  args.epsilon = 1e-8;
  args.grad_scale = 1;
  args.unit_rows = static_cast<int32_t>(state.range(1));
  args.param = param;
  args.grad = grad;
  args.m = m;
  args.v = v;
  for (auto _ : state) {
    ++args.step;
    check(bench.context.ops().adam(bench.context.handle(), &args, bench.error), bench.error, "adam");
  }
  const double bytes = 7.0 * static_cast<double>(param.bytes());  // four read, three written
  rate(state, "bytes/s", bytes);
  roofline(state, {.bytes = bytes, .footprint = bytes / 7 * 4, .threads = threads_of(state)});
}
BENCHMARK(adam_step)
    ->ArgNames({"threads", "unit_rows"})
    ->Args({1, 0})
    ->Args({2, 0})
    ->Args({2, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// Dropout of [8192,64], and the scores of one user over the catalogue with the best ten: the latency of a
// recommendation.
void dropout_block(benchmark::State& state) {
  Bench bench(state);
  Tensor x = bench.tensor({8192, 64}), y = bench.tensor({8192, 64});
  for (auto _ : state)
    check(bench.context.ops().dropout(bench.context.handle(), 0.1, {1, 2}, x, y, bench.error), bench.error, "dropout");
  rate(state, "bytes/s", 2.0 * static_cast<double>(x.bytes()));
  roofline(state, {.bytes = 2.0 * static_cast<double>(x.bytes()), .threads = threads_of(state)});
}
BENCHMARK(dropout_block)->ArgName("threads")->Apply(thread_counts)->UseRealTime()->Unit(benchmark::kMillisecond);

void recommend_one(benchmark::State& state) {
  Bench bench(state);
  const int64_t items = 18345, d = 64, n = 10;
  Tensor hidden = bench.tensor({1, d}), table = bench.tensor({items, d}), scores = bench.tensor({1, items}),
         top = bench.tensor({1, n}), best(*bench.device, DType::i32, {1, n});
  heddle_gemm gemm{};
  gemm.struct_size = sizeof gemm;
  gemm.transpose_b = 1;
  gemm.alpha = 1;
  gemm.a = hidden;
  gemm.b = table;
  gemm.c = scores;
  heddle_top_n rank{};
  rank.struct_size = sizeof rank;
  rank.scores = scores;
  rank.items = best;
  rank.top_scores = top;
  for (auto _ : state) {
    check(bench.context.ops().gemm(bench.context.handle(), &gemm, bench.error), bench.error, "gemm");
    check(bench.context.ops().top_n(bench.context.handle(), &rank, bench.error), bench.error, "top_n");
  }
  roofline(state, product(state, 2.0 * items * d, items * d, false));
}
BENCHMARK(recommend_one)->ArgName("threads")->Apply(thread_counts)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace heddle
