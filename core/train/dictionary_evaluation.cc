#include "core/train/dictionary_evaluation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/console.h"
#include "core/base/error.h"

namespace heddle {

QualitySums::QualitySums(std::vector<double> mean_x)
    : mean_x_(std::move(mean_x)), mean_e_(mean_x_.size(), 0.0), m2_e_(mean_e_) {}

void QualitySums::add(const float* x, const float* reconstruction, int64_t rows) {
  const size_t d = mean_x_.size();
  for (int64_t b = 0; b < rows; ++b) {
    const float* row = x + static_cast<size_t>(b) * d;
    const float* guess = reconstruction + static_cast<size_t>(b) * d;
    const double weight = 1 / static_cast<double>(++rows_);
    double squares = 0, around_mean = 0, around_zero = 0;
    for (size_t j = 0; j < d; ++j) {
      const double value = static_cast<double>(row[j]), error = value - static_cast<double>(guess[j]);
      const double centred = value - mean_x_[j], change = error - mean_e_[j];
      mean_e_[j] += change * weight;
      m2_e_[j] += change * (error - mean_e_[j]);
      squares += error * error;
      around_mean += centred * centred;
      around_zero += value * value;
    }
    norms_ += std::sqrt(squares);
    squares_ += squares;
    variance_x_ += around_mean;
    if (around_mean > 0) legacy_ += 1 - squares / around_mean, ++legacy_rows_;
    if (around_zero > 0) nmse_ += squares / around_zero, ++nmse_rows_;
  }
}

void QualitySums::finish(DictionaryQuality& out) const {
  const double n = static_cast<double>(rows_), d = static_cast<double>(mean_x_.size());
  double variance_e = 0;
  for (const double m2 : m2_e_) variance_e += m2;
  out.rows = rows_;
  out.rmse_global = std::sqrt(squares_ / n / d);
  out.l2_mean = norms_ / n / std::sqrt(d);
  // Inputs that are all the same have no variance to explain: 1 when they are met exactly, else 0.
  out.ev_var = variance_x_ > 0 ? 1 - variance_e / variance_x_ : (variance_e == 0 ? 1 : 0);
  out.ev_r2 = variance_x_ > 0 ? 1 - squares_ / variance_x_ : (squares_ == 0 ? 1 : 0);
  out.ev_legacy = legacy_ / static_cast<double>(legacy_rows_);
  out.nmse = nmse_ / static_cast<double>(nmse_rows_);
}

namespace {

// Mean of the normalised rows.
std::vector<double> mean_of(const Activations& data, const Normalizer& normalizer, int64_t batch) {
  const int64_t rows = data.rows(), width = data.width();
  std::vector<double> mean(static_cast<size_t>(width), 0.0);
  std::vector<float> x(static_cast<size_t>(std::min(batch, rows) * width));
  for (int64_t begin = 0; begin < rows; begin += batch) {
    throw_if_cancelled();
    const int64_t n = std::min(batch, rows - begin);
    data.read(begin, n, x.data());
    normalizer.apply(x.data(), n);
    for (size_t i = 0; i < static_cast<size_t>(n * width); ++i) mean[i % mean.size()] += static_cast<double>(x[i]);
  }
  for (double& value : mean) value /= static_cast<double>(rows);
  return mean;
}

}  // namespace

DictionaryQuality evaluate_dictionary(DictionaryModel& model, Context& context, const Activations& held_out,
                                      const Normalizer& normalizer, int64_t batch, int32_t precision) {
  const int64_t rows = held_out.rows(), width = held_out.width();
  if (rows == 0) fail(HEDDLE_FAILED_PRECONDITION, "no activations to evaluate {} on", model.id());
  if (width != model.inputs())
    fail(HEDDLE_INVALID_ARGUMENT, "{} takes inputs of width {}, the activations have {}", model.id(), model.inputs(),
         width);
  Device& device = model.device();
  DictionaryQuality out;
  QualitySums sums(mean_of(held_out, normalizer, batch));
  Codes codes(context);
  Tensor fired(device, DType::i64, {model.features()});
  fired.zero();
  std::vector<float> x(static_cast<size_t>(std::min(batch, rows) * width)), guess(x.size());
  int64_t active = 0;
  for (int64_t begin = 0; begin < rows; begin += batch) {
    throw_if_cancelled();
    const int64_t n = std::min(batch, rows - begin);
    held_out.read(begin, n, x.data());
    normalizer.apply(x.data(), n);
    Tensor inputs(device, DType::f32, {n, width}), outputs(device, DType::f32, {n, width});
    inputs.from_host(x.data());
    model.encode(context, precision, inputs, codes.get());
    model.decode(context, precision, codes.get(), outputs);
    outputs.to_host(guess.data());
    sums.add(x.data(), guess.data(), n);
    int64_t now = 0;
    ErrorBuffer error;
    check(context.ops().codes_summary(context.handle(), codes.get(), nullptr, &now, nullptr, error), error,
          "codes_summary");
    check(context.ops().codes_count(context.handle(), codes.get(), fired, error), error, "codes_count");
    active += now;
  }
  sums.finish(out);
  out.l0 = static_cast<double>(active) / static_cast<double>(rows);
  out.fired.resize(static_cast<size_t>(model.features()));
  fired.to_host(out.fired.data());
  out.dead_share =
      static_cast<double>(std::count(out.fired.begin(), out.fired.end(), 0)) / static_cast<double>(model.features());
  return out;
}

}  // namespace heddle
