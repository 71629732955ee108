// Cases of threads_test.cc: products, layers, attention, the loss over the catalogue.
#include "tests/ops/threads_cases.h"

namespace heddle::testing {
namespace {

struct Product {
  int64_t m, n, k;
  bool transpose_a, transpose_b, epilogue;
};

// Beyond one tile in every direction, a long reduction, and thin ones.
const Product kProducts[] = {{391, 517, 70, false, false, false},  {300, 261, 2500, true, false, false},
                             {1290, 700, 64, false, true, true},   {64, 192, 4100, true, false, false},
                             {2049, 33, 129, false, true, true},   {7, 1030, 256, false, true, false},
                             {515, 1100, 1030, false, false, true}};

void gemm(Context& context, Bits& bits, int32_t precision) {
  for (const Product& p : kProducts) {
    const int64_t gap = p.epilogue ? 3 : 0;
    Guarded<float> a(p.transpose_a ? p.k : p.m, (p.transpose_a ? p.m : p.k)),
        b(p.transpose_b ? p.n : p.k, (p.transpose_b ? p.k : p.n));
    Guarded<float> c(p.m, p.n + gap), bias(p.n), pre(p.m, p.n);
    a.random(1);
    b.random(2);
    c.random(3);
    bias.random(4);
    TensorView out = strided_view(c.data(), p.m, p.n, p.n + gap);
    heddle_gemm args{};
    args.struct_size = sizeof args;
    args.transpose_a = p.transpose_a;
    args.transpose_b = p.transpose_b;
    args.alpha = 0.75f;
    args.beta = p.epilogue ? 0 : 1;
    args.activation = p.epilogue ? HEDDLE_ACTIVATION_GELU_TANH : HEDDLE_ACTIVATION_NONE;
    args.precision = precision;
    args.a = a;
    args.b = b;
    args.c = out;
    if (p.epilogue) {
      args.bias = bias;
      args.pre = pre;
    }
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.gemm(dc, &args, e); });
    bits.add(c);
    if (p.epilogue) bits.add(pre);
  }
}

struct Catalogue {
  int64_t tokens, items, width;
  bool bias;
};
// Several blocks of rows and of items, a part of one at either end; a large catalogue behind few tokens.
const Catalogue kCatalogues[] = {{700, 3001, 48, true}, {130, 20011, 64, false}, {2100, 515, 64, true}};

void cross_entropy(Context& context, Bits& bits, int32_t precision) {
  for (const Catalogue& c : kCatalogues) {
    Guarded<float> hidden(c.tokens, c.width), table(c.items, c.width), bias(c.items);
    Guarded<float> dhidden(c.tokens, c.width), dtable(c.items, c.width), dbias(c.items);
    Guarded<int32_t> targets(c.tokens);
    hidden.random(1, -2, 2);
    table.random(2);
    bias.random(3);
    dtable.random(4);
    dbias.random(5);
    targets.random_below(6, -1, c.items);                                                // some rows have no loss
    for (int64_t t = 0; t < c.tokens; t += 5) targets[t] = static_cast<int32_t>(t % 3);  // some items are wanted often
    for (bool gradients : {false, true}) {
      double loss = 0;
      int64_t count = 0;
      heddle_cross_entropy args{};
      args.struct_size = sizeof args;
      args.scale = 0.5;
      args.precision = precision;
      args.hidden = hidden;
      args.table = table;
      if (c.bias) args.bias = bias;
      args.targets = targets;
      args.loss_sum = &loss;
      args.count = &count;
      if (gradients) {
        args.dhidden = dhidden;
        args.dtable = dtable;
        if (c.bias) args.dbias = dbias;
      }
      run(context, [&](auto& ops, void* dc, auto* e) { return ops.cross_entropy(dc, &args, e); });
      bits.add(loss);
      bits.add(count);
    }
    bits.add(dhidden);
    bits.add(dtable);
    bits.add(dbias);
  }
}

void activation_backward(Context& context, Bits& bits) {
  Guarded<float> pre(613, 70), dy(613, 70), dpre(613, 70);
  pre.random(1, -4, 4);
  dy.random(2);
  for (int32_t kind : {HEDDLE_ACTIVATION_NONE, HEDDLE_ACTIVATION_RELU, HEDDLE_ACTIVATION_GELU_TANH}) {
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.activation_backward(dc, kind, pre, dy, dpre, e); });
    bits.add(dpre);
  }
}

void layer_norm(Context& context, Bits& bits) {
  for (int64_t width : {64, 70}) {
    const int64_t tokens = 4099;
    Guarded<float> x(tokens, width), gamma(width), beta(width), y(tokens, width), mean(tokens), rstd(tokens);
    Guarded<float> dy(tokens, width), dx(tokens, width), dgamma(width), dbeta(width);
    x.random(1, -3, 5);
    gamma.random(2);
    beta.random(3);
    dy.random(4);
    dx.random(5);
    dgamma.random(6);
    dbeta.random(7);
    heddle_layer_norm forward{};
    forward.struct_size = sizeof forward;
    forward.epsilon = 1e-5;
    forward.x = x;
    forward.gamma = gamma;
    forward.beta = beta;
    forward.y = y;
    forward.mean = mean;
    forward.rstd = rstd;
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.layer_norm(dc, &forward, e); });
    heddle_layer_norm_backward backward{};
    backward.struct_size = sizeof backward;
    backward.accumulate_dx = 1;
    backward.x = x;
    backward.gamma = gamma;
    backward.mean = mean;
    backward.rstd = rstd;
    backward.dy = dy;
    backward.dx = dx;
    backward.dgamma = dgamma;
    backward.dbeta = dbeta;
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.layer_norm_backward(dc, &backward, e); });
    for (const auto* part : {&y, &mean, &rstd, &dx, &dgamma, &dbeta}) bits.add(*part);
  }
}

struct Heads {
  int64_t width;
  int32_t heads, causal;
  bool mask;
  double dropout;
};
const Heads kHeads[] = {{64, 2, 1, false, 0}, {64, 2, 1, false, 0.2}, {48, 3, 0, true, 0.1}};

void attention(Context& context, Bits& bits) {
  Guarded<int64_t> offsets(8);
  offsets.set({0, 100, 101, 101, 150, 278, 620, 800});
  const int64_t tokens = 800;
  for (const Heads& h : kHeads) {
    Guarded<float> qkv(tokens, 3 * h.width), out(tokens, h.width), sums(tokens, static_cast<int64_t>(h.heads)),
        dout(tokens, h.width), grads(tokens, 3 * h.width);
    Guarded<uint8_t> mask(tokens);
    qkv.random(1, -2, 2);
    dout.random(2);
    mask.random_below(3, 0, 3);
    const auto part = [&](Guarded<float>& of, int64_t i) {
      return strided_view(of.data() + i * h.width, tokens, h.width, 3 * h.width);
    };
    TensorView q = part(qkv, 0), k = part(qkv, 1), v = part(qkv, 2), dq = part(grads, 0), dk = part(grads, 1),
               dv = part(grads, 2);
    heddle_attention forward{};
    forward.struct_size = sizeof forward;
    forward.heads = h.heads;
    forward.causal = h.causal;
    forward.dropout = h.dropout;
    forward.rng = rng_key(7, RngPurpose::test);
    forward.offsets = offsets;
    if (h.mask) forward.key_mask = mask;
    forward.q = q;
    forward.k = k;
    forward.v = v;
    forward.out = out;
    forward.log_sum_exp = sums;
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.attention(dc, &forward, e); });
    heddle_attention_backward backward{};
    backward.struct_size = sizeof backward;
    backward.forward = &forward;
    backward.dout = dout;
    backward.dq = dq;
    backward.dk = dk;
    backward.dv = dv;
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.attention_backward(dc, &backward, e); });
    bits.add(out);
    bits.add(sums);
    bits.add(grads);
  }
}

// 200 suffixes over a few prefixes: more than one task's share over the same prefix.
void attention_suffix(Context& context, Bits& bits) {
  const int64_t width = 64, kept = 700;
  Guarded<float> kept_kv(kept, 2 * width);
  kept_kv.random(1, -2, 2);
  std::vector<int64_t> offsets = {0}, begin, end;
  for (int64_t s = 0; s < 200; ++s) {
    begin.push_back(s < 150 ? 0 : 300 + s);
    end.push_back(s < 150 ? 290 : 300 + s + s % 7);
    offsets.push_back(offsets.back() + 1 + s % 3);
  }
  const int64_t rows = offsets.back();
  Guarded<int64_t> suffix_offsets(201), prefix_begin(200), prefix_end(200);
  suffix_offsets.set(offsets);
  prefix_begin.set(begin);
  prefix_end.set(end);
  Guarded<float> qkv(rows, 3 * width), out(rows, width);
  qkv.random(2, -2, 2);
  for (int32_t causal : {0, 1}) {
    TensorView kept_k = strided_view(kept_kv.data(), kept, width, 2 * width),
               kept_v = strided_view(kept_kv.data() + width, kept, width, 2 * width),
               q = strided_view(qkv.data(), rows, width, 3 * width),
               k = strided_view(qkv.data() + width, rows, width, 3 * width),
               v = strided_view(qkv.data() + 2 * width, rows, width, 3 * width);
    heddle_attention_suffix args{};
    args.struct_size = sizeof args;
    args.heads = 2;
    args.causal = causal;
    args.suffix_offsets = suffix_offsets;
    args.prefix_begin = prefix_begin;
    args.prefix_end = prefix_end;
    args.kept_k = kept_k;
    args.kept_v = kept_v;
    args.q = q;
    args.k = k;
    args.v = v;
    args.out = out;
    run(context, [&](auto& ops, void* dc, auto* e) { return ops.attention_suffix(dc, &args, e); });
    bits.add(out);
  }
}

}  // namespace

std::vector<ThreadsCase> dense_cases() {
  const auto with = [](auto* op, int32_t precision) {
    return [op, precision](Context& context, Bits& bits) { op(context, bits, precision); };
  };
  return {{"gemm_f32", {HEDDLE_SLOT(gemm)}, with(gemm, HEDDLE_PRECISION_F32)},
          {"gemm_bf16", {HEDDLE_SLOT(gemm)}, with(gemm, HEDDLE_PRECISION_BF16)},
          {"cross_entropy_f32", {HEDDLE_SLOT(cross_entropy)}, with(cross_entropy, HEDDLE_PRECISION_F32)},
          {"cross_entropy_bf16", {HEDDLE_SLOT(cross_entropy)}, with(cross_entropy, HEDDLE_PRECISION_BF16)},
          {"activation_backward", {HEDDLE_SLOT(activation_backward)}, activation_backward},
          {"layer_norm", {HEDDLE_SLOT(layer_norm), HEDDLE_SLOT(layer_norm_backward)}, layer_norm}};
}

std::vector<ThreadsCase> attention_cases() {
  return {{"attention", {HEDDLE_SLOT(attention), HEDDLE_SLOT(attention_backward)}, attention},
          {"attention_suffix", {HEDDLE_SLOT(attention_suffix)}, attention_suffix}};
}

}  // namespace heddle::testing
