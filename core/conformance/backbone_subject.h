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

// Lists by the backbone's own decoding.
struct RankedResult {
  std::vector<int32_t> items;
  std::vector<float> scores;
};

// Suffixes of sequences at a site; see heddle_resume.
struct Suffixes {
  std::vector<int64_t> offsets = {0}, prefix_begin, prefix_end;
  std::vector<float> activations;
};

// What a hook may do at a site with its activations [T,width].
using AtSite = std::function<int32_t(int64_t site, DLTensor* activations)>;

class BackboneSubject {
 public:
  // Prepared on `log` (test_log()) where the plugin fills prepare().
  BackboneSubject(const Component& component, const GivenText& given, int threads = 1, float jitter = 0);
  BackboneSubject(const Component& component, const GivenText& given, int threads, float jitter, const Histories& log);

  ParameterSet& params() { return *params_; }
  const heddle_backbone_info& info() const { return info_; }
  const std::vector<heddle_site>& sites() const { return sites_; }
  bool has(uint32_t flag) const { return (info_.flags & flag) != 0; }
  bool appends_mask() const { return has(HEDDLE_BACKBONE_APPEND_MASK); }
  // Events that fit a window together with the mask.
  int64_t most_events() const { return info_.max_length - (appends_mask() ? 1 : 0); }

  // Final states of all tokens, [T, hidden]; the mask token is appended where the backbone asks for it.
  std::vector<float> forward(const Histories& histories, const AtSite* at = nullptr);
  // Status of forward, for calls that must fail.
  int32_t forward_status(const Histories& histories, ErrorBuffer& error, const AtSite* at = nullptr,
                         std::vector<float>* hidden = nullptr);
  std::vector<float> score(const std::vector<float>& hidden);  // [B, hidden] -> [B, items]
  // Final state of the last token of each history.
  std::vector<float> last_states(const Histories& histories);
  // Rows of `hidden` and of a cache at which each sequence begins, and their end.
  std::vector<int64_t> offsets_of(const Histories& histories) const;
  // forward that keeps what is needed behind `site`: fills cache [T, cache_width].
  std::vector<float> forward_caching(const Histories& histories, int64_t site, std::vector<float>* cache,
                                     const AtSite* at = nullptr);
  int64_t cache_width(int64_t site);
  bool can_resume(int64_t site);  // false: cache_width says UNIMPLEMENTED for this site
  // States of the suffixes' rows; `cache` as forward_caching filled it.
  std::vector<float> forward_from(int64_t site, const Suffixes& suffixes, const std::vector<float>& cache);
  // Lists of k; seen: ascending per history, null = nothing is masked.
  RankedResult rank(const Histories& histories, int64_t k, const Histories* seen, const AtSite* at = nullptr);
  int32_t rank_status(const Histories& histories, int64_t k, const Histories* seen, const AtSite* at,
                      ErrorBuffer& error, RankedResult* out);
  // Targets as the kind of its training batches has them; cloze: some events replaced by the mask.
  BackboneTrainResult train(const Histories& histories, uint64_t step = 1, bool with_targets = true);

 private:
  struct Batch;
  void read_info();
  void read_sites();
  void prepare(const Histories& log);
  const Component& component_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Context> context_;
  std::unique_ptr<Instance<heddle_backbone_vtable>> instance_;
  std::unique_ptr<ParameterSet> params_;
  heddle_backbone_info info_{};
  std::vector<heddle_site> sites_;
};

// What prepare() sees: histories of 40 users, one of them empty.
Histories test_log(uint64_t seed);

// Four histories of odd lengths that fit the model.
Histories test_histories(const BackboneSubject& subject, uint64_t seed);

}  // namespace heddle::conformance
