#include "core/interpret/occurrences.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/interpret/parallel.h"

namespace heddle {
namespace {

void check_points(const FeatureColumns& columns, size_t size, const char* what) {
  if (static_cast<int64_t>(size) != columns.points())
    fail(HEDDLE_INVALID_ARGUMENT, "{}: {} entries for {} data points", what, size, columns.points());
}

size_t bin_of(float value, double maximum, size_t bins) {
  const double place = std::ceil(static_cast<double>(value) / maximum * static_cast<double>(bins));
  return std::min(bins, static_cast<size_t>(std::max(place, 1.0))) - 1;
}

bool known(std::span<const int32_t> items, int32_t point) { return items[static_cast<size_t>(point)] >= 0; }

struct Peak {
  int32_t point;
  float value;
};

// The largest activation of every user who has a positive one.
std::vector<Peak> peaks_of(std::span<const int32_t> rows, std::span<const float> values, std::span<const int32_t> users,
                           std::span<const int32_t> items) {
  std::vector<Peak> peaks;
  int32_t user = -1;
  for (size_t e = 0; e < rows.size(); ++e) {
    if (!(values[e] > 0) || !known(items, rows[e])) continue;
    const int32_t mine = users[static_cast<size_t>(rows[e])];
    if (peaks.empty() || mine != user) peaks.push_back({rows[e], values[e]});
    else if (values[e] > peaks.back().value) peaks.back() = {rows[e], values[e]};
    user = mine;
  }
  return peaks;
}

// Around the peak, shifted so that no place is wasted at the ends of the user's points.
PeakWindow window_around(const Peak& peak, std::span<const int32_t> rows, std::span<const float> values,
                         std::span<const int32_t> users, std::span<const int32_t> items, int64_t length) {
  const auto point = static_cast<int64_t>(peak.point), points = static_cast<int64_t>(users.size());
  const auto same = [&](int64_t other) {
    return users[static_cast<size_t>(other)] == users[static_cast<size_t>(point)] &&
           items[static_cast<size_t>(other)] >= 0;
  };
  int64_t begin = point, end = point + 1;
  while (begin > 0 && point - begin < length && same(begin - 1)) --begin;
  while (end < points && end - point < length && same(end)) ++end;
  PeakWindow window;
  window.first = std::max(begin, std::min(point - length / 2, end - length));
  window.last = std::min(end, window.first + length);
  window.peak = point;
  window.activations.assign(static_cast<size_t>(window.last - window.first), 0);
  auto entry = std::lower_bound(rows.begin(), rows.end(), static_cast<int32_t>(window.first));
  for (; entry != rows.end() && *entry < window.last; ++entry)
    window.activations[static_cast<size_t>(*entry - window.first)] = values[static_cast<size_t>(entry - rows.begin())];
  return window;
}

}  // namespace

std::vector<ActivationHistogram> activation_histograms(Context& context, const FeatureColumns& columns,
                                                       std::span<const int32_t> items, int64_t bins) {
  check_points(columns, items.size(), "items");
  if (bins < 1) fail(HEDDLE_INVALID_ARGUMENT, "a histogram of {} bins; accepted: 1 or more", bins);
  std::vector<ActivationHistogram> out(static_cast<size_t>(columns.features()));
  run_parallel(
      context, columns.features(), [] { return FeatureColumn(); },
      [&](FeatureColumn& column, int64_t feature) {
        columns.read(feature, column);
        const auto& [rows, values] = column;
        ActivationHistogram& to = out[static_cast<size_t>(feature)];
        for (size_t e = 0; e < rows.size(); ++e)
          if (known(items, rows[e])) to.maximum = std::max(to.maximum, static_cast<double>(values[e]));
        if (!(to.maximum > 0)) return;
        to.counts.assign(static_cast<size_t>(bins), 0);
        for (size_t e = 0; e < rows.size(); ++e)
          if (values[e] > 0 && known(items, rows[e])) ++to.counts[bin_of(values[e], to.maximum, to.counts.size())];
      });
  return out;
}

std::vector<int64_t> histogram_with(const FeatureColumns& columns, int64_t feature, const ActivationHistogram& whole,
                                    std::span<const int32_t> items, const AttributeTable& attributes,
                                    int32_t attribute) {
  check_points(columns, items.size(), "items");
  std::vector<int64_t> counts(whole.counts.size(), 0);
  if (counts.empty()) return counts;
  FeatureColumn column;
  columns.read(feature, column);
  const auto& [rows, values] = column;
  for (size_t e = 0; e < rows.size(); ++e)
    if (values[e] > 0 && known(items, rows[e]) && attributes.has(items[static_cast<size_t>(rows[e])], attribute))
      ++counts[bin_of(values[e], whole.maximum, counts.size())];
  return counts;
}

std::vector<std::vector<PeakWindow>> peak_windows(Context& context, const FeatureColumns& columns,
                                                  std::span<const int32_t> users, std::span<const int32_t> items,
                                                  int64_t count, int64_t length) {
  check_points(columns, users.size(), "users");
  check_points(columns, items.size(), "items");
  std::vector<std::vector<PeakWindow>> out(static_cast<size_t>(columns.features()));
  if (count < 1 || length < 1) return out;
  run_parallel(
      context, columns.features(), [] { return FeatureColumn(); },
      [&](FeatureColumn& column, int64_t feature) {
        columns.read(feature, column);
        const auto& [rows, values] = column;
        std::vector<Peak> peaks = peaks_of(rows, values, users, items);
        const auto kept = peaks.begin() + std::min<int64_t>(count, static_cast<int64_t>(peaks.size()));
        std::partial_sort(peaks.begin(), kept, peaks.end(), [](const Peak& a, const Peak& b) {
          return a.value != b.value ? a.value > b.value : a.point < b.point;
        });
        for (auto peak = peaks.begin(); peak != kept; ++peak)
          out[static_cast<size_t>(feature)].push_back(window_around(*peak, rows, values, users, items, length));
      });
  return out;
}

}  // namespace heddle
