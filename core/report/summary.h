// The tables that `heddle run` ends with: recommendation quality and fidelity, features found for attributes, steering.
// Text for a terminal of 80 columns, made from the results of a run's artefacts. [one thread]
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/report/run_set.h"

namespace heddle {

// One run: all three tables. Several (a sweep): see sweep_summary.
std::string run_summaries(const std::filesystem::path& output, const std::vector<std::string>& runs);

// Each swept number as a table with one row per value, means over seeds: never a row per run, of which there may be hundreds.
// A sweep over anything else: a row per run, at most twenty.
std::string sweep_summary(const RunSet& set);

}  // namespace heddle
