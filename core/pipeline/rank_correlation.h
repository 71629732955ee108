// Spearman's rank correlation: Pearson's correlation of average ranks. NaN with fewer than two pairs or a constant side.
// [any thread]
#pragma once

#include <span>

namespace heddle {

double rank_correlation(std::span<const double> x, std::span<const double> y);

}  // namespace heddle
