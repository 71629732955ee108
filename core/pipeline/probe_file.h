// Trained probes on disk: probe-KEY/probe.safetensors with weights f32 [A, d] and bias f32 [A] on the scale of normalised
// activations; metadata "probes": JSON list of {attribute, absent, converged, iterations, gradient_norm}. The rows of absent
// probes are zeros. Plain data. [any thread] Errors: DATA_LOSS for a damaged file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/store/artefact.h"

namespace heddle {

struct StoredProbe {
  std::string attribute;  // "genre:Horror"
  std::string absent;     // why it was not trained; "" when it was
  bool converged = false;
  int64_t iterations = 0;
  double gradient_norm = 0;  // |gradient of the loss with penalty| / rows
  std::vector<float> weights;
  float bias = 0;
};

struct ProbeFile {
  int64_t width = 0;
  std::vector<StoredProbe> probes;

  // nullptr when the attribute was not probed.
  const StoredProbe* find(const std::string& attribute) const;

  void save(const ArtefactWriter& writer) const;
  static ProbeFile load(const Artefact& artefact);
  static constexpr const char* file_name = "probe.safetensors";
};

}  // namespace heddle
