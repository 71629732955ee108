// From the tree of one experiment (a point of the sweep already set) to plain, checked data. Internal to core/config.
#pragma once

#include "core/config/section_reader.h"

namespace heddle {

Experiment read_experiment(const ConfigNode& root, const SectionReader& reader);

// [plugins] path, absolute.
std::vector<std::filesystem::path> read_plugin_paths(const ConfigNode& root, const std::filesystem::path& file);

}  // namespace heddle
