// A backbone: an instance of a backbone plugin with its parameters in device memory.
//
// Ownership: owns instance and tensors; Component and Device must outlive it. Threads: one at a time.
// Errors: those of the plugin, with its id in front; unknown sites name the nearest and list all.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/plugin/component.h"
#include "core/plugin/values.h"
#include "core/train/hook.h"
#include "core/train/losses.h"
#include "core/train/parameters.h"

namespace heddle {

struct Site {
  std::string name, doc;
  int64_t width;
};

class Backbone {
 public:
  Backbone(Device& device, const Component& component, const Values& values, int64_t items);
  Backbone(const Backbone&) = delete;
  Backbone& operator=(const Backbone&) = delete;

  const std::string& id() const { return component_.id; }
  int64_t items() const { return items_; }
  int64_t hidden() const { return info_.hidden; }
  int64_t max_length() const { return info_.max_length; }
  bool append_mask() const { return (info_.flags & HEDDLE_BACKBONE_APPEND_MASK) != 0; }
  bool positions_from_end() const { return (info_.flags & HEDDLE_BACKBONE_POSITIONS_FROM_END) != 0; }
  // A token's state depends on no later token.
  bool causal() const { return (info_.flags & HEDDLE_BACKBONE_CAUSAL) != 0; }
  // Lists come from rank(), not from score().
  bool ranks() const { return (info_.flags & HEDDLE_BACKBONE_RANKS) != 0; }
  // What training batches hold: HEDDLE_BATCHES_*; the two shares are those of HEDDLE_BATCHES_CLOZE.
  int32_t batches() const { return info_.batches; }
  double mask_probability() const { return info_.mask_probability; }
  double last_mask_probability() const { return info_.last_mask_probability; }
  // Whether the plugin fills prepare(), and the three slots of inference again behind a site.
  bool prepares() const { return component_.provides("prepare"); }
  bool can_resume() const { return component_.provides("forward_from"); }
  // Whether that works from this site: a backbone may refuse some, e.g. those inside a block (UNIMPLEMENTED).
  bool can_resume(int64_t site);
  const std::vector<Site>& sites() const { return sites_; }
  int64_t site(std::string_view name) const;
  Device& device() { return device_; }
  ParameterSet& parameters() { return *parameters_; }

  void initialise(Context& context, uint64_t seed) { parameters_->initialise(context, seed); }
  // A safetensors file with the declared names; metadata: `extra` plus
  // "heddle": {"kind": "backbone", "plugin", "version", "params", "items"}.
  void save(const std::filesystem::path& path, const nlohmann::json& extra = {}) const;
  // Strict in names and shapes. Returns the file's metadata.
  nlohmann::json load(const std::filesystem::path& path);

  // Once, behind initialise() and before the first train(): writes what comes from the training log into the parameters.
  // Does nothing where the plugin has no prepare().
  void prepare(Context& context, heddle_rng_key rng, int32_t precision, const heddle_training_log& log);
  // One batch with dropout: adds to `gradients` (zeroed by the caller) and to `losses`.
  void train(Context& context, heddle_rng_key rng, int32_t precision, const heddle_sequences& batch,
             TensorList& gradients, LossCollector& losses);
  // Inference: hidden [T, hidden()]. Returns false when the hook asked to stop; hidden is then undefined.
  bool forward(Context& context, int32_t precision, const heddle_sequences& batch, const Hook& hook, DLTensor* hidden);
  // Inference again behind a site (can_resume(); see abi/backbone.h). forward_caching is forward and fills cache
  // [T, cache_width(site)]; forward_from gives hidden [R, hidden()] for the rows of from.activations.
  int64_t cache_width(int64_t site);
  bool forward_caching(Context& context, int32_t precision, const heddle_sequences& batch, const Hook& hook,
                       int64_t site, DLTensor* cache, DLTensor* hidden);
  void forward_from(Context& context, int32_t precision, const heddle_resume& from, DLTensor* hidden);
  // Lists by the backbone's own decoding (ranks()): items and scores [n, k] in host memory. seen: CSR over the n
  // sequences, items ascending, or null. Returns false when the hook asked to stop; the lists are then undefined.
  bool rank(Context& context, int32_t precision, const heddle_sequences& batch, const Hook& hook,
            const int64_t* seen_offsets, const int32_t* seen_items, int64_t k, int32_t* items, float* scores);
  // hidden [B, hidden()] -> scores [B, items()].
  void score(Context& context, int32_t precision, const DLTensor* hidden, DLTensor* scores);

 private:
  void read_info();
  void read_sites();
  // f(hook of the ABI or null, error): one call of the plugin under the host's hook. false: the hook asked to stop.
  template <class F>
  bool hooked(const Hook& hook, const heddle_sequences& batch, const heddle_call& call, F&& f);

  Device& device_;
  const Component& component_;
  const heddle_backbone_vtable& table_;
  nlohmann::ordered_json resolved_;
  int64_t items_;
  std::unique_ptr<heddle_backbone, void (*)(heddle_backbone*)> self_{nullptr, nullptr};
  heddle_backbone_info info_{};
  std::vector<Site> sites_;
  std::unique_ptr<ParameterSet> parameters_;
};

}  // namespace heddle
