// A dictionary in training by the ops alone, as a plugin and the optimiser call them: what sparse_bench.cc times op by op
// and as a whole step. The encoder's bias is set for the number of active features per row that is wanted.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "core/compute/context.h"
#include "core/compute/rng.h"
#include "core/compute/tensor.h"
#include "roofline.h"

namespace heddle::bench {

struct DictionaryShape {
  int64_t inputs = 64, features = 2048, rows = 4096;
  double active = 110;  // features per row, about
  int32_t precision = HEDDLE_PRECISION_F32;
  int threads = 2;
};

class DictionaryStep {
 public:
  struct Parameter {
    Tensor value, gradient, m, v;
    explicit Parameter(Tensor start) : value(std::move(start)) {
      for (Tensor* tensor : {&gradient, &m, &v}) {
        *tensor = Tensor(value.device(), DType::f32, value.shape());
        tensor->zero();
      }
    }
  };
  explicit DictionaryStep(const DictionaryShape& given)
      : shape(given),
        device(Device::cpu({given.threads, "auto"})),
        context(*device),
        ops(context.ops()),
        x(random(1, {shape.rows, shape.inputs}, 1)),
        y(random(2, {shape.rows, shape.inputs}, 1)),
        dy(random(3, {shape.rows, shape.inputs}, 1)),
        encoder(random(4, {shape.features, shape.inputs}, 1 / std::sqrt(3.0 * static_cast<double>(shape.inputs)))),
        encoder_bias(random(5, {shape.features}, 0)),
        decoder(random(6, {shape.features, shape.inputs}, 1 / std::sqrt(static_cast<double>(shape.inputs)))),
        decoder_bias(random(7, {shape.inputs}, 0)) {
    // Pre-activations are about N(bias, 1/3).
    const double share = shape.active / static_cast<double>(shape.features);
    for (float& bias : encoder_bias.value.span<float>())
      bias = static_cast<float>(-upper_quantile(share) / std::sqrt(3.0));
    ok(ops.codes_create(context.handle(), &codes, error));
    encode();
    dvalues = Tensor(*device, DType::f32, {codes->nnz + codes->nnz / 8 + 64});
    dvalues.zero();
  }
  ~DictionaryStep() { ops.codes_destroy(context.handle(), codes); }

  void encode() {
    const heddle_encode args{
        sizeof args, 0, shape.precision, 0, x, decoder_bias.value, encoder.value, encoder_bias.value, &select, codes};
    ok(ops.encode(context.handle(), &args, error));
  }
  void decode() { ok(ops.decode(context.handle(), codes, nullptr, decoder.value, decoder_bias.value, y, error)); }
  void loss() {
    const heddle_reconstruction args{sizeof args, 0, HEDDLE_RECONSTRUCTION_L2_NORM, 0, 1.0, x, y, &value, dy};
    ok(ops.reconstruction(context.handle(), &args, error));
  }
  void codes_backward() {
    const double l1 = 0.1 / static_cast<double>(shape.rows);
    ok(ops.codes_backward(context.handle(), codes, dy, decoder.value, l1, gradients(), error));
  }
  void decoder_gradient() {
    ok(ops.codes_weight_gradient(context.handle(), codes, nullptr, dy, nullptr, decoder.gradient, error));
    ok(ops.sum_rows(context.handle(), dy, decoder_bias.gradient, error));
  }
  void encoder_gradient() {
    ok(ops.codes_weight_gradient(context.handle(), codes, gradients(), x, decoder_bias.value, encoder.gradient, error));
    ok(ops.codes_column_sum(context.handle(), codes, gradients(), encoder_bias.gradient, error));
  }
  void summary() {
    double sum = 0, smallest = 0;
    int64_t active = 0;
    ok(ops.codes_summary(context.handle(), codes, &sum, &active, &smallest, error));
  }
  void update() {
    ++steps;
    adam(encoder, false);
    adam(encoder_bias, false);
    adam(decoder, true);
    adam(decoder_bias, false);
  }
  void step() {
    encode();
    decode();
    loss();
    codes_backward();
    decoder_gradient();
    encoder_gradient();
    update();
  }

  double active() const { return static_cast<double>(codes->nnz) / static_cast<double>(shape.rows); }
  // What a step cannot do without: the encoder's products, four products per stored entry; the codes written once and
  // read by four ops, dvalues written once and read twice, parameters with moments and gradients, rows.
  Work step_work() const {
    const double rows = static_cast<double>(shape.rows), d = static_cast<double>(shape.inputs),
                 m = static_cast<double>(shape.features), stored = static_cast<double>(codes->nnz);
    const double encoded = 2 * rows * d * m;
    Work work;
    work.flops = 8 * stored * d;
    (shape.precision == HEDDLE_PRECISION_BF16 ? work.bf16_flops : work.flops) += encoded;
    work.bytes = stored * (5 * 8 + 3 * 4) + 2 * m * d * 4 * 9 + rows * d * 4 * 8;
    work.footprint = stored * 12 + 2 * m * d * 4 * 4 + rows * d * 4 * 3;
    work.threads = shape.threads;
    return work;
  }

  DictionaryShape shape;
  std::unique_ptr<Device> device;
  Context context;
  const heddle_ops& ops;
  ErrorBuffer error;
  Tensor x, y, dy, dvalues;
  Parameter encoder, encoder_bias, decoder, decoder_bias;
  heddle_codes* codes = nullptr;
  heddle_select select{sizeof(heddle_select), 0, HEDDLE_SELECT_RELU, 0, 0, nullptr, nullptr};
  double value = 0;
  int64_t steps = 0;

 private:
  void ok(int32_t status) { check(status, error, "bench"); }
  TensorView gradients() { return view(dvalues.data<float>(), codes->nnz); }
  Tensor random(uint64_t seed, std::vector<int64_t> dims, double deviation) {
    Tensor tensor(*device, DType::f32, std::move(dims));
    check(ops.random_normal(context.handle(), rng_key(seed, RngPurpose::test), deviation, tensor, error), error,
          "bench");
    return tensor;
  }
  void adam(Parameter& p, bool unit_rows) {
    // So small a learning rate that the share of active features stays what it is.
    const heddle_adam args{sizeof args, 0,         1e-6, 0.9,     0.999,      1e-8, 0,  1.0,
                           steps,       unit_rows, 0,    p.value, p.gradient, p.m,  p.v};
    ok(ops.adam(context.handle(), &args, error));
    ok(ops.fill(context.handle(), 0, p.gradient, error));
  }
  // z with P(N(0, 1) > z) = share.
  static double upper_quantile(double share) {
    double low = -8, high = 8;
    for (int i = 0; i < 60; ++i) {
      const double middle = (low + high) / 2;
      (std::erfc(middle / std::sqrt(2.0)) / 2 > share ? low : high) = middle;
    }
    return low;
  }
};

}  // namespace heddle::bench
