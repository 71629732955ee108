// Attention of a steering sweep at the last position: 16 users with 128 events, 105 values each (21 values of 5
// features), width 64, 2 heads. Only the edited row of each value, over keys and values that are kept; against whole
// sequences again.
#include "device_bench.h"

namespace heddle {
namespace {

constexpr int64_t kUsers = 16, kLength = 128, kValues = 105, kWidth = 64, kHeads = 2;

TensorView third(Tensor& whole, int64_t which, int64_t rows) {
  return strided_view(whole.data<float>() + which * kWidth, rows, kWidth, 3 * kWidth);
}

void attention_of_values(benchmark::State& state) {
  Bench bench(state);
  const int64_t rows = kUsers * kValues, kept = kUsers * kLength;
  Tensor cache = bench.tensor({kept, 3 * kWidth}), own = bench.tensor({rows, 3 * kWidth}),
         out = bench.tensor({rows, kWidth});
  Tensor offsets(*bench.device, DType::i64, {rows + 1}), begin(*bench.device, DType::i64, {rows}),
      end(*bench.device, DType::i64, {rows});
  for (int64_t s = 0; s < rows; ++s) {
    offsets.data<int64_t>()[s] = s;
    begin.data<int64_t>()[s] = s / kValues * kLength;
    end.data<int64_t>()[s] = (s / kValues + 1) * kLength - 1;
  }
  offsets.data<int64_t>()[rows] = rows;
  auto kept_k = third(cache, 1, kept), kept_v = third(cache, 2, kept), q = third(own, 0, rows), k = third(own, 1, rows),
       v = third(own, 2, rows);
  const heddle_attention_suffix args{sizeof args, 0, kHeads, 1, offsets, begin, end, kept_k, kept_v, q, k, v, out};
  for (auto _ : state)
    check(bench.context.ops().attention_suffix(bench.context.handle(), &args, bench.error), bench.error, "suffix");
  rate(state, "values/s", static_cast<double>(rows));
}
BENCHMARK(attention_of_values)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

void attention_of_values_again(benchmark::State& state) {
  Bench bench(state);
  const int64_t sequences = kUsers * kValues, tokens = sequences * kLength;
  Tensor qkv = bench.tensor({tokens, 3 * kWidth}), out = bench.tensor({tokens, kWidth}),
         offsets(*bench.device, DType::i64, {sequences + 1});
  for (int64_t s = 0; s <= sequences; ++s) offsets.data<int64_t>()[s] = s * kLength;
  auto q = third(qkv, 0, tokens), k = third(qkv, 1, tokens), v = third(qkv, 2, tokens);
  heddle_attention args{};
  args.struct_size = sizeof args;
  args.heads = kHeads;
  args.causal = 1;
  args.offsets = offsets;
  args.q = q;
  args.k = k;
  args.v = v;
  args.out = out;
  for (auto _ : state)
    check(bench.context.ops().attention(bench.context.handle(), &args, bench.error), bench.error, "attention");
  rate(state, "values/s", static_cast<double>(sequences));
}
BENCHMARK(attention_of_values_again)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace heddle
