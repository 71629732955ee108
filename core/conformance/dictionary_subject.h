// A dictionary under test: instance, parameters and device together, with guarded inputs and outputs around every call.
#pragma once

#include <memory>
#include <vector>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/conformance/losses.h"
#include "core/conformance/parameter_set.h"
#include "core/conformance/subject.h"

namespace heddle::conformance {

// Codes copied out of the device.
struct PlainCodes {
  int64_t width = 0;
  std::vector<int64_t> offsets;
  std::vector<int32_t> indices;
  std::vector<float> values;
};
// Throws Failure when the invariants of abi/tensor.h do not hold.
PlainCodes checked_copy(const heddle_codes& codes, int64_t rows, int64_t width);

struct TrainResult {
  std::vector<Loss> losses;
  double total = 0;
  PlainCodes codes;
  std::vector<std::vector<float>> gradients;
};

class DictionarySubject {
 public:
  DictionarySubject(const Component& component, const GivenText& given, int threads = 1, float jitter = 0);
  ~DictionarySubject();

  int64_t features() const { return features_; }
  ParameterSet& params() { return *params_; }

  // x is [rows, test_inputs], copied into guarded memory. `finite`: the results must be.
  PlainCodes encode(const std::vector<float>& x, bool finite = true);
  std::vector<float> decode_last(bool finite = true);  // of the codes of the last encode
  // Gradients are added to params().
  TrainResult train(const std::vector<float>& x, int64_t step = 1, bool finite = true,
                    const std::vector<uint8_t>* dead = nullptr);

 private:
  Instance<heddle_dictionary_vtable>& instance() { return *instance_; }
  std::unique_ptr<Device> device_;
  std::unique_ptr<Context> context_;
  std::unique_ptr<Instance<heddle_dictionary_vtable>> instance_;
  std::unique_ptr<ParameterSet> params_;
  heddle_codes* codes_ = nullptr;
  int64_t features_ = 0, rows_ = 0;
};

// Rows of ordinary activations: normal, deviation 1.
std::vector<float> normal_rows(int64_t rows, uint64_t seed);

}  // namespace heddle::conformance
