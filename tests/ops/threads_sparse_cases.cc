// Cases of threads_test.cc: codes, from very sparse to denser than half, since an op may take another way there; sampled
// objectives.
#include "tests/ops/threads_cases.h"

namespace heddle::testing {
namespace {

constexpr int64_t kRows = 1501, kFeatures = 707;

// Every selection rule; the bias moves the share of features that fire from about 2 % to half.
void encode(Context& context, Bits& bits, int32_t precision) {
  for (int64_t inputs : {24, 64}) {
    Guarded<float> x(kRows, inputs), center(inputs), weight(kFeatures, inputs), bias(kFeatures), limits(kFeatures);
    Guarded<uint8_t> some(kFeatures);
    x.random(1, -1, 1);
    center.random(2, -0.5, 0.5);
    weight.random(3, -0.5, 0.5);
    limits.random(4, 0, 1);
    some.random_below(5, 0, 2);
    for (double shift : {-3.0, 0.0}) {
      bias.random(6, shift - 0.5, shift + 0.5);
      heddle_select rules[7] = {};
      for (heddle_select& rule : rules) rule.struct_size = sizeof rule;
      rules[0].rule = HEDDLE_SELECT_RELU;
      rules[1].rule = HEDDLE_SELECT_THRESHOLD;
      rules[2].rule = HEDDLE_SELECT_THRESHOLD;
      rules[2].margin = 0.25f;
      rules[3].rule = HEDDLE_SELECT_TOP_K;
      rules[4].rule = HEDDLE_SELECT_BATCH_TOP_K;
      rules[5].rule = HEDDLE_SELECT_TOP_K;
      rules[6].rule = HEDDLE_SELECT_RELU;
      for (int i : {1, 2}) rules[i].threshold = limits;
      for (int i : {3, 4, 5}) rules[i].k = 9;
      for (int i : {5, 6}) rules[i].features = some;
      for (const heddle_select& rule : rules) {
        Codes codes(context);
        const heddle_encode args{sizeof args, 0, precision, 0, x, center, weight, bias, &rule, codes};
        run(context, [&](auto& ops, void* dc, auto* e) { return ops.encode(dc, &args, e); });
        bits.add(*codes);
      }
    }
  }
}

// A dense matrix with this share of entries, some feature in every row, some in none.
void scatter(Guarded<float>& dense, double share, uint64_t seed) {
  PhiloxStream random(rng_key(seed, RngPurpose::test, 2));
  const int64_t features = dense.dim(1);
  for (int64_t i = 0; i < dense.size(); ++i) {
    const int64_t feature = i % features;
    const bool there = feature == 5 || (feature != 6 && random.uniform() < share);
    dense[i] = there ? static_cast<float>(random.uniform() - 0.4) : 0;
  }
}

struct World {
  World(Context& context, double share, int64_t width)
      : codes(context), dense(kRows, kFeatures), weight(kFeatures, width), rows(kRows, width) {
    scatter(dense, share, 1);
    weight.random(2);
    rows.random(3);
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.codes_from_dense(dc, dense, codes, e); });
  }
  Codes codes;
  Guarded<float> dense, weight, rows;
};

// Codes of the encoder itself, from sparse to dense: ops may follow the precision in which it ran.
void encoded_step(Context& context, Bits& bits, int32_t precision) {
  const int64_t width = 64;
  Guarded<float> x(kRows, width), weight(kFeatures, width), bias(kFeatures), y(kRows, width), dy(kRows, width),
      gradient(kFeatures, width);
  x.random(1);
  weight.random(2, -0.5, 0.5);
  dy.random(3);
  for (double shift : {-4.0, -1.5, 0.0, 3.0}) {
    bias.random(4, shift - 0.5, shift + 0.5);
    gradient.random(5);
    heddle_select rule{};
    rule.struct_size = sizeof rule;
    rule.rule = HEDDLE_SELECT_RELU;
    Codes codes(context);
    const heddle_encode args{sizeof args, 0, precision, 0, x, nullptr, weight, bias, &rule, codes};
    for (int step = 0; step < 2; ++step) {  // what an op asked of the codes may change how the next encode fills them
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.encode(dc, &args, e); });
      Guarded<float> values(codes->nnz);
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.decode(dc, codes, nullptr, weight, nullptr, y, e); });
      run(context,
          [&](auto& ops, void* dc, auto* e) { return ops.codes_backward(dc, codes, dy, weight, 0.1, values, e); });
      run(context, [&](auto& ops, void* dc, auto* e) {
        return ops.codes_weight_gradient(dc, codes, values, dy, nullptr, gradient, e);
      });
      bits.add(*codes);
      bits.add(y);
      bits.add(values);
      bits.add(gradient);
    }
  }
}

// The steps of a dictionary's forward and backward pass.
void dictionary_step(Context& context, Bits& bits) {
  for (int64_t width : {19, 64}) {
    for (double share : {0.02, 0.15, 0.6}) {
      if (width == 19 && share > 0.1) continue;  // the width matters to tails of vectors, the share to the way taken
      World w(context, share, width);
      const int64_t nnz = w.codes->nnz;
      Guarded<float> y(kRows, width), bias(width), values(nnz), gradient(kFeatures, width), sums(kFeatures);
      bias.random(4);
      gradient.random(5);
      sums.random(6);
      const auto& ops = context.ops();
      run(context, [&](auto&, void* dc, auto* e) { return ops.decode(dc, w.codes, nullptr, w.weight, bias, y, e); });
      bits.add(y);
      run(context,
          [&](auto&, void* dc, auto* e) { return ops.codes_backward(dc, w.codes, w.rows, w.weight, 0.5, values, e); });
      bits.add(values);
      for (Guarded<float>* replaced : {static_cast<Guarded<float>*>(nullptr), &values}) {
        DLTensor* const with = replaced ? replaced->dl() : nullptr;
        for (Guarded<float>* center : {static_cast<Guarded<float>*>(nullptr), &bias}) {
          run(context, [&](auto&, void* dc, auto* e) {
            return ops.codes_weight_gradient(dc, w.codes, with, w.rows, center ? center->dl() : nullptr, gradient, e);
          });
        }
        run(context, [&](auto&, void* dc, auto* e) { return ops.codes_column_sum(dc, w.codes, with, sums, e); });
      }
      run(context, [&](auto&, void* dc, auto* e) { return ops.decode(dc, w.codes, values, w.weight, nullptr, y, e); });
      bits.add(gradient);
      bits.add(sums);
      bits.add(y);
    }
  }
}

// Half of all features fire: the dense ways, in f32 and, where the encode was bf16, in bf16.
void dense_step(Context& context, Bits& bits, int32_t precision) {
  for (int64_t width : {64, 300}) {
    Guarded<float> x(kRows, width), weight(kFeatures, width), center(width), y(kRows, width),
        gradient(kFeatures, width), sums(kFeatures);
    x.random(1, -1, 1);
    weight.random(2, -0.5, 0.5);
    center.random(3, -0.1, 0.1);
    gradient.random(4);
    sums.random(5);
    heddle_select rule{};
    rule.struct_size = sizeof rule;
    rule.rule = HEDDLE_SELECT_RELU;
    Codes codes(context);
    for (int time = 0; time < 2; ++time) {  // the second encode fills in masks itself
      const heddle_encode args{sizeof args, 0, precision, 0, x, center, weight, nullptr, &rule, codes};
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.encode(dc, &args, e); });
      Guarded<float> values(codes->nnz);
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.decode(dc, codes, nullptr, weight, center, y, e); });
      run(context,
          [&](auto& ops, void* dc, auto* e) { return ops.codes_backward(dc, codes, y, weight, 0.5, values, e); });
      run(context, [&](auto& ops, void* dc, auto* e) {
        return ops.codes_weight_gradient(dc, codes, values, x, center, gradient, e);
      });
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.codes_column_sum(dc, codes, values, sums, e); });
      bits.add(y);
      bits.add(values);
      bits.add(gradient);
      bits.add(sums);
    }
  }
}

void code_forms(Context& context, Bits& bits) {
  for (double share : {0.02, 0.6}) {
    World w(context, share, 8);
    bits.add(*w.codes);
    Guarded<uint8_t> some(kRows);
    some.random_below(4, 0, 2);
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.codes_set(dc, w.codes, 6, 2.5f, some, e); });
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.codes_set(dc, w.codes, 5, 0, some, e); });
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.codes_set(dc, w.codes, 700, -1, nullptr, e); });
    bits.add(*w.codes);
    Guarded<float> dense(kRows, kFeatures);
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.codes_to_dense(dc, w.codes, dense, e); });
    bits.add(dense);
    Guarded<int64_t> fired(kFeatures);
    fired.fill(3);
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.codes_count(dc, w.codes, fired, e); });
    bits.add(fired);
    double sum = 0, smallest = 0;
    int64_t active = 0;
    run(context,
        [&](auto& ops, void* dc, auto* e) { return ops.codes_summary(dc, w.codes, &sum, &active, &smallest, e); });
    bits.add(sum);
    bits.add(active);
    bits.add(smallest);
  }
}

void threshold_backward(Context& context, Bits& bits) {
  const int64_t inputs = 16;
  Guarded<float> x(kRows, inputs), weight(kFeatures, inputs), limits(kFeatures), gradient(kFeatures);
  x.random(1);
  weight.random(2, -0.5, 0.5);
  limits.random(3, 0, 0.4);
  gradient.random(4);
  Codes codes(context);
  heddle_select rule{};
  rule.struct_size = sizeof rule;
  rule.rule = HEDDLE_SELECT_THRESHOLD;
  rule.margin = 0.2f;
  rule.threshold = limits;
  const heddle_encode encoded{sizeof encoded, 0, HEDDLE_PRECISION_F32, 0, x, nullptr, weight, nullptr, &rule, codes};
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.encode(dc, &encoded, e); });
  Guarded<float> dvalues(codes->nnz);
  dvalues.random(5);
  const heddle_threshold_backward args{sizeof args, 0, 0.4, 0.01, codes, dvalues, limits, gradient};
  run(context, [&](auto& ops, void* dc, auto* e) { return ops.threshold_backward(dc, &args, e); });
  bits.add(gradient);
}

void reconstruction(Context& context, Bits& bits) {
  for (int64_t width : {19, 64, 512}) {
    Guarded<float> x(kRows, width), y(kRows, width), dy(kRows, width);
    x.random(1);
    y.random(2);
    for (int32_t kind :
         {HEDDLE_RECONSTRUCTION_L2_NORM, HEDDLE_RECONSTRUCTION_L2_SQUARED, HEDDLE_RECONSTRUCTION_MSE_MEAN}) {
      double loss = 0;
      const heddle_reconstruction args{sizeof args, 0, kind, 0, 0.5, x, y, &loss, dy};
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.reconstruction(dc, &args, e); });
      bits.add(loss);
      bits.add(dy);
    }
  }
}

void sampled(Context& context, Bits& bits) {
  const int64_t tokens = 1003, items = 4001;
  Guarded<int32_t> targets(tokens);
  targets.random_below(1, -1, items);
  Guarded<float> weights(items), corrections(items);
  weights.random(2, 0, 3);
  corrections.random(3);
  for (bool uniform : {true, false}) {
    Codes codes(context);
    heddle_sample_candidates draw{};
    draw.struct_size = sizeof draw;
    draw.items = items;
    draw.count = 40;
    draw.rng = rng_key(4, RngPurpose::test);
    draw.targets = targets;
    if (!uniform) draw.weights = weights;
    draw.codes = codes;
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.sample_candidates(dc, &draw, e); });
    bits.add(*codes);
    Guarded<float> logits(codes->nnz), dlogits(codes->nnz);
    logits.random(5, -3, 3);
    for (int32_t kind : {HEDDLE_CANDIDATES_BINARY, HEDDLE_CANDIDATES_SOFTMAX}) {
      double loss = 0;
      int64_t count = 0;
      heddle_candidate_loss args{};
      args.struct_size = sizeof args;
      args.kind = kind;
      args.scale = 0.5;
      args.positive_power = kind == HEDDLE_CANDIDATES_BINARY ? 0.8 : 1;
      args.codes = codes;
      args.targets = targets;
      args.logits = logits;
      if (kind == HEDDLE_CANDIDATES_SOFTMAX) args.corrections = corrections;
      args.loss_sum = &loss;
      args.count = &count;
      args.dlogits = dlogits;
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.candidate_loss(dc, &args, e); });
      bits.add(loss);
      bits.add(count);
      bits.add(dlogits);
    }
  }
}

}  // namespace

std::vector<ThreadsCase> sparse_cases() {
  const auto with = [](int32_t precision) {
    return [precision](Context& context, Bits& bits) { encode(context, bits, precision); };
  };
  const auto step = [](int32_t precision) {
    return [precision](Context& context, Bits& bits) { encoded_step(context, bits, precision); };
  };
  return {{"encoded_step_f32", {HEDDLE_SLOT(encode), HEDDLE_SLOT(decode)}, step(HEDDLE_PRECISION_F32)},
          {"encoded_step_bf16", {HEDDLE_SLOT(encode), HEDDLE_SLOT(decode)}, step(HEDDLE_PRECISION_BF16)},
          {"encode_f32", {HEDDLE_SLOT(encode)}, with(HEDDLE_PRECISION_F32)},
          {"encode_bf16", {HEDDLE_SLOT(encode)}, with(HEDDLE_PRECISION_BF16)},
          {"dictionary_step",
           {HEDDLE_SLOT(decode), HEDDLE_SLOT(codes_backward), HEDDLE_SLOT(codes_weight_gradient),
            HEDDLE_SLOT(codes_column_sum)},
           dictionary_step},
          {"dense_step_f32",
           {HEDDLE_SLOT(decode)},
           [](Context& context, Bits& bits) { dense_step(context, bits, HEDDLE_PRECISION_F32); }},
          {"dense_step_bf16",
           {HEDDLE_SLOT(decode)},
           [](Context& context, Bits& bits) { dense_step(context, bits, HEDDLE_PRECISION_BF16); }},
          {"code_forms",
           {HEDDLE_SLOT(codes_create), HEDDLE_SLOT(codes_destroy), HEDDLE_SLOT(codes_from_dense),
            HEDDLE_SLOT(codes_to_dense), HEDDLE_SLOT(codes_set), HEDDLE_SLOT(codes_count), HEDDLE_SLOT(codes_summary)},
           code_forms},
          {"threshold_backward", {HEDDLE_SLOT(threshold_backward)}, threshold_backward},
          {"reconstruction", {HEDDLE_SLOT(reconstruction)}, reconstruction}};
}

std::vector<ThreadsCase> sampled_cases() {
  return {{"sampled_candidates", {HEDDLE_SLOT(sample_candidates), HEDDLE_SLOT(candidate_loss)}, sampled}};
}

}  // namespace heddle::testing
