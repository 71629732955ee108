// Cases of threads_test.cc: element-wise ops, rows, reductions, lists, the optimiser, random numbers, tasks of a plugin.
#include "tests/ops/threads_cases.h"

namespace heddle::testing {
namespace {

constexpr int64_t kMany = 50021;  // beyond three blocks of 16,384, and a part of one

void elementwise(Context& context, Bits& bits) {
  Guarded<float> x(kMany), y(kMany);
  x.random(1);
  y.random(2);
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.axpby(dc, 0.3f, x, 0.7f, y, e); });
  bits.add(y);
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.axpby(dc, 0.3f, x, 0, y, e); });
  bits.add(y);
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.fill(dc, 0.1, y, e); });
  bits.add(y);
  const auto key = rng_key(6, RngPurpose::test);
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.dropout(dc, 0.3, key, x, y, e); });
  bits.add(y);
  Guarded<float> rows(701, 70), center(70), scale(70), out(701, 70);
  rows.random(3);
  center.random(4);
  scale.random(5, 0.5, 2);
  for (int32_t inverse : {0, 1}) {
    run(context,
        [&](auto& ops, void* dc, auto* e) { return ops.affine_columns(dc, inverse, rows, center, scale, out, e); });
    bits.add(out);
  }
}

void copy(Context& context, Bits& bits) {
  Guarded<float> x(kMany), back(kMany), whole(kMany);
  Guarded<bf16> half(kMany);
  Guarded<double> wide(kMany);
  Guarded<int32_t> numbers(kMany), again(kMany);
  x.random(1);
  whole.random_below(2, -1000, 1000);
  const auto to = [&](auto& from, auto& into) {
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.copy(dc, from, into, e); });
    bits.add(into);
  };
  to(x, half);
  to(half, back);
  to(x, wide);
  to(wide, half);
  to(half, wide);
  to(wide, back);
  to(whole, numbers);
  to(numbers, again);
}

void rows(Context& context, Bits& bits) {
  const int64_t tokens = 20011, items = 307, width = 33;
  Guarded<float> table(items, width), out(tokens, width), x(tokens, width);
  Guarded<int32_t> index(tokens);
  table.random(1);
  x.random(2);
  index.random_below(3, 0, items);
  for (int64_t t = 0; t < tokens; t += 2) index[t] = static_cast<int32_t>(t % 3);  // three rows take half of all
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.gather_rows(dc, table, index, out, e); });
  bits.add(out);
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.scatter_add_rows(dc, x, index, table, e); });
  bits.add(table);
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.normalize_rows(dc, x, e); });
  bits.add(x);
}

void reductions(Context& context, Bits& bits) {
  for (int64_t width : {1, 33, 256}) {
    Guarded<float> x(10007, width), out(width), mean(width), variance(width);
    x.random(1, -1, 2);
    out.random(2);
    double squares = 0;
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.sum_rows(dc, x, out, e); });
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.column_moments(dc, x, mean, variance, e); });
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.sum_squares(dc, x, &squares, e); });
    bits.add(out);
    bits.add(mean);
    bits.add(variance);
    bits.add(squares);
  }
}

void top_n(Context& context, Bits& bits) {
  const int64_t users = 131, items = 5003;
  Guarded<float> scores(users, items);
  Guarded<int64_t> offsets(users + 1);
  Guarded<int32_t> seen(users * 40);
  seen.random_below(2, 0, items);
  for (int64_t b = 0; b <= users; ++b) offsets[b] = b * 40;
  for (bool ties : {false, true}) {
    if (ties) scores.random_below(1, 0, 40);
    else scores.random(1);
    for (int64_t n : {1, 10, 100}) {
      Guarded<float> top(users, n);
      Guarded<int32_t> out(users, n);
      heddle_top_n args{};
      args.struct_size = sizeof args;
      args.scores = scores;
      args.seen_offsets = offsets;
      args.seen_items = seen;
      args.items = out;
      args.top_scores = top;
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.top_n(dc, &args, e); });
      bits.add(out);
      bits.add(top);
    }
  }
}

void adam(Context& context, Bits& bits) {
  for (int32_t unit_rows : {0, 1}) {
    Guarded<float> param(2011, 64), grad(2011, 64), m(2011, 64), v(2011, 64);
    param.random(1);
    m.random(2, -0.1, 0.1);
    v.random(3, 0, 0.1);
    heddle_adam args{};
    args.struct_size = sizeof args;
    args.learning_rate = 1e-2;
    args.beta1 = 0.9;
    args.beta2 = 0.999;
    args.epsilon = 1e-8;
    args.weight_decay = 0.01;
    args.grad_scale = 0.5;
    args.unit_rows = unit_rows;
    args.param = param;
    args.grad = grad;
    args.m = m;
    args.v = v;
    for (int64_t step : {1, 2, 3}) {
      args.step = step;
      grad.random(3 + static_cast<uint64_t>(step));
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.adam(dc, &args, e); });
    }
    bits.add(param);
    bits.add(m);
    bits.add(v);
  }
}

void random_numbers(Context& context, Bits& bits) {
  const auto key = rng_key(5, RngPurpose::test);
  Guarded<float> y(kMany);
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.random_uniform(dc, key, -3, 5, y, e); });
  bits.add(y);
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.random_normal(dc, key, 2, y, e); });
  bits.add(y);
}

// What a plugin's own task writes, and which of several failures is reported.
void parallel_for(Context& context, Bits& bits) {
  Guarded<int64_t> written(3001);
  const auto write = [](void* arg, int64_t i, heddle_error*) -> int32_t {
    (*static_cast<Guarded<int64_t>*>(arg))[i] = i * i;
    return HEDDLE_OK;
  };
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.parallel_for(dc, written.size(), write, &written, e); });
  bits.add(written);
  const auto refuse = [](void*, int64_t i, heddle_error*) -> int32_t {
    return i == 1234 ? HEDDLE_NOT_FOUND : i > 1234 ? HEDDLE_DATA_LOSS : HEDDLE_OK;
  };
  ErrorBuffer error;
  bits.add(context.ops().parallel_for(context.handle(), 3001, refuse, nullptr, error));
}

// No arithmetic, but slots all the same: the answers are those of any number of threads.
void supports(Context& context, Bits& bits) {
  for (const char* name : {"gemm", "cross_entropy", "encode", "copy", "adam", "top_n", "no_such_op"}) {
    for (DType type : {DType::f32, DType::bf16, DType::f64, DType::i32})
      bits.add(context.ops().supports(context.handle(), name, dl_dtype(type)));
  }
}

}  // namespace

std::vector<ThreadsCase> row_cases() {
  return {{"elementwise",
           {HEDDLE_SLOT(axpby), HEDDLE_SLOT(fill), HEDDLE_SLOT(dropout), HEDDLE_SLOT(affine_columns)},
           elementwise},
          {"copy", {HEDDLE_SLOT(copy)}, copy},
          {"rows", {HEDDLE_SLOT(gather_rows), HEDDLE_SLOT(scatter_add_rows), HEDDLE_SLOT(normalize_rows)}, rows},
          {"reductions", {HEDDLE_SLOT(sum_rows), HEDDLE_SLOT(column_moments), HEDDLE_SLOT(sum_squares)}, reductions},
          {"top_n", {HEDDLE_SLOT(top_n)}, top_n},
          {"adam", {HEDDLE_SLOT(adam)}, adam},
          {"random_numbers", {HEDDLE_SLOT(random_uniform), HEDDLE_SLOT(random_normal)}, random_numbers},
          {"parallel_for", {HEDDLE_SLOT(parallel_for)}, parallel_for},
          {"supports", {HEDDLE_SLOT(supports)}, supports}};
}

}  // namespace heddle::testing
