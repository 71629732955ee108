// Codes of items from real components: each component is cut into `bins` quantiles, so that every value of a code is
// had by equally many items to within one. Equal components are told apart by the noise that was added to them, and
// what is still equal by the item's index. Pure functions, [any thread].
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace gptrec_svd {

// x scaled to [0,1]; a constant x gives zeros.
inline void scale_to_unit(std::span<double> x) {
  if (x.empty()) return;
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const double from = *low, range = *high - *low;
  for (double& value : x) value = range > 0 ? (value - from) / range : 0;
}

// Bin of each entry, 0 for the smallest ones: floor(rank * bins / n).
inline std::vector<int64_t> quantile_bins(std::span<const double> x, int64_t bins) {
  const auto n = static_cast<int64_t>(x.size());
  std::vector<int64_t> order(x.size()), out(x.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const double xa = x[static_cast<std::size_t>(a)], xb = x[static_cast<std::size_t>(b)];
    return xa != xb ? xa < xb : a < b;
  });
  for (int64_t rank = 0; rank < n; ++rank)
    out[static_cast<std::size_t>(order[static_cast<std::size_t>(rank)])] = rank * bins / n;
  return out;
}

}  // namespace gptrec_svd
