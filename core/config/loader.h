// From the tree of one experiment (a point of the sweep already set) to plain, checked data. Internal to core/config.
#pragma once

#include "core/config/section_reader.h"

namespace heddle {

Experiment read_experiment(const ConfigNode& root, const SectionReader& reader);

// What may stand at the top of a file, in the order of the reference page.
const std::vector<std::string>& section_names();

// [plugins] path, absolute: relative ones are beside the file in which they stand.
std::vector<std::filesystem::path> read_plugin_paths(const ConfigNode& root, const std::filesystem::path& file);

}  // namespace heddle
