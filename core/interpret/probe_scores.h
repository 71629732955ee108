// How well trained probes agree with their attributes on data points that they were not trained on, by the metrics that
// score features.
//
// The probe of an attribute is a feature whose activation is its probability 1 / (1 + exp(-(w . x + b))) and which is
// active where it says yes, at probability >= 1/2: so sensitivity is its recall. Each probe is scored against its own
// attribute alone. Points without a known item are left out.
// [one thread; works on the device's pool inside] Errors: those of metrics and rows; CANCELLED.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/interpret/probe.h"
#include "core/interpret/scores.h"

namespace heddle {

struct ProbeScores {
  int64_t points = 0;                                      // with a known item
  std::vector<int64_t> label_points;                       // [probes] points that have the attribute
  std::map<std::string, std::vector<double>> probability;  // metric -> [probes], NaN = undefined
  std::map<std::string, std::vector<double>> logit;        // of w . x + b: pairwise metrics that need no ranks
  // Why probe i has no score; "" where nothing is wrong with the points.
  std::string undefined_reason(const Probe& probe, size_t i) const;
};

ProbeScores score_probes(Context& context, std::span<const Probe> probes, const ProbeRows& rows,
                         const AttributeTable& table, const FeatureMetrics& metrics);

}  // namespace heddle
