#include "core/train/normalizer.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/store/safetensors.h"

namespace heddle {
namespace {

constexpr const char* kNames[] = {"none", "scalar", "per_dimension"};
constexpr int64_t kBlock = 4096;

DLTensor* on_device(const heddle_call& call, const std::vector<float>& values, TensorView& view) {
  if (call.device.device_type != kDLCPU) fail(HEDDLE_UNIMPLEMENTED, "normalising activations on this device");
  view = TensorView(const_cast<float*>(values.data()), DType::f32, {static_cast<int64_t>(values.size())}, call.device);
  return view.dl();
}

}  // namespace

Normalizer::Normalizer(int64_t width)
    : center_(static_cast<size_t>(width), 0.0f), scale_(center_.size(), 1.0f), inverse_(scale_) {}

Normalizer Normalizer::fit(Normalization kind, const Activations& activations) {
  const int64_t rows = activations.rows(), width = activations.width();
  Normalizer out(width);
  out.kind_ = kind;
  if (kind == Normalization::none) return out;
  if (rows == 0) fail(HEDDLE_FAILED_PRECONDITION, "no activations to fit a normaliser on");
  std::vector<float> block(static_cast<size_t>(std::min(kBlock, rows) * width));
  const auto each_row = [&](auto&& f) {
    for (int64_t begin = 0; begin < rows; begin += kBlock) {
      const int64_t n = std::min(kBlock, rows - begin);
      activations.read(begin, n, block.data());
      for (int64_t b = 0; b < n; ++b) f(block.data() + b * width);
    }
  };
  const size_t d = static_cast<size_t>(width);
  const double count = static_cast<double>(rows);
  if (kind == Normalization::scalar) {
    double squares = 0;
    each_row([&](const float* row) {
      for (size_t j = 0; j < d; ++j) squares += static_cast<double>(row[j]) * static_cast<double>(row[j]);
    });
    const double c = std::sqrt(squares / (count * static_cast<double>(width)));
    if (c > 0) std::fill(out.scale_.begin(), out.scale_.end(), static_cast<float>(c));
  } else {
    // Two passes: the variance is taken about the mean, so nothing cancels.
    std::vector<double> mean(d, 0.0), variance(d, 0.0);
    each_row([&](const float* row) {
      for (size_t j = 0; j < d; ++j) mean[j] += static_cast<double>(row[j]);
    });
    for (double& value : mean) value /= count;
    each_row([&](const float* row) {
      for (size_t j = 0; j < d; ++j)
        variance[j] += (static_cast<double>(row[j]) - mean[j]) * (static_cast<double>(row[j]) - mean[j]);
    });
    for (size_t j = 0; j < d; ++j) {
      out.center_[j] = static_cast<float>(mean[j]);
      const double deviation = std::sqrt(variance[j] / count);
      // Rounding leaves a constant dimension a deviation of about 1e-8 of its mean: dividing by that would blow up
      // noise.
      if (deviation > 1e-7 * std::abs(mean[j])) out.scale_[j] = static_cast<float>(deviation);
    }
  }
  out.set_inverse();
  return out;
}

void Normalizer::set_inverse() {
  for (size_t j = 0; j < scale_.size(); ++j) inverse_[j] = 1.0f / scale_[j];
}

Normalizer Normalizer::load(const std::filesystem::path& path) {
  const SafeTensors file(path);
  const StoredTensor& center = file.find("center");
  Normalizer out(center.elements());
  file.read("center", stored::f32, {out.width()}, out.center_.data());
  file.read("scale", stored::f32, {out.width()}, out.scale_.data());
  const auto kind = file.metadata().find("normalization");
  const auto name =
      kind == file.metadata().end() ? std::end(kNames) : std::find(std::begin(kNames), std::end(kNames), kind->second);
  if (name == std::end(kNames)) fail(HEDDLE_DATA_LOSS, "{}: says nothing known of its 'normalization'", path.string());
  out.kind_ = static_cast<Normalization>(name - std::begin(kNames));
  for (const float scale : out.scale_) {
    if (!(scale > 0) || !std::isfinite(scale)) fail(HEDDLE_DATA_LOSS, "{}: a scale is {}", path.string(), scale);
  }
  out.set_inverse();
  return out;
}

void Normalizer::save(const std::filesystem::path& path) const {
  SafeTensorsWriter writer;
  writer.add("center", stored::f32, {width()}, center_.data());
  writer.add("scale", stored::f32, {width()}, scale_.data());
  writer.metadata("normalization", kNames[static_cast<size_t>(kind_)]);
  writer.write(path);
}

void Normalizer::apply(float* x, int64_t rows) const {
  if (kind_ == Normalization::none) return;
  const size_t d = center_.size();
  for (int64_t b = 0; b < rows; ++b) {
    float* row = x + static_cast<size_t>(b) * d;
    for (size_t j = 0; j < d; ++j) row[j] = (row[j] - center_[j]) * inverse_[j];
  }
}

void Normalizer::invert(float* z, int64_t rows) const {
  if (kind_ == Normalization::none) return;
  const size_t d = center_.size();
  for (int64_t b = 0; b < rows; ++b) {
    float* row = z + static_cast<size_t>(b) * d;
    for (size_t j = 0; j < d; ++j) row[j] = row[j] * scale_[j] + center_[j];
  }
}

void Normalizer::apply(const heddle_call& call, const DLTensor* x, DLTensor* z) const {
  TensorView center, scale;
  ErrorBuffer error;
  check(call.ops->affine_columns(call.device_context, 0, x, on_device(call, center_, center),
                                 on_device(call, inverse_, scale), z, error),
        error, "affine_columns");
}

void Normalizer::invert(const heddle_call& call, const DLTensor* z, DLTensor* x) const {
  TensorView center, scale;
  ErrorBuffer error;
  check(call.ops->affine_columns(call.device_context, 1, z, on_device(call, center_, center),
                                 on_device(call, scale_, scale), x, error),
        error, "affine_columns");
}

}  // namespace heddle
