#include "core/config/paths.h"

#include <cstdlib>

#include "core/base/error.h"

namespace heddle {

namespace fs = std::filesystem;

fs::path folder_of(const SourcePosition& where, const fs::path& experiment_file) {
  return fs::absolute(where.line > 0 ? fs::path(where.file) : experiment_file).parent_path();
}

std::string resolve_data_path(const std::string& text, const SourcePosition& where, const fs::path& experiment_file,
                              bool allow_missing) {
  std::error_code error;
  const fs::path path(text);
  if (path.is_absolute()) {
    if (!allow_missing && !fs::exists(path, error)) wrong_use("{}'{}' does not exist", where.prefix(), text);
    return path.lexically_normal().string();
  }
  const char* named = std::getenv("HEDDLE_DATA");
  const bool given = named != nullptr && *named != 0;
  const fs::path in_data = (fs::absolute(given ? named : "data") / path).lexically_normal();
  if (fs::exists(in_data, error)) return in_data.string();
  const fs::path beside = (folder_of(where, experiment_file) / path).lexically_normal();
  if (fs::exists(beside, error)) return beside.string();
  if (allow_missing) return in_data.string();
  wrong_use("{}'{}' is neither {} ({}) nor {} (beside the file)", where.prefix(), text, in_data.string(),
            given ? "under HEDDLE_DATA" : "under data/; HEDDLE_DATA is not set", beside.string());
}

}  // namespace heddle
