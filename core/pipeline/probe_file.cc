#include "core/pipeline/probe_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/store/json_file.h"
#include "core/store/safetensors.h"

namespace heddle {

using nlohmann::json;

const StoredProbe* ProbeFile::find(const std::string& attribute) const {
  const auto found = std::find_if(probes.begin(), probes.end(),
                                  [&](const StoredProbe& probe) { return probe.attribute == attribute; });
  return found == probes.end() ? nullptr : &*found;
}

void ProbeFile::save(const ArtefactWriter& writer) const {
  std::vector<float> weights, biases;
  json list = json::array();
  for (const StoredProbe& probe : probes) {
    std::vector<float> row = probe.weights;
    row.resize(static_cast<size_t>(width), 0.0f);
    weights.insert(weights.end(), row.begin(), row.end());
    biases.push_back(probe.bias);
    list.push_back({{"attribute", probe.attribute},
                    {"absent", probe.absent},
                    {"converged", probe.converged},
                    {"iterations", probe.iterations},
                    {"gradient_norm", probe.gradient_norm}});
  }
  const auto count = static_cast<int64_t>(probes.size());
  SafeTensorsWriter file;
  file.add("weights", stored::f32, {count, width}, weights.data());
  file.add("bias", stored::f32, {count}, biases.data());
  file.metadata("probes", list.dump());
  file.write(writer.file(file_name));
}

ProbeFile ProbeFile::load(const Artefact& artefact) {
  const auto path = artefact.file(file_name);
  const SafeTensors file(path);
  ProbeFile out;
  const auto metadata = file.metadata().find("probes");
  if (metadata == file.metadata().end()) fail(HEDDLE_DATA_LOSS, "{}: damaged: no list of probes", path.string());
  const json list = parse_json(metadata->second, path.string());
  try {
    for (const json& entry : list) {
      StoredProbe probe;
      entry.at("attribute").get_to(probe.attribute);
      entry.at("absent").get_to(probe.absent);
      entry.at("converged").get_to(probe.converged);
      entry.at("iterations").get_to(probe.iterations);
      entry.at("gradient_norm").get_to(probe.gradient_norm);
      out.probes.push_back(std::move(probe));
    }
  } catch (const json::exception& error) {
    fail(HEDDLE_DATA_LOSS, "{}: damaged: {}; remove the folder and run again", path.string(), error.what());
  }
  const auto& shape = file.find("weights").shape;
  const auto count = static_cast<int64_t>(out.probes.size());
  if (shape.size() != 2 || shape[0] != count)
    fail(HEDDLE_DATA_LOSS, "{}: damaged: weights {} for {} probes", path.string(), fmt::join(shape, "x"), count);
  out.width = shape[1];
  std::vector<float> weights(static_cast<size_t>(count * out.width)), biases(static_cast<size_t>(count));
  file.read("weights", stored::f32, shape, weights.data());
  file.read("bias", stored::f32, {count}, biases.data());
  for (int64_t i = 0; i < count; ++i) {
    StoredProbe& probe = out.probes[static_cast<size_t>(i)];
    probe.weights.assign(weights.begin() + i * out.width, weights.begin() + (i + 1) * out.width);
    probe.bias = biases[static_cast<size_t>(i)];
  }
  return out;
}

}  // namespace heddle
