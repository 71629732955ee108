#include "core/train/dictionary_evaluation.h"

#include <algorithm>
#include <cmath>

#include "core/base/console.h"
#include "core/base/error.h"

namespace heddle {

QualitySums::QualitySums(int64_t width)
    : width_(width), x_(static_cast<size_t>(width), 0.0), xx_(x_), e_(x_), ee_(x_) {}

void QualitySums::add(const float* x, const float* reconstruction, int64_t rows) {
  const size_t d = static_cast<size_t>(width_);
  for (int64_t b = 0; b < rows; ++b) {
    const float* row = x + static_cast<size_t>(b) * d;
    const float* guess = reconstruction + static_cast<size_t>(b) * d;
    double squares = 0;
    for (size_t j = 0; j < d; ++j) {
      const double value = static_cast<double>(row[j]), error = value - static_cast<double>(guess[j]);
      x_[j] += value;
      xx_[j] += value * value;
      e_[j] += error;
      ee_[j] += error * error;
      squares += error * error;
    }
    norms_ += std::sqrt(squares);
  }
  rows_ += rows;
}

void QualitySums::finish(DictionaryQuality& out) const {
  const double n = static_cast<double>(rows_), d = static_cast<double>(width_);
  double variance_x = 0, variance_e = 0, squares_e = 0;
  for (size_t j = 0; j < x_.size(); ++j) {
    variance_x += std::max(xx_[j] / n - (x_[j] / n) * (x_[j] / n), 0.0);
    variance_e += std::max(ee_[j] / n - (e_[j] / n) * (e_[j] / n), 0.0);
    squares_e += ee_[j] / n;
  }
  out.rows = rows_;
  out.rmse_global = std::sqrt(squares_e / d);
  out.l2_mean = norms_ / n / std::sqrt(d);
  // Inputs that are all the same have no variance to explain: 1 when they are met exactly, else 0.
  out.ev_var = variance_x > 0 ? 1 - variance_e / variance_x : (variance_e == 0 ? 1 : 0);
  out.ev_r2 = variance_x > 0 ? 1 - squares_e / variance_x : (squares_e == 0 ? 1 : 0);
}

DictionaryQuality evaluate_dictionary(DictionaryModel& model, Context& context, const Activations& held_out,
                                      const Normalizer& normalizer, int64_t batch, int32_t precision) {
  const int64_t rows = held_out.rows(), width = held_out.width();
  if (rows == 0) fail(HEDDLE_FAILED_PRECONDITION, "no activations to evaluate {} on", model.id());
  if (width != model.inputs())
    fail(HEDDLE_INVALID_ARGUMENT, "{} takes inputs of width {}, the activations have {}", model.id(), model.inputs(),
         width);
  Device& device = model.device();
  DictionaryQuality out;
  QualitySums sums(width);
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
