// Is this text valid UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF)? Internal to core/data.
#pragma once

#include <cstdint>
#include <string_view>

namespace heddle {

inline bool is_utf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = p + text.size();
  while (p < end) {
    if (*p < 0x80) {
      ++p;
      continue;
    }
    int tail = 0;
    uint32_t code = 0, least = 0;
    if ((*p & 0xE0) == 0xC0) {
      tail = 1, code = *p & 0x1Fu, least = 0x80;
    } else if ((*p & 0xF0) == 0xE0) {
      tail = 2, code = *p & 0x0Fu, least = 0x800;
    } else if ((*p & 0xF8) == 0xF0) {
      tail = 3, code = *p & 0x07u, least = 0x10000;
    } else {
      return false;
    }
    if (end - p <= tail) return false;
    for (int i = 1; i <= tail; ++i) {
      if ((p[i] & 0xC0) != 0x80) return false;
      code = code << 6 | (p[i] & 0x3Fu);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    p += tail + 1;
  }
  return true;
}

}  // namespace heddle
