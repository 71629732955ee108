// Dictionary: a sparse dictionary over activations (sparse autoencoders and their relatives), as five separate things:
// architecture (select, encode, decode), objective (named loss terms), constraint (in declare), revival of dead
// features (AuxK, here, for every dictionary) and normaliser (the host's). A variant overrides what is new in it:
//
//   void declare(Parameters& p);                     // add to or change the standard tensors below
//   Select select(Ops& ops) const;                   // which features fire; inference: each row for itself
//   Select training_select(Ops& ops) const;          // the same while training
//   void objective(Pass& pass) const;                // required: loss terms, and their gradient by the reconstruction
//   void selection_backward(Pass& pass, const Tensor& dvalues) const;   // gradients of what select() reads: thresholds
//   void encode(Ops& ops, const Tensor& x, Codes z) const;              // only for another architecture than
//   void decode(Ops& ops, Codes z, const Tensor& y) const;              //   f = select((x - b) W^T + c), y = f D + b;
//   void train(Ops& ops, const Step& step, Codes z, Losses& losses);    //   then train() too
//
// Options must have `width`, the number of features m (or override features()). Standard tensors, d = inputs():
//   encoder W [m,d], encoder_bias c [m], decoder D [m,d] with unit rows, bias b [d].
// encode, decode and train run on one worker thread at a time per instance. Everything stays sparse: no [B,m] is ever
// made.
#pragma once

#include <algorithm>
#include <cmath>

#include "losses.hpp"
#include "ops.hpp"
#include "plugin.hpp"

namespace heddle::sdk {

using Step = heddle_dictionary_step;

// Names of the reconstruction losses, for options: field(…).choices("l2_norm", "l2_squared", "mse_mean").
enum class Reconstruction {
  l2_norm = HEDDLE_RECONSTRUCTION_L2_NORM,        // mean_b ||x - y||; what the paper's tables used
  l2_squared = HEDDLE_RECONSTRUCTION_L2_SQUARED,  // mean_b sum_d (x - y)^2
  mse_mean = HEDDLE_RECONSTRUCTION_MSE_MEAN       // mean_b mean_d (x - y)^2
};

// min((step - 1) / over, 1): a coefficient that grows over the first steps; 1 when over is 0.
inline double ramp(int64_t step, int64_t over) {
  return over <= 0 ? 1.0 : std::min(1.0, static_cast<double>(step - 1) / static_cast<double>(over));
}

// One training step between decode and backward: what objective() sees and fills.
class Pass {
 public:
  Pass(Ops& call, const Step& now, Codes codes, Losses& terms)
      : ops(call),
        losses(terms),
        step(now),
        x(now.x),
        z(codes),
        x_hat(ops.tensor(x.shape())),
        dx_hat(ops.tensor(x.shape())) {}
  Ops& ops;
  Losses& losses;
  const Step& step;
  Tensor x;       // [B,d]
  Codes z;        // codes of the batch
  Tensor x_hat;   // [B,d] their reconstruction
  Tensor dx_hat;  // [B,d] gradient of the total loss by x_hat: objective() must write it
  double l1 = 0;  // gradient of the total loss by every active value, on top of that

  int64_t rows() const { return x.rows(); }
  double per_row(double sum) const { return sum / static_cast<double>(rows()); }
  // Mean number of active features.
  double l0() const { return per_row(static_cast<double>(ops.codes_summary(z).active)); }

  // The loss "reconstruction"; overwrites dx_hat.
  void reconstruction(Reconstruction kind) {
    losses.add("reconstruction", ops.reconstruction(static_cast<int32_t>(kind), x, x_hat, dx_hat));
  }
  // The loss "sparsity": coefficient * mean_b sum_j f_bj, for f >= 0.
  void l1_sparsity(double coefficient) {
    losses.add("sparsity", per_row(ops.codes_summary(z).sum_abs), coefficient);
    l1 += per_row(coefficient);
  }
};

template <class Self>
class Dictionary;

namespace detail {
template <class Self>
struct DictionaryTable {
  // The base's own members, also where Self has some of the same name.
  static Dictionary<Self>& base(Dictionary<Self>* self) { return *self; }
  static int32_t create(const heddle_host* host, const heddle_values* values, const heddle_dictionary_plan* plan,
                        heddle_dictionary** out, heddle_error* error) noexcept {
    return make<Self>(host, values, out, error, [&](Self& self) {
      base(&self).inputs_ = plan->inputs;
      self.declare(base(&self).parameters_);
    });
  }
  static int32_t info(heddle_dictionary* d, heddle_dictionary_info* out, heddle_error* error) noexcept {
    return guarded(error, [&] { *out = {sizeof *out, 0, self_of<const Self>(d).features()}; });
  }
  static int32_t parameters(heddle_dictionary* d, heddle_parameters* out, heddle_error*) noexcept {
    *out = base(&self_of<Self>(d)).parameters_.raw();
    return HEDDLE_OK;
  }
  static int32_t encode(heddle_dictionary* d, const heddle_call* call, const heddle_tensors* params, const DLTensor* x,
                        heddle_codes* codes, heddle_error* error) noexcept {
    return guarded(error, [&] {
      Ops ops(*call, params);
      const Self& self = self_of<const Self>(d);
      const Tensor input(x);
      self.encode(ops, input.expect("x", {-1, self.inputs()}), Codes(codes));
    });
  }
  static int32_t decode(heddle_dictionary* d, const heddle_call* call, const heddle_tensors* params,
                        const heddle_codes* codes, DLTensor* y, heddle_error* error) noexcept {
    return guarded(error, [&] {
      Ops ops(*call, params);
      const Self& self = self_of<const Self>(d);
      const Tensor output(y);
      self.decode(ops, Codes(codes), output.expect("y", {codes->rows, self.inputs()}));
    });
  }
  static int32_t train(heddle_dictionary* d, const heddle_call* call, const heddle_tensors* params,
                       const heddle_tensors* gradients, const heddle_dictionary_step* step, heddle_codes* codes,
                       const heddle_losses* losses, heddle_error* error) noexcept {
    return guarded(error, [&] {
      Ops ops(*call, params, gradients);
      Losses terms(*losses);
      Self& self = self_of<Self>(d);
      Tensor(step->x).expect("x", {-1, self.inputs()});
      self.train(ops, *step, Codes(codes), terms);
    });
  }
  static constexpr heddle_dictionary_vtable table() {
    return {sizeof(heddle_dictionary_vtable),
            0,
            &create,
            &destroy<Self, heddle_dictionary>,
            &info,
            &parameters,
            &encode,
            &decode,
            &train};
  }
};
}  // namespace detail

template <class Self>
class Dictionary : public Component {
 public:
  static constexpr int32_t kind = HEDDLE_KIND_DICTIONARY;
  template <class S>
  static constexpr heddle_dictionary_vtable vtable = detail::DictionaryTable<S>::table();
  // False: the encoder sees x itself, not x - bias.
  static constexpr bool centred = true;

  int64_t inputs() const { return inputs_; }                 // d
  int64_t features() const { return self().options.width; }  // m
  Param encoder, encoder_bias, decoder, bias;

  // -- architecture --
  // Names as other libraries write them, so that files can be exchanged. Biases start at zero.
  void declare(Parameters& p) {
    const int64_t m = self().features(), d = inputs();
    decoder = p.add("decoder.weight", {m, d}).unit_rows().keep_unit_rows().role(HEDDLE_ROLE_DECODER);
    encoder = p.add("encoder.weight", {m, d}).uniform(1 / std::sqrt(static_cast<double>(d))).role(HEDDLE_ROLE_ENCODER);
    encoder_bias = p.add("encoder.bias", {m}).role(HEDDLE_ROLE_ENCODER_BIAS);
    bias = p.add("bias", {d}).role(HEDDLE_ROLE_DECODER_BIAS);
  }
  Select select(Ops&) const { return relu(); }
  Select training_select(Ops& ops) const { return self().select(ops); }
  void encode(Ops& ops, const Tensor& x, Codes z) const { encode_with(ops, x, self().select(ops), z); }
  void decode(Ops& ops, Codes z, const Tensor& y) const { ops.decode(z, ops[decoder], ops[bias], y); }

  // -- training --
  void train(Ops& ops, const Step& step, Codes z, Losses& losses) {
    const Tensor x(step.x);
    const Select rule = self().training_select(ops);
    encode_with(ops, x, rule, z);
    if (x.rows() == 0) return;  // the mean over no rows is no loss
    Pass pass(ops, step, z, losses);
    self().decode(ops, z, pass.x_hat);
    self().objective(pass);

    const Tensor dvalues = ops.codes_backward(z, pass.dx_hat, ops[decoder], pass.l1);
    ops.codes_weight_gradient(z, {}, pass.dx_hat, {}, ops.grad(decoder));
    ops.sum_rows(pass.dx_hat, ops.grad(bias));
    self().selection_backward(pass, dvalues);
    // Entries that a margin stored as 0 did not fire: nothing flows back through them.
    if (rule.margin > 0) {
      const Tensor row = dvalues.reshaped({1, z.stored()});  // the op takes matrices
      ops.activation_backward(HEDDLE_ACTIVATION_RELU, z.values().reshaped({1, z.stored()}), row, row);
    }
    encoder_backward(ops, x, z, dvalues);
    if (step.dead != nullptr && std::min(step.dead_count, step.aux_k) > 0) revive(pass);
  }
  void selection_backward(Pass&, const Tensor&) const {}

 protected:
  const Self& self() const { return static_cast<const Self&>(*this); }
  Self& self() { return static_cast<Self&>(*this); }

  Codes encode_with(Ops& ops, const Tensor& x, const Select& rule, Codes z = {}) const {
    return ops.encode(x, center(ops), ops[encoder], ops[encoder_bias], rule, z);
  }
  // Gradients of W, c and (through x - b) of b, given those of the pre-activations of the stored entries.
  void encoder_backward(Ops& ops, const Tensor& x, Codes z, const Tensor& dp) const {
    ops.codes_weight_gradient(z, dp, x, center(ops), ops.grad(encoder));
    const Tensor per_feature = ops.zeros({self().features()});
    ops.codes_column_sum(z, dp, per_feature);
    ops.add(per_feature, ops.grad(encoder_bias));
    // sum_b dp_b W = (sum_b dp_b) W: one row instead of B.
    if (Self::centred)
      ops.gemm(per_feature.reshaped({1, self().features()}), ops[encoder], ops.grad(bias).reshaped({1, inputs()}),
               {.alpha = -1, .beta = 1});
  }

 private:
  friend detail::DictionaryTable<Self>;
  Tensor center(Ops& ops) const { return Self::centred ? ops[bias] : Tensor(); }

  // AuxK (Gao et al. 2024, arXiv 2406.04093, A.2): the dead features that come nearest to firing model what the living
  // ones left over. With e = x - x_hat held fixed:  mean_b ||e - D f_dead||^2 / mean_b ||e - mean e||^2,  0 where that
  // is 0/0.
  void revive(Pass& pass) const {
    Ops& ops = pass.ops;
    const Step& step = pass.step;
    const Tensor e = ops.axpby(-1, pass.x_hat, 1, ops.copy(pass.x));
    const Tensor mean = ops.tensor({inputs()});
    ops.column_moments(e, mean);
    const double variance =
        pass.per_row(ops.sum_squares(ops.affine_columns(e, mean, ops.fill(1, ops.tensor({inputs()})))));
    if (!(variance > 0)) return pass.losses.add("auxk", 0, step.aux_coefficient);

    const Select rule = top_k(std::min(step.aux_k, step.dead_count)).among(Tensor(step.dead));
    const Codes z = encode_with(ops, pass.x, rule);
    const Tensor y = ops.decode(z, ops[decoder]), dy = ops.tensor(e.shape());
    const double loss = ops.reconstruction(HEDDLE_RECONSTRUCTION_L2_SQUARED, e, y, dy, step.aux_coefficient / variance);
    pass.losses.add("auxk", loss / variance, step.aux_coefficient);
    ops.codes_weight_gradient(z, {}, dy, {}, ops.grad(decoder));
    encoder_backward(ops, pass.x, z, ops.codes_backward(z, dy, ops[decoder]));
  }

  int64_t inputs_ = 0;
  Parameters parameters_;
};

}  // namespace heddle::sdk
