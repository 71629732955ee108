// Floats in JSON by their own shortest digits: 0.1f is written 0.1 and not as the 17 digits of the double that it equals.
// Files of thousands of activations are so a third as large, and reading gives the same float. [any thread]
#pragma once

#include <charconv>

namespace heddle {

inline double short_number(float value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  double out = 0;
  std::from_chars(text, end, out);
  return out;
}

}  // namespace heddle
