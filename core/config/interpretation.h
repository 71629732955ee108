// Options of scoring features against attributes, as plain data: [interpret].
#pragma once

#include <cstdint>
#include <string>

#include "core/plugin/describe.h"
#include "core/plugin/values.h"

namespace heddle {

enum class PointsOf { test_users, activation_users };

struct InterpretOptions {
  std::string best_by;      // name of the metric that chooses an attribute's best feature; one of the listed
  int64_t top_items = 10;   // most activating items kept per feature
  int64_t top_points = 10;  // most activating data points kept per feature
  bool neurons = true;      // score the raw activations likewise, as a baseline
  PointsOf points = PointsOf::test_users;
};

const OptionTable& interpretation_table();
// best_by is "" when not given: the first metric then.
InterpretOptions read_interpretation(const Values& values);

}  // namespace heddle
