// A dictionary: an instance of a dictionary plugin with its parameters in device memory.
//
// Ownership: owns instance and tensors; Component and Device must outlive it. Threads: one at a time.
// Errors: those of the plugin, with its id in front.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "core/plugin/component.h"
#include "core/plugin/values.h"
#include "core/train/losses.h"
#include "core/train/parameters.h"

namespace heddle {

// Sparse codes of a device, freed with their owner.
class Codes {
 public:
  explicit Codes(Context& context);
  ~Codes();
  Codes(const Codes&) = delete;
  Codes& operator=(const Codes&) = delete;
  heddle_codes* get() const { return codes_; }
  heddle_codes* operator->() const { return codes_; }

 private:
  Context& context_;
  heddle_codes* codes_ = nullptr;
};

class DictionaryModel {
 public:
  DictionaryModel(Device& device, const Component& component, const Values& values, int64_t inputs);
  DictionaryModel(const DictionaryModel&) = delete;
  DictionaryModel& operator=(const DictionaryModel&) = delete;

  const std::string& id() const { return component_.id; }
  int64_t inputs() const { return inputs_; }
  int64_t features() const { return features_; }
  Device& device() { return device_; }
  ParameterSet& parameters() { return *parameters_; }

  // `sample` (host, [rows, inputs], normalised) feeds the data-dependent initial values; see data_init.h.
  void initialise(Context& context, uint64_t seed, const float* sample, int64_t rows);
  // A safetensors file with the declared names; metadata: `extra` plus
  // "heddle": {"kind": "dictionary", "plugin", "version", "params", "inputs", "features"}.
  void save(const std::filesystem::path& path, const nlohmann::json& extra = {}) const;
  // Strict in names and shapes. Returns the file's metadata.
  nlohmann::json load(const std::filesystem::path& path);

  void encode(Context& context, int32_t precision, const DLTensor* x, heddle_codes* codes);
  void decode(Context& context, int32_t precision, const heddle_codes* codes, DLTensor* y);
  // The same inside a call that is under way, e.g. in a hook.
  void encode(const heddle_call& call, const DLTensor* x, heddle_codes* codes);
  void decode(const heddle_call& call, const heddle_codes* codes, DLTensor* y);
  void train(Context& context, heddle_rng_key rng, int32_t precision, const heddle_dictionary_step& step,
             heddle_codes* codes, TensorList& gradients, LossCollector& losses);

 private:
  Device& device_;
  const Component& component_;
  const heddle_dictionary_vtable& table_;
  nlohmann::ordered_json resolved_;
  int64_t inputs_, features_ = 0;
  std::unique_ptr<heddle_dictionary, void (*)(heddle_dictionary*)> self_{nullptr, nullptr};
  std::unique_ptr<ParameterSet> parameters_;
};

}  // namespace heddle
