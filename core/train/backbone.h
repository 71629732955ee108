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

  // One batch with dropout: adds to `gradients` (zeroed by the caller) and to `losses`.
  void train(Context& context, heddle_rng_key rng, int32_t precision, const heddle_sequences& batch,
             TensorList& gradients, LossCollector& losses);
  // Inference: hidden [T, hidden()]. Returns false when the hook asked to stop; hidden is then undefined.
  bool forward(Context& context, int32_t precision, const heddle_sequences& batch, const Hook& hook, DLTensor* hidden);
  // hidden [B, hidden()] -> scores [B, items()].
  void score(Context& context, int32_t precision, const DLTensor* hidden, DLTensor* scores);

 private:
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
