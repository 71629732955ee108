// Lengths of the histories of a synthetic log: a log-normal curve above a minimum, cut at a maximum, with a given
// median and an exact total.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "heddle/status.hpp"

namespace heddle::plugins {

struct LengthShape {
  int64_t users, events;
  int64_t minimum, median, maximum;
};

// The quantile function of the normal distribution by bisection of erfc: slow and exact enough (users calls of 60
// steps).
inline double normal_quantile(double p) {
  double low = -9, high = 9;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (0.5 * std::erfc(-middle * 0.70710678118654752440) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

// [users], ascending; the sum is exactly `events`, the middle one `median`, none above `maximum`.
inline std::vector<int64_t> history_lengths(const LengthShape& shape) {
  const auto n = static_cast<std::size_t>(shape.users);
  if (shape.users < 1 || shape.minimum < 1 || shape.median < shape.minimum || shape.maximum < shape.median ||
      shape.events < shape.minimum * shape.users || shape.events > shape.maximum * shape.users)
    sdk::raise(HEDDLE_INVALID_ARGUMENT, shape.events, " events do not fit ", shape.users, " users with ", shape.minimum,
               " to ", shape.maximum, " events each");
  std::vector<double> z(n);
  for (std::size_t i = 0; i < n; ++i) z[i] = normal_quantile((static_cast<double>(i) + 0.5) / static_cast<double>(n));
  std::vector<int64_t> lengths(n);
  const auto fill = [&](double spread) {
    int64_t total = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double above = static_cast<double>(shape.median - shape.minimum) * std::exp(std::min(spread * z[i], 40.0));
      lengths[i] = std::clamp(shape.minimum + static_cast<int64_t>(above + 0.5), shape.minimum, shape.maximum);
      total += lengths[i];
    }
    return total;
  };
  double low = 0, high = 6;
  for (int i = 0; i < 50; ++i) {
    const double middle = 0.5 * (low + high);
    (fill(middle) <= shape.events ? low : high) = middle;
  }
  // What rounding left over goes to single users above (or, if there is too much, below) the median, one event each a
  // round.
  int64_t rest = shape.events - fill(low);
  while (rest != 0) {
    const int64_t step = rest > 0 ? 1 : -1;
    bool moved = false;
    for (std::size_t k = 0; k < n && rest != 0; ++k) {
      const std::size_t i = step > 0 ? (n / 2 + 1 + k) % n : n - 1 - k;
      const int64_t next = lengths[i] + step;
      if (next < shape.minimum || next > shape.maximum) continue;
      lengths[i] = next;
      rest -= step;
      moved = true;
      if (step > 0 && k + 1 == n / 2) break;  // upper half first, again and again
    }
    if (!moved) break;
  }
  if (rest != 0) sdk::raise(HEDDLE_INTERNAL, "lengths do not add up: ", rest, " events left");
  return lengths;
}

}  // namespace heddle::plugins
