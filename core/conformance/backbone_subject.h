// A backbone under test: instance, parameters and device together, with guarded inputs and outputs around every call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/compute/context.h"
#include "core/compute/device.h"
#include "core/conformance/losses.h"
#include "core/conformance/parameter_set.h"
#include "core/conformance/subject.h"

namespace heddle::conformance {

// Sequences of items; the last item of each is the target of the one before it.
using Histories = std::vector<std::vector<int32_t>>;

struct BackboneTrainResult {
  std::vector<Loss> losses;
  double total = 0;
  std::vector<std::vector<float>> gradients;
};

// What a hook may do at a site with its activations [T,width].
using AtSite = std::function<int32_t(int64_t site, DLTensor* activations)>;

class BackboneSubject {
 public:
  BackboneSubject(const Component& component, const GivenText& given, int threads = 1, float jitter = 0);

  ParameterSet& params() { return *params_; }
  const heddle_backbone_info& info() const { return info_; }
  const std::vector<heddle_site>& sites() const { return sites_; }

  // Final states of all tokens, [T, hidden]; the mask token is appended where the backbone asks for it.
  std::vector<float> forward(const Histories& histories, const AtSite* at = nullptr);
  // Status of forward, for calls that must fail.
  int32_t forward_status(const Histories& histories, ErrorBuffer& error, const AtSite* at = nullptr,
                         std::vector<float>* hidden = nullptr);
  std::vector<float> score(const std::vector<float>& hidden);  // [B, hidden] -> [B, items]
  // Final state of the last token of each history.
  std::vector<float> last_states(const Histories& histories);
  BackboneTrainResult train(const Histories& histories, uint64_t step = 1, bool with_targets = true);

 private:
  struct Batch;
  void read_sites();
  std::unique_ptr<Device> device_;
  std::unique_ptr<Context> context_;
  std::unique_ptr<Instance<heddle_backbone_vtable>> instance_;
  std::unique_ptr<ParameterSet> params_;
  heddle_backbone_info info_{};
  std::vector<heddle_site> sites_;
};

// Four histories of odd lengths that fit the model.
Histories test_histories(const BackboneSubject& subject, uint64_t seed);

}  // namespace heddle::conformance
