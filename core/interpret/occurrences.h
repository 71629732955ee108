// Where features fire: how their activations are distributed, and the stretches of users' sequences around their peaks.
//
// Points without a known item (items[point] < 0) are left out. Histograms: bin i of `bins` holds activations in
// (i/bins, (i+1)/bins] of the feature's maximum; only positive ones count. The same for any number of threads.
// [one thread; works on the device's pool inside] Errors: INVALID_ARGUMENT for sizes that do not agree.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/compute/context.h"
#include "core/data/attributes.h"
#include "core/interpret/scores.h"

namespace heddle {

struct ActivationHistogram {
  double maximum = 0;           // over known points; 0: never positive there
  std::vector<int64_t> counts;  // [bins]; empty when maximum is 0
};

std::vector<ActivationHistogram> activation_histograms(Context& context, const FeatureColumns& columns,
                                                       std::span<const int32_t> items, int64_t bins);

// The same bins for the points whose item has the binary attribute; `whole` is the feature's own histogram.
std::vector<int64_t> histogram_with(const FeatureColumns& columns, int64_t feature, const ActivationHistogram& whole,
                                    std::span<const int32_t> items, const AttributeTable& attributes,
                                    int32_t attribute);

struct PeakWindow {
  int64_t first = 0, last = 0;     // points [first, last), all of one user
  int64_t peak = 0;                // the point of the largest activation
  std::vector<float> activations;  // [last - first], 0 where the feature is not active
};

// The `count` users with the largest activations of each feature, by falling activation (ties: earlier point), and at
// most `length` of their points around it. A user's points are neighbours (users[] changes only between users).
std::vector<std::vector<PeakWindow>> peak_windows(Context& context, const FeatureColumns& columns,
                                                  std::span<const int32_t> users, std::span<const int32_t> items,
                                                  int64_t count, int64_t length);

}  // namespace heddle
