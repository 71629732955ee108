// PreNormBlock: a transformer block as in GPT-2 (Radford et al. 2019), over packed sequences:
//
//   u = x + dropout(attn.c_proj(attention(attn.c_attn(ln_1(x)))))
//   y = u + dropout(mlp.c_proj(gelu_tanh(mlp.c_fc(ln_2(u)))))
//
// Attention is causal, inside each sequence only; queries, keys and values are the thirds of one [T,3d] tensor, each of
// them split by heads. Dropout also acts on the attention probabilities.
//
// A handle to declared tensors; copy freely. A State is what forward leaves for backward: views of scratch memory,
// valid until the call returns. For inference one State with `reuse` serves all blocks: its memory is written again by
// each, and y takes the place of x. Threads: as Ops.
#pragma once

#include "linear.hpp"
#include "norm.hpp"

namespace heddle::sdk::nn {

struct BlockShape {
  int64_t hidden = 64;
  int32_t heads = 2;
  double epsilon = 1e-5;               // of the norms
  double deviation = 0.02;             // initial weights
  double projection_deviation = 0.02;  // initial weights of the two c_proj; GPT-2: deviation / sqrt(2 * layers)
};

class PreNormBlock {
 public:
  struct State {
    bool reuse = false;
    Tensor x, qkv, u, pre, act;
    LayerNorm norm1, norm2;
    Attention attention;
    double dropout = 0;
    heddle_rng_key attention_out_key{}, mlp_out_key{};
  };

  PreNormBlock() = default;
  // Names: PREFIX.ln_1, PREFIX.attn.c_attn, PREFIX.attn.c_proj, PREFIX.ln_2, PREFIX.mlp.c_fc, PREFIX.mlp.c_proj.
  PreNormBlock(Parameters& p, const std::string& prefix, const BlockShape& shape)
      : shape_(shape),
        norm1_(p, prefix + ".ln_1", shape.hidden, shape.epsilon),
        qkv_(p, prefix + ".attn.c_attn", shape.hidden, 3 * shape.hidden, shape.deviation),
        attention_out_(p, prefix + ".attn.c_proj", shape.hidden, shape.hidden, shape.projection_deviation),
        norm2_(p, prefix + ".ln_2", shape.hidden, shape.epsilon),
        mlp_in_(p, prefix + ".mlp.c_fc", shape.hidden, 4 * shape.hidden, shape.deviation),
        mlp_out_(p, prefix + ".mlp.c_proj", 4 * shape.hidden, shape.hidden, shape.projection_deviation) {}

  // at_attention(tensor) and at_mlp(tensor) see what the two branches add to the residual stream, before dropout, and
  // may overwrite it. `key` gives the dropout of this block; dropout 0 at inference.
  template <class AtAttention, class AtMlp>
  Tensor forward(Ops& ops, const Tensor& offsets, const Tensor& x, double dropout, heddle_rng_key key, State& s,
                 AtAttention&& at_attention, AtMlp&& at_mlp) const {
    const int64_t d = shape_.hidden;
    if (!s.reuse) s = {};
    s.x = x;
    s.dropout = dropout;
    s.attention_out_key = rng_stream(key, 1);
    s.mlp_out_key = rng_stream(key, 2);
    s.norm1 = norm1_.forward(ops, x, s.norm1);
    s.qkv = qkv_.forward(ops, s.norm1.y, HEDDLE_ACTIVATION_NONE, {}, s.qkv);
    s.attention = {
        .heads = shape_.heads,
        .causal = true,
        .dropout = dropout,
        .rng = rng_stream(key, 0),
        .offsets = offsets,
        .q = s.qkv.column_slice(0, d),
        .k = s.qkv.column_slice(d, d),
        .v = s.qkv.column_slice(2 * d, d),
        .out = s.attention.out ? s.attention.out : ops.tensor({x.rows(), d}),
        .log_sum_exp = s.attention.log_sum_exp ? s.attention.log_sum_exp : ops.tensor({x.rows(), shape_.heads})};
    ops.attention(s.attention);
    s.u = attention_out_.forward(ops, s.attention.out, HEDDLE_ACTIVATION_NONE, {}, s.u);
    at_attention(s.u);
    ops.dropout(dropout, s.attention_out_key, s.u);
    ops.add(x, s.u);

    s.norm2 = norm2_.forward(ops, s.u, s.norm2);
    if (!s.reuse) s.pre = ops.tensor({x.rows(), 4 * d});  // only backward needs it
    s.act = mlp_in_.forward(ops, s.norm2.y, HEDDLE_ACTIVATION_GELU_TANH, s.pre, s.act);
    const Tensor y = mlp_out_.forward(ops, s.act, HEDDLE_ACTIVATION_NONE, {}, s.reuse ? x : Tensor());
    at_mlp(y);
    ops.dropout(dropout, s.mlp_out_key, y);
    return ops.add(s.u, y);
  }

  // dy is the gradient of the block's output on entry and that of its input on return, in the same memory.
  void backward(Ops& ops, const State& s, const Tensor& dy) const {
    const int64_t d = shape_.hidden;
    // The branch gets a copy of the gradient, through the same dropout mask; the residual path keeps dy itself.
    const Tensor branch = ops.dropout(s.dropout, s.mlp_out_key, ops.copy(dy));
    const Tensor dact = mlp_out_.backward(ops, s.act, branch);
    const Tensor dpre = ops.activation_backward(HEDDLE_ACTIVATION_GELU_TANH, s.pre, dact, dact);
    const Tensor dnorm = mlp_in_.backward(ops, s.norm2.y, dpre, branch);
    norm2_.backward(ops, s.u, s.norm2, dnorm, dy, true);

    ops.dropout(s.dropout, s.attention_out_key, ops.copy(dy, branch));
    const Tensor dattention = attention_out_.backward(ops, s.attention.out, branch);
    const Tensor dqkv = ops.tensor({dy.rows(), 3 * d});
    ops.attention_backward(s.attention, dattention, dqkv.column_slice(0, d), dqkv.column_slice(d, d),
                           dqkv.column_slice(2 * d, d));
    qkv_.backward(ops, s.norm1.y, dqkv, branch);
    norm1_.backward(ops, s.x, s.norm1, branch, dy, true);
  }

 private:
  BlockShape shape_;
  Norm norm1_;
  Linear qkv_, attention_out_;
  Norm norm2_;
  Linear mlp_in_, mlp_out_;
};

}  // namespace heddle::sdk::nn
