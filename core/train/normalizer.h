// What is done to activations before a dictionary sees them, and undone behind it.
//
//   none           z = x
//   scalar         z = x / c,             c = sqrt(E ||x||^2 / d): rows have a mean square of 1 per dimension
//   per_dimension  z = (x - mean) / std,  population statistics; a constant dimension keeps std 1
// All in f64 over the extracted set, in row order. One thread. File: safetensors "center", "scale" [d] f32, kind in
// metadata.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/config/activations.h"
#include "core/train/activations.h"

namespace heddle {

class Normalizer {
 public:
  // none, for any width.
  explicit Normalizer(int64_t width);
  static Normalizer fit(Normalization kind, const Activations& activations);
  static Normalizer load(const std::filesystem::path& path);
  void save(const std::filesystem::path& path) const;

  Normalization kind() const { return kind_; }
  int64_t width() const { return static_cast<int64_t>(center_.size()); }
  const std::vector<float>& center() const { return center_; }  // mean, or zeros
  const std::vector<float>& scale() const { return scale_; }    // std, or c, or ones

  // Host memory, in place, x [rows, width].
  void apply(float* x, int64_t rows) const;
  void invert(float* z, int64_t rows) const;
  // Device tensors through heddle_ops, for hooks. z may be x.
  void apply(const heddle_call& call, const DLTensor* x, DLTensor* z) const;
  void invert(const heddle_call& call, const DLTensor* z, DLTensor* x) const;

 private:
  void set_inverse();
  Normalization kind_ = Normalization::none;
  std::vector<float> center_, scale_, inverse_;
};

}  // namespace heddle
