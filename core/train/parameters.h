// The trainable tensors of a model, made from a plugin's declaration: names, shapes, initial values, files.
//
// Ownership: a ParameterSet owns its tensors; raw() borrows them for a plugin call. One thread at a time.
// Determinism: parameter i is drawn with the counter RNG under the key (seed, i), so that adding a parameter at the end
// changes no other one.
// Errors: a declaration that makes no sense (shapes, init_source, duplicate names) fails naming plugin and parameter; a
// file whose names or shapes differ from the declaration is refused (strict: nothing missing, nothing left over).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/compute/tensor.h"

namespace heddle {

// One declared tensor; see heddle_parameter.
struct ParameterInfo {
  std::string name;
  std::vector<int64_t> shape;
  int32_t init = HEDDLE_INIT_ZEROS;
  int32_t constraint = HEDDLE_CONSTRAINT_NONE;
  int32_t role = HEDDLE_ROLE_OTHER;
  double init_scale = 0;
  int64_t init_source = 0;
  bool buffer = false;  // saved, but neither gradient nor optimiser

  int64_t size() const;
};

// Tensors in the order of a declaration: values, gradients or moments.
class TensorList {
 public:
  TensorList() = default;
  // With without_buffers, buffers get an entry whose data is NULL.
  TensorList(Device& device, const std::vector<ParameterInfo>& infos, bool without_buffers);

  size_t size() const { return tensors_.size(); }
  bool has(size_t i) const { return present_[i]; }
  Tensor& operator[](size_t i) { return tensors_[i]; }
  const Tensor& operator[](size_t i) const { return tensors_[i]; }
  const heddle_tensors* raw();
  void zero(Context& context);

 private:
  std::vector<Tensor> tensors_;
  std::vector<bool> present_;
  std::vector<TensorView> absent_;  // shape without data, for entries that are not there
  std::vector<DLTensor> views_;
  heddle_tensors raw_{};
};

class ParameterSet {
 public:
  ParameterSet(Device& device, const heddle_parameters& declared, std::string who);

  size_t size() const { return infos_.size(); }
  const std::vector<ParameterInfo>& infos() const { return infos_; }
  const ParameterInfo& info(size_t i) const { return infos_[i]; }
  Tensor& tensor(size_t i) { return values_[i]; }
  const Tensor& tensor(size_t i) const { return values_[i]; }
  TensorList& values() { return values_; }
  const TensorList& values() const { return values_; }
  const heddle_tensors* raw() { return values_.raw(); }
  std::optional<size_t> with_role(int32_t role) const;  // the first one
  int64_t total_size() const;                           // numbers in all trainable tensors

  // Fills every tensor by its declaration, in its order. `sample` (host, [rows, d]) feeds GEOMETRIC_MEDIAN and
  // DATA_MEAN (data_init.h); without one a declaration that asks for them is INVALID_ARGUMENT.
  void initialise(Context& context, uint64_t seed, const float* sample = nullptr, int64_t rows = 0, int64_t width = 0);

 private:
  void initialise_from_data(size_t index, const float* sample, int64_t rows, int64_t width);
  std::string who_;
  std::vector<ParameterInfo> infos_;
  TensorList values_;
};

}  // namespace heddle
