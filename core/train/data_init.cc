#include "core/train/data_init.h"

#include <algorithm>
#include <cmath>

namespace heddle {
namespace {

std::vector<double> mean_of(const float* x, int64_t rows, int64_t width) {
  std::vector<double> mean(static_cast<size_t>(width), 0.0);
  for (int64_t b = 0; b < rows; ++b) {
    for (int64_t d = 0; d < width; ++d) mean[static_cast<size_t>(d)] += static_cast<double>(x[b * width + d]);
  }
  for (double& value : mean) value /= static_cast<double>(std::max<int64_t>(rows, 1));
  return mean;
}

double distance(const float* row, const std::vector<double>& point) {
  double squares = 0;
  for (size_t d = 0; d < point.size(); ++d) {
    const double difference = static_cast<double>(row[d]) - point[d];
    squares += difference * difference;
  }
  return std::sqrt(squares);
}

}  // namespace

std::vector<float> data_mean(const float* x, int64_t rows, int64_t width) {
  const std::vector<double> mean = mean_of(x, rows, width);
  return {mean.begin(), mean.end()};
}

std::vector<float> geometric_median(const float* x, int64_t rows, int64_t width) {
  std::vector<double> median = mean_of(x, rows, width);
  std::vector<double> distances(static_cast<size_t>(rows)), next(median.size());
  for (int round = 0; round < 100; ++round) {
    double mean_distance = 0;
    for (int64_t b = 0; b < rows; ++b) {
      distances[static_cast<size_t>(b)] = distance(x + b * width, median);
      mean_distance += distances[static_cast<size_t>(b)];
    }
    mean_distance /= static_cast<double>(std::max<int64_t>(rows, 1));
    if (mean_distance == 0) break;  // all points are this point
    std::fill(next.begin(), next.end(), 0.0);
    double weights = 0;
    for (int64_t b = 0; b < rows; ++b) {
      const double weight = 1 / std::max(distances[static_cast<size_t>(b)], 1e-8 * mean_distance);
      weights += weight;
      for (int64_t d = 0; d < width; ++d)
        next[static_cast<size_t>(d)] += weight * static_cast<double>(x[b * width + d]);
    }
    double moved = 0;
    for (size_t d = 0; d < median.size(); ++d) {
      next[d] /= weights;
      moved += (next[d] - median[d]) * (next[d] - median[d]);
    }
    median.swap(next);
    if (std::sqrt(moved) < 1e-5 * mean_distance) break;
  }
  return {median.begin(), median.end()};
}

}  // namespace heddle
