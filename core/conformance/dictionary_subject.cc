#include "core/conformance/dictionary_subject.h"

#include <cmath>

#include "core/compute/rng.h"
#include "core/plugin/normalise.h"

namespace heddle::conformance {
namespace {

void check_roles(const std::vector<heddle_parameter>& params, int64_t m, int64_t d) {
  const auto is = [](const heddle_parameter& p, std::initializer_list<int64_t> shape) {
    return p.ndim == static_cast<int32_t>(shape.size()) && std::equal(shape.begin(), shape.end(), p.shape);
  };
  for (const heddle_parameter& p : params) {
    bool fits = true;
    if (p.role == HEDDLE_ROLE_ENCODER || p.role == HEDDLE_ROLE_DECODER) fits = is(p, {m, d});
    if (p.role == HEDDLE_ROLE_ENCODER_BIAS) fits = is(p, {m});
    if (p.role == HEDDLE_ROLE_DECODER_BIAS) fits = is(p, {d});
    if (p.role == HEDDLE_ROLE_THRESHOLD) fits = is(p, {m}) || is(p, {1});
    const bool of_data = p.init == HEDDLE_INIT_GEOMETRIC_MEDIAN || p.init == HEDDLE_INIT_DATA_MEAN;
    if (of_data && !is(p, {d})) fail_check("'{}' starts as a mean of the inputs but is not of shape [{}]", p.name, d);
    if (!fits) {
      fail_check("the shape of '{}' does not fit its role: m is {}, d is {}, the shape [{}]", p.name, m, d,
                 fmt::join(p.shape, p.shape + p.ndim, ","));
    }
  }
}

void require_finite(const std::vector<float>& values, const char* what) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) fail_check("{} holds {} at {}", what, values[i], i);
  }
}

}  // namespace

PlainCodes checked_copy(const heddle_codes& codes, int64_t rows, int64_t width) {
  if (codes.rows != rows || codes.width != width) {
    fail_check("the codes are [{},{}], due are [{},{}]", codes.rows, codes.width, rows, width);
  }
  PlainCodes out;
  out.width = width;
  out.offsets.assign(codes.offsets, codes.offsets + rows + 1);
  if (out.offsets.front() != 0 || out.offsets.back() != codes.nnz)
    fail_check("the offsets of the codes do not span 0 to {}", codes.nnz);
  out.indices.assign(codes.indices, codes.indices + codes.nnz);
  out.values.assign(codes.values, codes.values + codes.nnz);
  for (int64_t r = 0; r < rows; ++r) {
    const auto begin = static_cast<size_t>(out.offsets[static_cast<size_t>(r)]),
               end = static_cast<size_t>(out.offsets[static_cast<size_t>(r) + 1]);
    if (end < begin || end > out.indices.size()) fail_check("the offsets of the codes do not ascend at row {}", r);
    for (size_t i = begin; i < end; ++i) {
      if (out.indices[i] < 0 || out.indices[i] >= width)
        fail_check("row {} has the feature {} of {}", r, out.indices[i], width);
      if (i > begin && out.indices[i] <= out.indices[i - 1]) fail_check("the features of row {} do not ascend", r);
    }
  }
  return out;
}

std::vector<float> normal_rows(int64_t rows, uint64_t seed) {
  std::vector<float> out(static_cast<size_t>(rows * test_inputs));
  fill_normal(out.data(), rows * test_inputs, seed);
  return out;
}

DictionarySubject::DictionarySubject(const Component& component, const GivenText& given, int threads, float jitter) {
  const Values values(component, base_values(component, given));
  about_to("create");
  instance_ = std::make_unique<Instance<heddle_dictionary_vtable>>(component, values);
  instance_->required();
  about_to("info");
  ErrorBuffer error;
  heddle_dictionary_info info{};
  info.struct_size = sizeof info;
  require_ok(instance_->table().info(instance_->handle(), &info, error), error, "info");
  features_ = info.features;
  if (features_ < 1 || features_ > (1 << 28)) fail_check("info says {} features", features_);
  about_to("parameters");
  heddle_parameters declared{};
  declared.struct_size = sizeof declared;
  require_ok(instance_->table().parameters(instance_->handle(), &declared, error), error, "parameters");
  auto params = checked_parameters(declared);
  check_roles(params, features_, test_inputs);
  params_ = std::make_unique<ParameterSet>(std::move(params), 1, jitter);
  device_ = Device::cpu({threads, "auto"});
  context_ = std::make_unique<Context>(*device_);
  codes_ = context_->create_codes();
}

DictionarySubject::~DictionarySubject() {
  if (codes_ != nullptr) context_->ops().codes_destroy(context_->handle(), codes_);
}

PlainCodes DictionarySubject::encode(const std::vector<float>& x, bool finite) {
  rows_ = static_cast<int64_t>(x.size()) / test_inputs;
  GuardedTensor input(DType::f32, {rows_, test_inputs});
  std::copy(x.begin(), x.end(), input.data<float>());
  input.protect(true);
  about_to(fmt::format("encode of {} rows", rows_));
  ErrorBuffer error;
  context_->call(rng_key(1, RngPurpose::test), HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
    const int32_t status =
        instance().table().encode(instance().handle(), &call, params_->values(), input, codes_, error);
    if (finite || status == HEDDLE_OK) require_ok(status, error, "encode");
    else require_error(status, error, "encode");
    if (status != HEDDLE_OK) skip_check("refused: {}", error.message());
  });
  input.check("x");
  params_->check();
  PlainCodes out = checked_copy(*codes_, rows_, features_);
  if (finite) require_finite(out.values, "codes");
  return out;
}

std::vector<float> DictionarySubject::decode_last(bool finite) {
  GuardedTensor y(DType::f32, {rows_, test_inputs});
  about_to(fmt::format("decode of {} rows", rows_));
  ErrorBuffer error;
  context_->call(rng_key(1, RngPurpose::test), HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
    require_ok(instance().table().decode(instance().handle(), &call, params_->values(), codes_, y, error), error,
               "decode");
  });
  y.check("the reconstruction");
  params_->check();
  auto out = y.copy<float>();
  if (finite) require_finite(out, "the reconstruction");
  return out;
}

TrainResult DictionarySubject::train(const std::vector<float>& x, int64_t step_number, bool finite,
                                     const std::vector<uint8_t>* dead) {
  rows_ = static_cast<int64_t>(x.size()) / test_inputs;
  GuardedTensor input(DType::f32, {rows_, test_inputs}), dead_mask(DType::u8, {features_});
  std::copy(x.begin(), x.end(), input.data<float>());
  input.protect(true);
  heddle_dictionary_step step{};
  step.struct_size = sizeof step;
  step.step = step_number;
  step.steps = 100;
  step.x = input;
  if (dead != nullptr) {
    std::copy(dead->begin(), dead->end(), dead_mask.data<uint8_t>());
    step.dead = dead_mask;
    for (uint8_t flag : *dead) step.dead_count += flag;
    step.aux_k = test_inputs / 2;
    step.aux_coefficient = 1.0 / 32;
  }
  dead_mask.protect(true);
  about_to(fmt::format("train of {} rows", rows_));
  LossCollector losses;
  ErrorBuffer error;
  const auto key = rng_key(1, RngPurpose::dictionary_batch, 0, static_cast<uint64_t>(step_number));
  context_->call(key, HEDDLE_PRECISION_F32, [&](const heddle_call& call) {
    const int32_t status = instance().table().train(instance().handle(), &call, params_->values(), params_->gradients(),
                                                    &step, codes_, losses.raw(), error);
    if (finite || status == HEDDLE_OK) require_ok(status, error, "train");
    else require_error(status, error, "train");
    if (status != HEDDLE_OK) skip_check("refused: {}", error.message());
  });
  input.check("x");
  TrainResult out;
  out.codes = checked_copy(*codes_, rows_, features_);
  if (finite) {
    losses.require_finite();
    params_->check();
  }
  out.losses = losses.losses();
  out.total = losses.total();
  for (size_t i = 0; i < params_->count(); ++i) {
    out.gradients.emplace_back(params_->gradient(i),
                               params_->gradient(i) + (params_->is_buffer(i) ? 0 : params_->size(i)));
  }
  return out;
}

}  // namespace heddle::conformance
