#include "core/base/error.h"

#include <cstring>

namespace heddle {

std::string_view status_name(int32_t code) {
  switch (code) {
    case HEDDLE_OK: return "OK";
    case HEDDLE_CANCELLED: return "CANCELLED";
    case HEDDLE_INVALID_ARGUMENT: return "INVALID_ARGUMENT";
    case HEDDLE_NOT_FOUND: return "NOT_FOUND";
    case HEDDLE_RESOURCE_EXHAUSTED: return "RESOURCE_EXHAUSTED";
    case HEDDLE_FAILED_PRECONDITION: return "FAILED_PRECONDITION";
    case HEDDLE_OUT_OF_RANGE: return "OUT_OF_RANGE";
    case HEDDLE_UNIMPLEMENTED: return "UNIMPLEMENTED";
    case HEDDLE_INTERNAL: return "INTERNAL";
    case HEDDLE_DATA_LOSS: return "DATA_LOSS";
    default: return "UNKNOWN";
  }
}

void check(int32_t status, const ErrorBuffer& error, std::string_view who) {
  if (status == HEDDLE_OK) return;
  std::string_view text = error.message();
  throw Error(status, fmt::format("{}: {}", who, text.empty() ? status_name(status) : text));
}

int32_t set_error(heddle_error* error, int32_t code, std::string_view message) {
  if (error == nullptr) return code;
  error->code = code;
  error->length = 0;
  if (error->text == nullptr || error->capacity == 0) return code;
  size_t length = message.size();
  if (length > error->capacity - 1) {
    length = error->capacity - 1;
    // Do not cut a UTF-8 sequence: step back over continuation bytes.
    while (length > 0 && (static_cast<unsigned char>(message[length]) & 0xC0) == 0x80) --length;
  }
  std::memcpy(error->text, message.data(), length);
  error->text[length] = 0;
  error->length = length;
  return code;
}

}  // namespace heddle
