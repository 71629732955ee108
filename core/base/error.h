// Errors inside the host: one exception type with a status code and a finished message.
//
// Rule: a message says what was wrong, where (file, line, key), what was found and what is accepted, in one line.
// Codes are those of sdk/include/heddle/abi/base.h. The command line maps INVALID_ARGUMENT, NOT_FOUND and OUT_OF_RANGE of
// user input (thrown through wrong_use) to exit code 2, CANCELLED to 130, the rest to 1.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "heddle/abi.h"

namespace heddle {

class Error : public std::runtime_error {
 public:
  Error(int32_t code, const std::string& message, bool wrong_use = false)
      : std::runtime_error(message), code_(code), wrong_use_(wrong_use) {}
  int32_t code() const { return code_; }
  // The user's command or file is at fault: exit code 2.
  bool wrong_use() const { return wrong_use_; }

 private:
  int32_t code_;
  bool wrong_use_;
};

template <typename... Args>
[[noreturn]] void fail(int32_t code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

// For faults in what the user wrote: command line, experiment file, data file named there.
template <typename... Args>
[[noreturn]] void wrong_use(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(HEDDLE_INVALID_ARGUMENT, fmt::format(format, std::forward<Args>(args)...), true);
}

// A heddle_error with its buffer, for calls over the plugin boundary:
//   ErrorBuffer error; check(vtable->create(..., error), error, "heddle.l1");
class ErrorBuffer {
 public:
  ErrorBuffer() : raw_{sizeof(heddle_error), 0, HEDDLE_OK, sizeof text_, 0, text_} { text_[0] = 0; }
  ErrorBuffer(const ErrorBuffer&) = delete;
  ErrorBuffer& operator=(const ErrorBuffer&) = delete;
  operator heddle_error*() { return &raw_; }
  std::string_view message() const { return text_; }

 private:
  heddle_error raw_;
  char text_[2048];
};

// Throws Error(status, "who: message") unless status is HEDDLE_OK.
void check(int32_t status, const ErrorBuffer& error, std::string_view who);

// "INVALID_ARGUMENT" and so on.
std::string_view status_name(int32_t code);

// Fills a caller's heddle_error (may be null), cut at a UTF-8 boundary; returns code.
int32_t set_error(heddle_error* error, int32_t code, std::string_view message);

}  // namespace heddle
