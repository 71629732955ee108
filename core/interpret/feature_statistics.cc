// What activates a feature: rate, mean, maximum, the items and the data points where it is strongest.
#include <algorithm>

#include "core/base/error.h"
#include "core/interpret/parallel.h"
#include "core/interpret/scores.h"

namespace heddle {
namespace {

// Sums by item of one feature after the other; only what was touched is cleared.
struct ItemSums {
  explicit ItemSums(int64_t items) : sums(static_cast<size_t>(items)), counts(static_cast<size_t>(items)) {}
  void add(int32_t item, double value) {
    if (counts[static_cast<size_t>(item)]++ == 0) touched.push_back(item);
    sums[static_cast<size_t>(item)] += value;
  }
  // The n items of the largest sums, ties: lower item first. Empties the sums.
  std::vector<FeatureStatistics::Item> take(int64_t n) {
    const auto first = [&](int32_t a, int32_t b) {
      const double left = sums[static_cast<size_t>(a)], right = sums[static_cast<size_t>(b)];
      return left != right ? left > right : a < b;
    };
    const auto kept = touched.begin() + std::min<int64_t>(n, static_cast<int64_t>(touched.size()));
    std::partial_sort(touched.begin(), kept, touched.end(), first);
    std::vector<FeatureStatistics::Item> items;
    for (auto item = touched.begin(); item != kept; ++item) {
      const int64_t count = counts[static_cast<size_t>(*item)];
      items.push_back({*item, sums[static_cast<size_t>(*item)] / static_cast<double>(count), count});
    }
    for (int32_t item : touched) sums[static_cast<size_t>(item)] = 0, counts[static_cast<size_t>(item)] = 0;
    touched.clear();
    return items;
  }
  std::vector<double> sums;
  std::vector<int64_t> counts;
  std::vector<int32_t> touched;
  FeatureColumn column;
};

// The n points of the largest values, ties: earlier point first.
std::vector<int32_t> largest(std::span<const int32_t> rows, std::span<const float> values, int64_t n) {
  std::vector<uint32_t> order(rows.size());
  for (size_t e = 0; e < order.size(); ++e) order[e] = static_cast<uint32_t>(e);
  const auto kept = order.begin() + std::min<int64_t>(n, static_cast<int64_t>(order.size()));
  std::partial_sort(order.begin(), kept, order.end(),
                    [&](uint32_t a, uint32_t b) { return values[a] != values[b] ? values[a] > values[b] : a < b; });
  std::vector<int32_t> points;
  for (auto e = order.begin(); e != kept; ++e) points.push_back(rows[*e]);
  return points;
}

}  // namespace

std::vector<FeatureStatistics> feature_statistics(Context& context, const FeatureColumns& columns,
                                                  std::span<const int32_t> items, int64_t top_items,
                                                  int64_t top_points) {
  if (static_cast<int64_t>(items.size()) != columns.points()) {
    fail(HEDDLE_INVALID_ARGUMENT, "feature_statistics: {} items for {} data points", items.size(), columns.points());
  }
  const int64_t catalogue = items.empty() ? 0 : std::max(0, *std::max_element(items.begin(), items.end()) + 1);
  std::vector<FeatureStatistics> result(static_cast<size_t>(columns.features()));
  run_parallel(
      context, columns.features(), [&] { return ItemSums(catalogue); },
      [&](ItemSums& sums, int64_t feature) {
        columns.read(feature, sums.column);
        const std::vector<int32_t>& rows = sums.column.rows;
        const std::vector<float>& values = sums.column.values;
        FeatureStatistics& to = result[static_cast<size_t>(feature)];
        if (rows.empty()) return;
        double sum = 0;
        for (size_t e = 0; e < rows.size(); ++e) {
          const double value = static_cast<double>(values[e]);
          sum += value;
          if (const int32_t item = items[static_cast<size_t>(rows[e])]; item >= 0) sums.add(item, value);
        }
        to.rate = static_cast<double>(rows.size()) / static_cast<double>(columns.points());
        to.mean = sum / static_cast<double>(rows.size());
        to.maximum = static_cast<double>(*std::max_element(values.begin(), values.end()));
        to.items = sums.take(std::max<int64_t>(top_items, 0));
        to.top_points = largest(rows, values, std::max<int64_t>(top_points, 0));
      });
  return result;
}

}  // namespace heddle
