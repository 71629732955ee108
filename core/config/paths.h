// Where relative paths of an experiment lead. Internal to core/config.
#pragma once

#include <filesystem>
#include <string>

#include "core/plugin/given_value.h"

namespace heddle {

// The folder of the file in which a value stands: the experiment file, or one that it extends. For an override it is the
// experiment file's.
std::filesystem::path folder_of(const SourcePosition& where, const std::filesystem::path& experiment_file);

// Data: first below HEDDLE_DATA (default: data/ in the current folder), then beside the file that names it; absolute
// paths as they are. When nothing is there: wrong_use naming both places, or with `allow_missing` the first of them.
std::string resolve_data_path(const std::string& text, const SourcePosition& where,
                              const std::filesystem::path& experiment_file, bool allow_missing);

}  // namespace heddle
