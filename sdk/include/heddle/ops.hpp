// Ops: one running call. Its ops (on whatever device), its scratch memory, its randomness, and the trainable tensors.
//
// Conventions: outputs come last and may be left out where a default is shown; then scratch memory is taken, which
// lives until the call returns. Gradients of parameters are added to, everything else is overwritten. Shape letters: T
// tokens, B rows, d width, m features, V items. The full contract of each op is in abi/ops.h.
// Threads: one at a time per call. Errors: what the op says, as PluginError; UNIMPLEMENTED where the device lacks it.
#pragma once

#include "codes.hpp"
#include "parameters.hpp"

namespace heddle::sdk {

// A sub-stream of a key: layer n of this step, call n within this layer ... Streams are statistically independent
// (SplitMix64's finaliser, Steele et al. 2014).
constexpr heddle_rng_key rng_stream(heddle_rng_key key, uint64_t n) {
  uint64_t z = key.stream + 0x9E3779B97F4A7C15u * (n + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return {key.seed, z ^ (z >> 31)};
}

// c = activation(alpha op(a) op(b) + bias) + beta c
struct Gemm {
  bool transpose_a = false, transpose_b = false;
  float alpha = 1, beta = 0;
  Tensor bias{};  // [N]
  int32_t activation = HEDDLE_ACTIVATION_NONE;
  Tensor pre{};  // [M,N] receives the value before the activation
};

struct LayerNorm {
  Tensor y, mean, rstd;
};

// Attention over packed sequences; out and log_sum_exp are filled by ops.attention and read by ops.attention_backward.
struct Attention {
  int32_t heads = 1;
  bool causal = true;
  double dropout = 0;
  heddle_rng_key rng{};
  Tensor offsets{}, key_mask{};  // i64 [n+1] in host memory; u8 [T] or none
  Tensor q{}, k{}, v{};          // [T,d], row strides allowed
  Tensor out{}, log_sum_exp{};   // [T,d], [T,heads]
};

// Attention of the rows of suffixes over kept rows and themselves; the i64 tensors are in host memory.
struct AttentionSuffix {
  int32_t heads = 1;
  bool causal = true;
  Tensor suffix_offsets{}, prefix_begin{}, prefix_end{};  // [S+1], [S], [S]
  Tensor kept_k{}, kept_v{};                              // [T,d], row strides allowed; none: no prefixes
  Tensor q{}, k{}, v{}, out{};                            // [R,d]
};

struct CrossEntropy {
  Tensor hidden{}, table{}, bias{}, targets{};  // [T,d], [V,d], [V] or none, i32 [T]
  double scale = 1;                             // multiplies the gradients
  Tensor dhidden{}, dtable{}, dbias{};          // overwritten, +=, +=; none: no gradient
};
struct CrossEntropyLoss {
  double sum = 0;
  int64_t count = 0;
  double mean() const { return count == 0 ? 0.0 : sum / static_cast<double>(count); }
};

// Loss over candidates: HEDDLE_CANDIDATES_*.
struct CandidateLoss {
  int32_t kind = HEDDLE_CANDIDATES_SOFTMAX;
  double scale = 1;  // multiplies the gradient
  double positive_power = 1;
  Codes codes{};
  Tensor targets{}, logits{}, corrections{}, dlogits{};  // i32 [T], [nnz], [V] or none, [nnz] or none
};

struct CodesSummary {
  double sum_abs = 0;
  int64_t active = 0;
  double smallest = 0;  // the smallest positive value, +infinity when there is none
};

class Ops {
 public:
  explicit Ops(const heddle_call& call, const heddle_tensors* params = nullptr,
               const heddle_tensors* gradients = nullptr)
      : call_(call), params_(params), gradients_(gradients) {}
  Ops(const Ops&) = delete;
  Ops& operator=(const Ops&) = delete;

  // -- trainable tensors --
  Tensor operator[](Param p) const { return at(params_, p, "a value"); }
  Tensor grad(Param p) const { return at(gradients_, p, "a gradient"); }

  // -- memory, randomness, the user's wish to stop --
  Tensor tensor(std::initializer_list<int64_t> shape, DLDataType type = f32) {
    return tensor(std::span<const int64_t>{shape.begin(), shape.size()}, type);
  }
  Tensor tensor(std::span<const int64_t> shape, DLDataType type = f32) {
    uint64_t bytes = type.bits / 8u;
    for (int64_t extent : shape) bytes *= static_cast<uint64_t>(extent);
    void* data = bytes == 0 ? nullptr : call_.scratch(call_.self, bytes);
    if (bytes != 0 && data == nullptr) raise(HEDDLE_RESOURCE_EXHAUSTED, "no scratch memory for ", bytes, " bytes");
    return Tensor(data, type, call_.device, shape);
  }
  Tensor zeros(std::initializer_list<int64_t> shape, DLDataType type = f32) { return fill(0, tensor(shape, type)); }
  Codes codes() {
    heddle_codes* raw = call_.scratch_codes(call_.self);
    if (raw == nullptr) raise(HEDDLE_RESOURCE_EXHAUSTED, "no memory for sparse codes");
    return Codes(raw);
  }
  // The n-th random stream of this call.
  heddle_rng_key rng(uint64_t n = 0) const { return rng_stream(call_.rng, n); }
  DLDevice device() const { return call_.device; }
  bool bf16_matmul() const { return call_.precision == HEDDLE_PRECISION_BF16; }
  bool cancelled() const { return call_.cancelled(call_.self) != 0; }
  bool supports(const char* op, DLDataType type = f32) const {
    return call_.ops->supports(call_.device_context, op, type) != 0;
  }

  // -- dense layers --
  Tensor gemm(const Tensor& a, const Tensor& b, const Tensor& c, const Gemm& g = {}) {
    heddle_gemm args{sizeof args,     0,       g.transpose_a, g.transpose_b, g.alpha,      g.beta,     g.activation,
                     call_.precision, a.raw(), b.raw(),       c.raw(),       g.bias.raw(), g.pre.raw()};
    run(&heddle_ops::gemm, &args);
    return c;
  }
  Tensor activation_backward(int32_t activation, const Tensor& pre, const Tensor& dy, const Tensor& dpre = {}) {
    const Tensor out = or_like(dpre, dy);
    run(&heddle_ops::activation_backward, activation, pre.raw(), dy.raw(), out.raw());
    return out;
  }
  LayerNorm layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, double epsilon = 1e-5,
                       LayerNorm out = {}) {
    if (!out.y) out = {tensor(x.shape()), tensor({x.rows()}), tensor({x.rows()})};
    heddle_layer_norm args{sizeof args, 0,           epsilon,        x.raw(),       gamma.raw(),
                           beta.raw(),  out.y.raw(), out.mean.raw(), out.rstd.raw()};
    run(&heddle_ops::layer_norm, &args);
    return out;
  }
  // accumulate: dx += instead of dx =.
  void layer_norm_backward(const Tensor& x, const Tensor& gamma, const LayerNorm& forward, const Tensor& dy,
                           const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta, bool accumulate = false) {
    heddle_layer_norm_backward args{sizeof args, 0,           accumulate,         0,
                                    x.raw(),     gamma.raw(), forward.mean.raw(), forward.rstd.raw(),
                                    dy.raw(),    dx.raw(),    dgamma.raw(),       dbeta.raw()};
    run(&heddle_ops::layer_norm_backward, &args);
  }
  void attention(const Attention& a) {
    const heddle_attention args = raw(a);
    run(&heddle_ops::attention, &args);
  }
  void attention_backward(const Attention& forward, const Tensor& dout, const Tensor& dq, const Tensor& dk,
                          const Tensor& dv) {
    const heddle_attention f = raw(forward);
    heddle_attention_backward args{sizeof args, 0, &f, dout.raw(), dq.raw(), dk.raw(), dv.raw()};
    run(&heddle_ops::attention_backward, &args);
  }
  CrossEntropyLoss cross_entropy(const CrossEntropy& c) {
    CrossEntropyLoss loss;
    heddle_cross_entropy args{sizeof args,
                              0,
                              c.scale,
                              call_.precision,
                              0,
                              c.hidden.raw(),
                              c.table.raw(),
                              c.bias.raw(),
                              c.targets.raw(),
                              &loss.sum,
                              &loss.count,
                              c.dhidden.raw(),
                              c.dtable.raw(),
                              c.dbias.raw()};
    run(&heddle_ops::cross_entropy, &args);
    return loss;
  }
  // items i32 [B,n], scores f32 [B,n]; no seen items are masked where the seen tensors are "none".
  void top_n(const Tensor& all_scores, const Tensor& items, const Tensor& scores, const Tensor& seen_offsets = {},
             const Tensor& seen_items = {}) {
    heddle_top_n args{sizeof args,      0,           all_scores.raw(), seen_offsets.raw(),
                      seen_items.raw(), items.raw(), scores.raw()};
    run(&heddle_ops::top_n, &args);
  }
  // In place by default. Backward is the same call on the gradient with the same key.
  Tensor dropout(double p, heddle_rng_key key, const Tensor& x, const Tensor& y = {}) {
    const Tensor out = y ? y : x;
    if (p > 0 || out.raw()->data != x.raw()->data) run(&heddle_ops::dropout, p, key, x.raw(), out.raw());
    return out;
  }

  // -- rows and elements --
  Tensor gather_rows(const Tensor& table, const Tensor& index, const Tensor& rows = {}) {
    const Tensor out = rows ? rows : tensor({index.elements(), table.columns()});
    run(&heddle_ops::gather_rows, table.raw(), index.raw(), out.raw());
    return out;
  }
  void scatter_add_rows(const Tensor& rows, const Tensor& index, const Tensor& table) {
    run(&heddle_ops::scatter_add_rows, rows.raw(), index.raw(), table.raw());
  }
  // y = alpha x + beta y
  Tensor axpby(double alpha, const Tensor& x, double beta, const Tensor& y) {
    run(&heddle_ops::axpby, static_cast<float>(alpha), x.raw(), static_cast<float>(beta), y.raw());
    return y;
  }
  Tensor add(const Tensor& x, const Tensor& y) { return axpby(1, x, 1, y); }  // y += x
  Tensor fill(double value, const Tensor& y) {
    run(&heddle_ops::fill, value, y.raw());
    return y;
  }
  Tensor copy(const Tensor& x, const Tensor& y = {}) {
    const Tensor out = or_like(y, x);
    run(&heddle_ops::copy, x.raw(), out.raw());
    return out;
  }
  // (x - center) * scale per column, or with inverse x * scale + center.
  Tensor affine_columns(const Tensor& x, const Tensor& center, const Tensor& scale, bool inverse = false,
                        const Tensor& y = {}) {
    const Tensor out = or_like(y, x);
    run(&heddle_ops::affine_columns, int32_t{inverse}, x.raw(), center.raw(), scale.raw(), out.raw());
    return out;
  }
  void sum_rows(const Tensor& x, const Tensor& out) {
    run(&heddle_ops::sum_rows, x.raw(), out.raw());
  }  // out += column sums
  void column_moments(const Tensor& x, const Tensor& mean, const Tensor& variance = {}) {
    run(&heddle_ops::column_moments, x.raw(), mean.raw(), variance.raw());
  }
  double sum_squares(const Tensor& x) {
    double out = 0;
    run(&heddle_ops::sum_squares, x.raw(), &out);
    return out;
  }
  void normalize_rows(const Tensor& x) { run(&heddle_ops::normalize_rows, x.raw()); }
  void random_uniform(heddle_rng_key key, double low, double high, const Tensor& y) {
    run(&heddle_ops::random_uniform, key, low, high, y.raw());
  }
  void random_normal(heddle_rng_key key, double deviation, const Tensor& y) {
    run(&heddle_ops::random_normal, key, deviation, y.raw());
  }

  // -- sparse codes --
  // p = (x - center) weight^T + bias, then select; weight [m,d]. bias and center may be "none".
  Codes encode(const Tensor& x, const Tensor& center, const Tensor& weight, const Tensor& bias, const Select& select,
               Codes z = {}) {
    if (!z) z = codes();
    heddle_select s{sizeof s, 0, select.rule, select.margin, select.k, select.threshold.raw(), select.features.raw()};
    heddle_encode args{sizeof args, 0,  call_.precision, 0, x.raw(), center.raw(), weight.raw(),
                       bias.raw(),  &s, z.raw()};
    run(&heddle_ops::encode, &args);
    return z;
  }
  Codes codes_from_dense(const Tensor& dense, Codes z = {}) {
    if (!z) z = codes();
    run(&heddle_ops::codes_from_dense, dense.raw(), z.raw());
    return z;
  }
  Tensor codes_to_dense(Codes z, const Tensor& dense = {}) {
    const Tensor out = dense ? dense : tensor({z.rows(), z.width()});
    run(&heddle_ops::codes_to_dense, z.raw(), out.raw());
    return out;
  }
  // y[b] = sum_j value_bj weight[j] (+ bias); weight [m,d].
  Tensor decode(Codes z, const Tensor& weight, const Tensor& bias = {}, const Tensor& y = {}) {
    return decode_values(z, {}, weight, bias, y);
  }
  // The same with other values [nnz] on the same entries.
  Tensor decode_values(Codes z, const Tensor& values, const Tensor& weight, const Tensor& bias = {},
                       const Tensor& y = {}) {
    const Tensor out = y ? y : tensor({z.rows(), weight.columns()});
    run(&heddle_ops::decode, z.raw(), values.raw(), weight.raw(), bias.raw(), out.raw());
    return out;
  }
  // <dy[row], weight[index]> + l1 for every stored entry: [nnz].
  Tensor codes_backward(Codes z, const Tensor& dy, const Tensor& weight, double l1 = 0) {
    const Tensor out = tensor({z.stored()});
    run(&heddle_ops::codes_backward, z.raw(), dy.raw(), weight.raw(), l1, out.raw());
    return out;
  }
  // dweight[j] += sum_b value_bj (rows[b] - center); values [nnz], none = the codes' own.
  void codes_weight_gradient(Codes z, const Tensor& values, const Tensor& rows, const Tensor& center,
                             const Tensor& dweight) {
    run(&heddle_ops::codes_weight_gradient, z.raw(), values.raw(), rows.raw(), center.raw(), dweight.raw());
  }
  // out[j] += sum_b value_bj
  void codes_column_sum(Codes z, const Tensor& values, const Tensor& out) {
    run(&heddle_ops::codes_column_sum, z.raw(), values.raw(), out.raw());
  }
  // fired i64 [m] += rows in which j is active
  void codes_count(Codes z, const Tensor& fired) { run(&heddle_ops::codes_count, z.raw(), fired.raw()); }
  CodesSummary codes_summary(Codes z) {
    CodesSummary out;
    run(&heddle_ops::codes_summary, z.raw(), &out.sum_abs, &out.active, &out.smallest);
    return out;
  }
  void codes_set(Codes z, int64_t feature, float value, const Tensor& rows = {}) {
    run(&heddle_ops::codes_set, z.raw(), feature, value, rows.raw());
  }
  // Straight-through gradient of thresholds; the codes were encoded with margin >= bandwidth / 2.
  void threshold_backward(Codes z, const Tensor& dvalues, const Tensor& threshold, double bandwidth, double l0_weight,
                          const Tensor& dthreshold) {
    heddle_threshold_backward args{sizeof args,     0, bandwidth, l0_weight, z.raw(), dvalues.raw(), threshold.raw(),
                                   dthreshold.raw()};
    run(&heddle_ops::threshold_backward, &args);
  }
  // Loss of kind HEDDLE_RECONSTRUCTION_*; dy (none: no gradient) receives scale * d loss / d y.
  double reconstruction(int32_t kind, const Tensor& x, const Tensor& y, const Tensor& dy = {}, double scale = 1) {
    double loss = 0;
    heddle_reconstruction args{sizeof args, 0, kind, 0, scale, x.raw(), y.raw(), &loss, dy.raw()};
    run(&heddle_ops::reconstruction, &args);
    return loss;
  }

  // -- inference again behind a point; sampled objectives --
  void attention_suffix(const AttentionSuffix& a) {
    heddle_attention_suffix args{sizeof args,
                                 0,
                                 a.heads,
                                 a.causal,
                                 a.suffix_offsets.raw(),
                                 a.prefix_begin.raw(),
                                 a.prefix_end.raw(),
                                 a.kept_k.raw(),
                                 a.kept_v.raw(),
                                 a.q.raw(),
                                 a.k.raw(),
                                 a.v.raw(),
                                 a.out.raw()};
    run(&heddle_ops::attention_suffix, &args);
  }
  // Row t: targets[t] with value 0 and the items of `count` draws with their numbers as values; see abi/ops.h.
  Codes sample_candidates(heddle_rng_key key, int64_t items, int64_t count, const Tensor& targets,
                          const Tensor& weights = {}, Codes z = {}) {
    if (!z) z = codes();
    heddle_sample_candidates args{sizeof args, 0, items, count, key, targets.raw(), weights.raw(), z.raw()};
    run(&heddle_ops::sample_candidates, &args);
    return z;
  }
  CrossEntropyLoss candidate_loss(const CandidateLoss& c) {
    CrossEntropyLoss loss;
    heddle_candidate_loss args{sizeof args,    0,
                               c.kind,         0,
                               c.scale,        c.positive_power,
                               c.codes.raw(),  c.targets.raw(),
                               c.logits.raw(), c.corrections.raw(),
                               &loss.sum,      &loss.count,
                               c.dlogits.raw()};
    run(&heddle_ops::candidate_loss, &args);
    return loss;
  }

  // f(i) for i in [0,n) on the host's threads, in no order: tasks must be independent. CPU only.
  template <class F>
  void parallel_for(int64_t n, F&& f) {
    heddle_task task = [](void* arg, int64_t i, heddle_error* error) -> int32_t {
      return guarded(error, [&] { (*static_cast<std::remove_reference_t<F>*>(arg))(i); });
    };
    run(&heddle_ops::parallel_for, n, task, const_cast<void*>(static_cast<const void*>(&f)));
  }

  const heddle_call& raw_call() const { return call_; }

 private:
  // Calls a slot of the op table. A host older than this header may have a shorter table.
  template <class Slot, class... Args>
  void run(Slot heddle_ops::*slot, Args... args) const {
    const auto* function = &(call_.ops->*slot);
    const auto end = reinterpret_cast<const char*>(function + 1) - reinterpret_cast<const char*>(call_.ops);
    if (static_cast<uint64_t>(end) > call_.ops->struct_size || *function == nullptr)
      raise(HEDDLE_UNIMPLEMENTED, "the device lacks an op that this plugin needs");
    HostError error;
    error.check((*function)(call_.device_context, args..., error));
  }
  Tensor or_like(const Tensor& given, const Tensor& like) { return given ? given : tensor(like.shape(), like.type()); }
  static heddle_attention raw(const Attention& a) {
    return {sizeof(heddle_attention),
            0,
            a.heads,
            a.causal,
            a.dropout,
            a.rng,
            a.offsets.raw(),
            a.key_mask.raw(),
            a.q.raw(),
            a.k.raw(),
            a.v.raw(),
            a.out.raw(),
            a.log_sum_exp.raw()};
  }
  static Tensor at(const heddle_tensors* tensors, Param p, const char* what) {
    if (tensors == nullptr || p.index < 0 || static_cast<uint64_t>(p.index) >= tensors->count)
      raise(HEDDLE_INTERNAL, "parameter ", p.index, " has no such tensor in this call: ", what);
    return Tensor(&tensors->items[p.index]);
  }

  const heddle_call& call_;
  const heddle_tensors* params_;
  const heddle_tensors* gradients_;
};

}  // namespace heddle::sdk
