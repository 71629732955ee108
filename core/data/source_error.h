// Errors of source plugins are mostly errors of the user's files: they end the program with exit code 2. Internal.
#pragma once

#include <string>

#include "core/base/error.h"

namespace heddle {

inline void check_source(int32_t status, const ErrorBuffer& error, const std::string& who) {
  if (status == HEDDLE_OK) return;
  const bool users_fault = status == HEDDLE_INVALID_ARGUMENT || status == HEDDLE_NOT_FOUND ||
                           status == HEDDLE_DATA_LOSS || status == HEDDLE_OUT_OF_RANGE;
  if (!users_fault) check(status, error, who);
  throw Error(status, fmt::format("{}: {}", who, error.message()), true);
}

}  // namespace heddle
