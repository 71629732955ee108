// Defaults of list parameters are comma-separated text in the declaration; here they become lists (internal to
// core/plugin). Each returns false when an entry is not what it should be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace heddle::detail {

bool parse_list(const char* text, std::vector<int64_t>* out);
bool parse_list(const char* text, std::vector<double>* out);
bool parse_list(const char* text, std::vector<std::string>* out);

}  // namespace heddle::detail
