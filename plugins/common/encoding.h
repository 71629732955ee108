// UTF-8 and Latin-1 texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace heddle::plugins {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
inline bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x80) {
      ++i;
      continue;
    }
    std::size_t tail;
    uint32_t code, least;
    if (first >= 0xC2 && first <= 0xDF) tail = 1, code = first & 0x1Fu, least = 0x80;
    else if (first >= 0xE0 && first <= 0xEF) tail = 2, code = first & 0x0Fu, least = 0x800;
    else if (first >= 0xF0 && first <= 0xF4) tail = 3, code = first & 0x07u, least = 0x10000;
    else return false;
    if (i + tail >= text.size()) return false;
    for (std::size_t k = 1; k <= tail; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      code = code << 6 | (next & 0x3Fu);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += tail + 1;
  }
  return true;
}

// Every byte is a character of Latin-1, so this cannot fail.
inline void append_latin1(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0 | byte >> 6);
      out += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
}

}  // namespace heddle::plugins
