// Content addresses of the stages of an experiment.
//
// The key of a stage is the SHA-256 of canonical JSON with everything that can change a bit of its result: format
// version of the stage, parameters that change numbers, id and version of its component, seed where it draws,
// precision and instruction set where it computes, and the keys of its inputs. So changing the weight of an L1
// penalty gives a new dictionary and leaves the backbone alone. Threads, paths, names and output folders are in no
// key. Pure functions of their arguments, except that files named by PATH parameters of backbones and dictionaries
// are hashed by content. [any thread]
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/config/experiment.h"

namespace heddle {

struct StageKey {
  std::string stage;      // "log", "split", "backbone", …
  std::string part;       // dictionary's name, site, number of the [[steer]] or [[example]]; "" when single
  std::string key;        // 64 hex digits
  nlohmann::json params;  // what went in, beside the inputs
  std::map<std::string, std::string> inputs;  // name -> key
};

// What an experiment file cannot know: asked of the opened sources and device.
struct StageFacts {
  std::string interactions;                       // fingerprint
  std::map<std::string, std::string> attributes;  // fingerprint by section name
  std::string device, isa;                        // Device::name(), Device::isa()
};

class StageKeys {
 public:
  StageKeys(const Experiment& experiment, StageFacts facts);
  const Experiment& experiment() const { return experiment_; }

  StageKey log() const;  // events after filters
  StageKey split() const;
  StageKey attributes() const;  // all sources together
  StageKey backbone() const;
  StageKey activations(const std::string& site) const;
  StageKey dictionary(const std::string& name) const;
  // Ranking quality: of the untouched backbone (name ""), or with a dictionary's reconstruction in place.
  StageKey evaluation(const std::string& name = "") const;
  // Features of a dictionary (name), or raw activations at a site (neurons(site)), against the attributes.
  StageKey interpretation(const std::string& name) const;
  StageKey neurons(const std::string& site) const;
  // Linear probes of one of [probe]'s sites.
  StageKey probe(const std::string& site) const;
  StageKey steering(size_t index) const;
  // One [[example]] table.
  StageKey examples(size_t index) const;
  // All of them in an order in which they can run.
  std::vector<StageKey> all() const;

 private:
  StageKey make(std::string stage, std::string part, int64_t version, nlohmann::json params,
                const std::vector<StageKey>& inputs) const;
  nlohmann::json compute() const;
  const Experiment& experiment_;
  StageFacts facts_;
};

}  // namespace heddle
