// Errors of a plugin: raise() anywhere, and the host receives a status code and a message.
//
// Every function of a plugin that the host calls is a trampoline of this layer: noexcept, with everything caught. So
// authors write ordinary C++ with exceptions, and none of them crosses the C boundary.
// Threads: everything here is safe from any thread. No globals.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "abi.h"

namespace heddle::sdk {

// What raise() throws: a status code of abi/base.h and a finished sentence.
class PluginError : public std::exception {
 public:
  PluginError(int32_t code, std::string message) : code_(code), message_(std::move(message)) {}
  int32_t code() const noexcept { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  int32_t code_;
  std::string message_;
};

namespace detail {
template <class Part>
void append(std::string& out, const Part& part) {
  if constexpr (std::same_as<Part, bool>) {
    out += part ? "true" : "false";
  } else if constexpr (std::same_as<Part, char>) {
    out += part;
  } else if constexpr (std::integral<Part> || std::floating_point<Part>) {
    char digits[40];  // enough for the shortest form of any number; independent of the locale
    out.append(digits, std::to_chars(digits, digits + sizeof digits, part).ptr);
  } else {
    out += std::string_view(part);
  }
}
}  // namespace detail

// Strings and numbers, one after the other: text("row ", 7, " is empty").
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

// Leaves the plugin with this code and message: raise(HEDDLE_INVALID_ARGUMENT, "k is ", k, "; at most ", width, "
// fit"). Say what was found, where, and what is accepted, in one line; the host puts the plugin's id in front.
template <class... Parts>
[[noreturn]] void raise(int32_t code, const Parts&... parts) {
  throw PluginError(code, text(parts...));
}

// Fills the host's error (may be null), cut at a character boundary of UTF-8. Returns code.
inline int32_t set_error(heddle_error* error, int32_t code, std::string_view message) noexcept {
  if (error == nullptr) return code;
  error->code = code;
  error->length = 0;
  if (error->text == nullptr || error->capacity == 0) return code;
  std::size_t size = message.size();
  if (size > error->capacity - 1) {
    size = error->capacity - 1;
    while (size > 0 && (static_cast<unsigned char>(message[size]) & 0xC0) == 0x80) --size;
  }
  std::memcpy(error->text, message.data(), size);
  error->text[size] = 0;
  error->length = size;
  return code;
}

// Runs f() and turns whatever leaves it into a status: the body of every trampoline.
template <class F>
int32_t guarded(heddle_error* error, F&& f) noexcept {
  try {
    f();
    return HEDDLE_OK;
  } catch (const PluginError& e) {
    return set_error(error, e.code(), e.what());
  } catch (const std::bad_alloc&) {
    return set_error(error, HEDDLE_RESOURCE_EXHAUSTED, "out of memory");
  } catch (const std::exception& e) {
    return set_error(error, HEDDLE_UNKNOWN, e.what());
  } catch (...) {
    return set_error(error, HEDDLE_UNKNOWN, "an exception that says nothing of itself");
  }
}

// The other direction: an error buffer for a call into the host. A status that is not HEDDLE_OK becomes a PluginError.
//   HostError error; error.check(host_function(..., error));
class HostError {
 public:
  HostError() noexcept : raw_{sizeof(heddle_error), 0, HEDDLE_OK, sizeof text_, 0, text_} { text_[0] = 0; }
  HostError(const HostError&) = delete;
  HostError& operator=(const HostError&) = delete;
  operator heddle_error*() noexcept { return &raw_; }
  void check(int32_t status) const {
    if (status != HEDDLE_OK) [[unlikely]]
      throw PluginError(status, text_);
  }

 private:
  heddle_error raw_;
  char text_[1024];
};

}  // namespace heddle::sdk
