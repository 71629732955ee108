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
  // What a feature's page shows (details.json); nothing of it changes a score.
  int64_t top_sequences = 3;     // users with the largest activations, kept per feature
  int64_t sequence_length = 20;  // items of such a user around the largest activation
  int64_t histogram_bins = 24;   // of positive activations, over (0, largest]
  int64_t similar = 5;           // features of the most similar decoder rows
  int64_t promoted = 8;          // items most promoted and as many most demoted through the decoder
};

const OptionTable& interpretation_table();
// best_by is "" when not given: the first metric then.
InterpretOptions read_interpretation(const Values& values);

}  // namespace heddle
