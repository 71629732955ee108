// Sweeps of an intervention over values: what changes in the recommendations when a feature is turned up or down.
//
// Every point ranks all users of a part over the whole catalogue with the intervention in place, and gives the ranking
// metrics and, per binary attribute, its mean share of the lists: mean over users of (items with the attribute) / k.
// All points of a site are made together, so that what no edit reaches is computed once (steered_lists.h).
// Thread: one. Cancellable between and inside points.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/data/attributes.h"
#include "core/steer/intervention.h"
#include "core/train/evaluation.h"

namespace heddle {

struct SweepPoint {
  double value = 0;
  std::vector<MetricValue> metrics;
  std::vector<double> shares;  // [attributes]; NaN for numeric ones
};

// Mean share of every binary attribute in the lists. A list shorter than k counts with k as denominator.
std::vector<double> attribute_shares(const Recommendations& recommendations, const AttributeTable& attributes);

struct SweepSetting {
  Backbone& backbone;
  Context& context;
  const Interactions& log;
  const Part& part;
  const AttributeTable& attributes;
  const RankingMetrics& metrics;
  RankingProtocol protocol;
};

// The point without any intervention; `value` is 0.
SweepPoint untouched_point(const SweepSetting& setting);

// One point per intervention at `site`, in order; their `value` is 0, for the caller to fill. Features and vectors of any
// kind may stand side by side: give all of a site in one call. model may be null when nothing is reconstructed.
// progress(done, all) counts users times interventions.
std::vector<SweepPoint> sweep_all(const SweepSetting& setting, int64_t site, DictionaryModel* model,
                                  const Normalizer& normalizer, std::span<const Intervention> interventions,
                                  const std::function<void(uint64_t, uint64_t)>& progress = {});

// One point per value; intervention_at(value) gives what is done at `site`. progress(points) is called when that many
// points' worth of lists is there.
std::vector<SweepPoint> sweep(const SweepSetting& setting, int64_t site, DictionaryModel* model,
                              const Normalizer& normalizer, const std::vector<double>& values,
                              const std::function<Intervention(double)>& intervention_at,
                              const std::function<void(size_t)>& progress = {});

}  // namespace heddle
