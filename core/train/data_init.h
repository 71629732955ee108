// Initial values that depend on data: the geometric median and the mean of a first batch. f64, row order, host memory.
//
// Geometric median: Weiszfeld's iteration m <- sum x_b/||x_b - m|| / sum 1/||x_b - m|| from the mean, at most 100
// rounds or until the median moves by less than 1e-5 of the mean distance. A point that coincides with m would divide
// by zero; its distance is bounded from below by 1e-8 of the mean distance (all points equal: m is that point).
#pragma once

#include <cstdint>
#include <vector>

namespace heddle {

std::vector<float> data_mean(const float* x, int64_t rows, int64_t width);
std::vector<float> geometric_median(const float* x, int64_t rows, int64_t width);

}  // namespace heddle
