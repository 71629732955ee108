// One [[example]] table as plain data: recommendation lists of a few users before and after setting a feature. The
// intervention is that of a [[steer]] table with its defaults: last position set, every position reconstructed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/steering.h"
#include "core/plugin/describe.h"

namespace heddle {

struct ExampleOptions {
  std::string dictionary;          // name of a [dictionary.NAME]; never empty
  FeatureReference feature;        // one; never "PREFIX:*"
  std::vector<double> values;      // finite, at least one
  std::vector<std::string> users;  // raw ids of test users; empty: found automatically
  SourcePosition users_where;      // of 'users', or of the table
  int64_t count = 2;               // how many users are found when none is named
  int64_t history = 10;            // items of the history that are shown, the last ones
};

const OptionTable& example_table();

}  // namespace heddle
