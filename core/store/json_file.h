// JSON files, read strictly and written atomically.
//
// Reading refuses duplicate keys, non-UTF-8 text, trailing text and nesting deeper than 64; errors are
// "FILE:LINE:COLUMN: reason" with code DATA_LOSS (NOT_FOUND when the file is missing). [any thread]
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

namespace heddle {

// `name` stands in messages.
nlohmann::json parse_json(std::string_view text, const std::string& name);
nlohmann::json read_json(const std::filesystem::path& path);
// Refuses a file whose "format" is not the one that this program reads: FAILED_PRECONDITION. json's own exception where
// there is none, as for any other missing field.
void require_format(const nlohmann::json& file, int64_t format, const std::filesystem::path& path);
// Indented by two, final newline; keys in the order of the given type (json: sorted; ordered_json: as inserted).
void write_json(const std::filesystem::path& path, const nlohmann::json& value);
void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& value);

}  // namespace heddle
