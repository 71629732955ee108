// Block: a transformer block over packed sequences, with the norm in one of three places.
//
//   pre_ln    u = x + A(LN1 x), y = u + F(LN2 u)                  GPT-2 (Radford et al. 2019)
//   post_ln   n = LN1(x + A(x)), y = LN2(n + F(n))                BERT (Devlin et al. 2019)
//   query_ln  n = LN1 x, u = n + A(query n, keys and values x), z = LN2 u, y = z + F(z)
//                                                                 SASRec (Kang & McAuley 2018)
//   A(x) = dropout(attn.c_proj(attention(attn.c_attn(x)))), F(x) = dropout(mlp.c_proj(activation(mlp.c_fc(x))))
//
// Attention stays inside each sequence; queries, keys and values are the thirds of attn.c_attn's output, each of them
// split by heads. Dropout also acts on the attention probabilities and, where asked for, behind the activation.
//
// A handle to declared tensors; copy freely. A State is what forward leaves for backward: views of scratch memory,
// valid until the call returns. For inference one State with `reuse` serves all blocks: its memory is written again by
// each, and y takes the place of x. Threads: as Ops.
#pragma once

#include "linear.hpp"
#include "norm.hpp"

namespace heddle::sdk::nn {

enum class BlockKind { query_ln, pre_ln, post_ln };

// For a backbone's check(): every head owns hidden / heads columns.
inline void check_heads(int64_t hidden, int64_t heads) {
  if (hidden % heads != 0)
    raise(HEDDLE_INVALID_ARGUMENT, "hidden is ", hidden, ", which is no multiple of heads, ", heads);
}

struct BlockShape {
  int64_t hidden = 64;
  int32_t heads = 2;
  double epsilon = 1e-5;               // of the norms
  double deviation = 0.02;             // initial weights; or glorot, as the next
  double projection_deviation = 0.02;  // initial weights of the two c_proj; GPT-2: deviation / sqrt(2 * layers)
  BlockKind kind = BlockKind::pre_ln;
  bool causal = true;
  bool output_projection = true;  // without it, the heads' outputs side by side are what attention adds
  int64_t inner = 0;              // width of the feed-forward layer; 0: 4 * hidden
  int32_t activation = HEDDLE_ACTIVATION_GELU_TANH;
  bool attention_dropout = true;  // dropout on what attention adds
  bool inner_dropout = false;     // dropout behind the activation
};

// Which rows see which: those of whole sequences each other, or rows of suffixes also the kept rows before them.
struct Rows {
  Rows(const Tensor& whole) : offsets(whole) {}  // implicit: whole sequences are the usual case
  Rows(const Tensor& suffixes, const Tensor& begin, const Tensor& end, const Tensor& earlier)
      : offsets(suffixes), prefix_begin(begin), prefix_end(end), kept(earlier) {}
  Tensor offsets;                   // i64 [S+1], host memory
  Tensor prefix_begin, prefix_end;  // i64 [S], host memory: rows of kept
  Tensor kept;                      // [T,kept_width()] of an earlier forward; none: no row has a prefix
};

class Block {
 public:
  struct State {
    bool reuse = false;
    Tensor x, q, u, pre, act, sum;
    Tensor qkv;  // queries (not query_ln), keys and values; if given on entry with reuse, they go there
    LayerNorm norm1, norm2;
    Attention attention;
    double dropout = 0;
    heddle_rng_key attention_out_key{}, mlp_out_key{}, inner_key{};

    // The same memory for fewer rows, for inference.
    State first_rows(int64_t rows) const {
      State out{.reuse = true};
      const auto cut = [&](const Tensor& from, Tensor& to) {
        if (from) to = from.row_slice(0, rows);
      };
      const auto cut_norm = [&](const LayerNorm& from, LayerNorm& to) {
        if (from.mean) to = {from.y.row_slice(0, rows), from.mean.row_slice(0, rows), from.rstd.row_slice(0, rows)};
      };
      cut(q, out.q), cut(u, out.u), cut(act, out.act), cut(sum, out.sum), cut(qkv, out.qkv);
      cut(attention.out, out.attention.out), cut(attention.log_sum_exp, out.attention.log_sum_exp);
      cut_norm(norm1, out.norm1), cut_norm(norm2, out.norm2);
      return out;
    }
  };

  Block() = default;
  // Names: PREFIX.ln_1, PREFIX.attn.c_attn, PREFIX.attn.c_proj, PREFIX.ln_2, PREFIX.mlp.c_fc, PREFIX.mlp.c_proj.
  Block(Parameters& p, const std::string& prefix, const BlockShape& shape) : shape_(shape) {
    const int64_t d = shape.hidden;
    if (shape_.inner == 0) shape_.inner = 4 * d;
    norm1_ = Norm(p, prefix + ".ln_1", d, shape.epsilon);
    qkv_ = Linear(p, prefix + ".attn.c_attn", d, 3 * d, shape.deviation, 3);
    if (shape.output_projection) attention_out_ = Linear(p, prefix + ".attn.c_proj", d, d, shape.projection_deviation);
    norm2_ = Norm(p, prefix + ".ln_2", d, shape.epsilon);
    mlp_in_ = Linear(p, prefix + ".mlp.c_fc", d, shape_.inner, shape.deviation);
    mlp_out_ = Linear(p, prefix + ".mlp.c_proj", shape_.inner, d, shape.projection_deviation);
  }

  // Columns of State::qkv, and so of Rows::kept. Keys and values are the last 2 * hidden of them.
  int64_t kept_width() const { return (shape_.kind == BlockKind::query_ln ? 2 : 3) * shape_.hidden; }

  // at_attention(tensor) and at_mlp(tensor) see what the two branches add to the residual stream, before dropout, and
  // may overwrite it. `key` gives the dropout of this block; dropout 0 at inference. Rows of suffixes: inference only.
  template <class AtAttention, class AtMlp>
  Tensor forward(Ops& ops, const Rows& rows, const Tensor& x, double dropout, heddle_rng_key key, State& s,
                 AtAttention&& at_attention, AtMlp&& at_mlp) const {
    if (!s.reuse) s = {};
    s.x = x;
    s.dropout = dropout;
    s.attention_out_key = rng_stream(key, 1);
    s.mlp_out_key = rng_stream(key, 2);
    s.inner_key = rng_stream(key, 3);
    attend(ops, rows, rng_stream(key, 0), s);
    s.u = shape_.output_projection ? attention_out_.forward(ops, s.attention.out, HEDDLE_ACTIVATION_NONE, {}, s.u)
                                   : ops.copy(s.attention.out, s.u);
    at_attention(s.u);
    if (shape_.attention_dropout) ops.dropout(dropout, s.attention_out_key, s.u);
    ops.add(shape_.kind == BlockKind::query_ln ? s.norm1.y : x, s.u);

    if (shape_.kind == BlockKind::post_ln) {
      s.norm1 = norm1_.forward(ops, s.u, s.norm1);
      s.sum = feed_forward(ops, s.norm1.y, s.sum, s, at_mlp);
      ops.add(s.norm1.y, s.sum);
      if (s.reuse) {
        if (!s.norm2.mean) s.norm2 = {x, ops.tensor({x.rows()}), ops.tensor({x.rows()})};
        s.norm2.y = x;
      }
      s.norm2 = norm2_.forward(ops, s.sum, s.norm2);
      return s.norm2.y;
    }
    s.norm2 = norm2_.forward(ops, s.u, s.norm2);
    const Tensor y = feed_forward(ops, s.norm2.y, s.reuse ? x : Tensor(), s, at_mlp);
    return ops.add(shape_.kind == BlockKind::query_ln ? s.norm2.y : s.u, y);
  }

  // dy is the gradient of the block's output on entry and that of its input on return, in the same memory.
  void backward(Ops& ops, const State& s, const Tensor& dy) const {
    // Each branch gets a copy of the gradient, through the same dropout mask; the residual path keeps dy itself.
    switch (shape_.kind) {
      case BlockKind::pre_ln: {
        const Tensor branch = ops.copy(dy);
        feed_forward_backward(ops, s, s.norm2.y, branch, branch, false);
        norm2_.backward(ops, s.u, s.norm2, branch, dy, true);
        ops.copy(dy, branch);
        const Tensor dqkv = attention_backward(ops, s, branch);
        qkv_.backward(ops, s.norm1.y, dqkv, branch);
        norm1_.backward(ops, s.x, s.norm1, branch, dy, true);
        return;
      }
      case BlockKind::post_ln: {
        const Tensor dsum = ops.tensor(dy.shape());
        norm2_.backward(ops, s.sum, s.norm2, dy, dsum);
        const Tensor branch = ops.copy(dsum);
        feed_forward_backward(ops, s, s.norm1.y, branch, dsum, true);
        norm1_.backward(ops, s.u, s.norm1, dsum, dy);
        ops.copy(dy, branch);
        qkv_.backward(ops, s.x, attention_backward(ops, s, branch), dy, true);
        return;
      }
      case BlockKind::query_ln: {
        const int64_t d = shape_.hidden;
        const Tensor branch = ops.copy(dy);
        feed_forward_backward(ops, s, s.norm2.y, branch, dy, true);
        const Tensor du = ops.tensor(dy.shape());
        norm2_.backward(ops, s.u, s.norm2, dy, du);
        ops.copy(du, branch);
        const Tensor dqkv = attention_backward(ops, s, branch);
        qkv_.columns(0, d).backward(ops, s.norm1.y, dqkv.column_slice(0, d), du, true);
        norm1_.backward(ops, s.x, s.norm1, du, dy);
        qkv_.columns(d, 2 * d).backward(ops, s.x, dqkv.column_slice(d, 2 * d), dy, true);
      }
    }
  }

 private:
  // LN1 (where it stands before attention), queries, keys and values, and attention.
  void attend(Ops& ops, const Rows& rows, heddle_rng_key key, State& s) const {
    const int64_t d = shape_.hidden, t = s.x.rows();
    Tensor q;
    if (shape_.kind != BlockKind::post_ln) s.norm1 = norm1_.forward(ops, s.x, s.norm1);
    if (shape_.kind == BlockKind::query_ln) {
      q = s.q = qkv_.columns(0, d).forward(ops, s.norm1.y, HEDDLE_ACTIVATION_NONE, {}, s.q);
      s.qkv = qkv_.columns(d, 2 * d).forward(ops, s.x, HEDDLE_ACTIVATION_NONE, {}, s.qkv);
    } else {
      s.qkv = qkv_.forward(ops, shape_.kind == BlockKind::pre_ln ? s.norm1.y : s.x, HEDDLE_ACTIVATION_NONE, {}, s.qkv);
      q = s.qkv.column_slice(0, d);
    }
    const Tensor out = s.attention.out ? s.attention.out : ops.tensor({t, d});
    if (rows.kept) {
      s.attention.out = out;
      ops.attention_suffix({.heads = shape_.heads,
                            .causal = shape_.causal,
                            .suffix_offsets = rows.offsets,
                            .prefix_begin = rows.prefix_begin,
                            .prefix_end = rows.prefix_end,
                            .kept_k = keys(rows.kept),
                            .kept_v = values(rows.kept),
                            .q = q,
                            .k = keys(s.qkv),
                            .v = values(s.qkv),
                            .out = out});
      return;
    }
    s.attention = {.heads = shape_.heads,
                   .causal = shape_.causal,
                   .dropout = s.dropout,
                   .rng = key,
                   .offsets = rows.offsets,
                   .q = q,
                   .k = keys(s.qkv),
                   .v = values(s.qkv),
                   .out = out,
                   .log_sum_exp = s.attention.log_sum_exp ? s.attention.log_sum_exp : ops.tensor({t, shape_.heads})};
    ops.attention(s.attention);
  }
  Tensor keys(const Tensor& qkv) const { return qkv.column_slice(qkv.columns() - 2 * shape_.hidden, shape_.hidden); }
  Tensor values(const Tensor& qkv) const { return qkv.column_slice(qkv.columns() - shape_.hidden, shape_.hidden); }

  template <class AtMlp>
  Tensor feed_forward(Ops& ops, const Tensor& x, const Tensor& to, State& s, AtMlp&& at_mlp) const {
    if (!s.reuse) s.pre = ops.tensor({x.rows(), shape_.inner});  // only backward needs it
    s.act = mlp_in_.forward(ops, x, shape_.activation, s.pre, s.act);
    if (shape_.inner_dropout) ops.dropout(s.dropout, s.inner_key, s.act);
    const Tensor y = mlp_out_.forward(ops, s.act, HEDDLE_ACTIVATION_NONE, {}, to);
    at_mlp(y);
    return ops.dropout(s.dropout, s.mlp_out_key, y);
  }

  // dy: gradient of F(x), overwritten. dx = (or, with accumulate, +=) that of x; dx may be dy.
  void feed_forward_backward(Ops& ops, const State& s, const Tensor& x, const Tensor& dy, const Tensor& dx,
                             bool accumulate) const {
    ops.dropout(s.dropout, s.mlp_out_key, dy);
    const Tensor dact = mlp_out_.backward(ops, s.act, dy, s.act);  // in place: nobody reads the activation again
    if (shape_.inner_dropout) ops.dropout(s.dropout, s.inner_key, dact);
    const Tensor dpre = ops.activation_backward(shape_.activation, s.pre, dact, dact);
    mlp_in_.backward(ops, x, dpre, dx, accumulate);
  }

  // dy: gradient of A, overwritten. Returns that of queries, keys and values, [T,3d].
  Tensor attention_backward(Ops& ops, const State& s, const Tensor& dy) const {
    const int64_t d = shape_.hidden;
    if (shape_.attention_dropout) ops.dropout(s.dropout, s.attention_out_key, dy);
    const Tensor dattention = shape_.output_projection ? attention_out_.backward(ops, s.attention.out, dy) : dy;
    const Tensor dqkv = ops.tensor({dy.rows(), 3 * d});
    ops.attention_backward(s.attention, dattention, dqkv.column_slice(0, d), dqkv.column_slice(d, d),
                           dqkv.column_slice(2 * d, d));
    return dqkv;
  }

  BlockShape shape_;
  Norm norm1_;
  Linear qkv_, attention_out_;
  Norm norm2_;
  Linear mlp_in_, mlp_out_;
};

}  // namespace heddle::sdk::nn
