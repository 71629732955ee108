// Trainable tensors as a component declares them: checked, filled, guarded. For dictionaries and backbones.
//
// Values are write-protected except while the caller opens them; buffers (written by the plugin while training) are
// not. Threads: one. Errors: Failure when the declaration makes no sense.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/conformance/guarded.h"
#include "heddle/abi.h"

namespace heddle::conformance {

// Copies of the declared parameters, after the rules of abi/call.h have been checked: names, shapes, initial values,
// constraints.
std::vector<heddle_parameter> checked_parameters(const heddle_parameters& declared);

// Fills n numbers: normal with deviation 1, the same for the same seed on every machine.
void fill_normal(float* out, int64_t n, uint64_t seed);

class ParameterSet {
 public:
  // Values by declaration; `jitter` is then added to each (biases off zero, away from kinks). Buffers get none.
  ParameterSet(std::vector<heddle_parameter> declared, uint64_t seed, float jitter);

  const heddle_tensors* values() const { return &values_raw_; }
  const heddle_tensors* gradients() const { return &gradients_raw_; }
  size_t count() const { return declared_.size(); }
  const heddle_parameter& declared(size_t i) const { return declared_[i]; }
  bool is_buffer(size_t i) const { return (declared_[i].flags & HEDDLE_PARAMETER_BUFFER) != 0; }
  int64_t size(size_t i) const { return values_[i].size(); }
  float* value(size_t i) const { return values_[i].data<float>(); }
  const float* gradient(size_t i) const { return gradients_[i].data<float>(); }

  void zero_gradients();
  // value -= rate * gradient: enough of a step to get somewhere else.
  void descend(float rate);
  void open(bool writable);  // lifts or sets the write protection
  // Bytes after every tensor are as they were; gradients are finite.
  void check() const;

  void save(const std::filesystem::path& file) const;  // safetensors
  void load(const std::filesystem::path& file);
  std::vector<std::vector<float>> copy() const;

 private:
  std::vector<heddle_parameter> declared_;
  std::vector<GuardedTensor> values_, gradients_;
  std::vector<DLTensor> values_dl_, gradients_dl_;
  heddle_tensors values_raw_{}, gradients_raw_{};
};

}  // namespace heddle::conformance
