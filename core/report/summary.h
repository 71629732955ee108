// The tables that `heddle run` ends with: recommendation quality and fidelity, features found for attributes, steering.
// Text for a terminal of 80 columns, made from the results of a run's artefacts. [one thread]
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace heddle {

// One run: all three tables. Several (a sweep): one row per run and dictionary, as in a paper's table.
std::string run_summaries(const std::filesystem::path& output, const std::vector<std::string>& runs);

}  // namespace heddle
