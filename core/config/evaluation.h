// Options of ranking evaluation, as plain data: [evaluate]. They hold for the untouched backbone, for reconstructions
// and for every value of a steering sweep.
#pragma once

#include <cstdint>

#include "core/plugin/describe.h"
#include "core/plugin/values.h"

namespace heddle {

enum class CoverageDenominator { catalogue, train };
// How a list comes about: the best of one scoring, or item by item, each appended to the history before the next.
enum class Generation { top_k, next_k };

struct EvaluationOptions {
  int64_t top = 10;  // length of a recommendation list
  bool filter_seen = true;
  CoverageDenominator coverage_denominator = CoverageDenominator::catalogue;
  int64_t batch_users = 256;  // changes no number
  int64_t users = 0;          // at most this many test users, the first ones; 0: all
  Generation generation = Generation::top_k;
};

const OptionTable& evaluation_table();
EvaluationOptions read_evaluation(const Values& values);

}  // namespace heddle
