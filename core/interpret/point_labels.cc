#include "core/interpret/point_labels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/interpret/label_sums.h"

namespace heddle {

PointLabels::PointLabels(std::span<const int32_t> point_items, const AttributeTable& attributes)
    : items(point_items), table(attributes), totals(static_cast<size_t>(attributes.size())) {
  std::vector<int64_t> points_of(static_cast<size_t>(table.items));
  for (size_t point = 0; point < items.size(); ++point) {
    const int32_t item = items[point];
    if (item < 0) continue;
    if (item >= table.items) {
      fail(HEDDLE_INVALID_ARGUMENT, "data point {} has item {}; the attribute table has {} items", point, item,
           table.items);
    }
    ++points_of[static_cast<size_t>(item)];
    ++known_points;
  }
  for (int32_t a = 0; a < table.size(); ++a) {
    if (table.attributes[static_cast<size_t>(a)].type == HEDDLE_ATTRIBUTE_NUMERIC) {
      numeric.push_back(a);
    } else {
      binary.push_back(a);
      totals[static_cast<size_t>(a)].points = known_points;
    }
  }
  constexpr auto group = static_cast<size_t>(kNumericGroup);
  numeric_stride = (numeric.size() + group - 1) / group * group;
  numeric_labels.assign(static_cast<size_t>(table.items) * numeric_stride, std::numeric_limits<float>::quiet_NaN());
  for (int32_t item = 0; item < table.items; ++item) {
    const int64_t points = points_of[static_cast<size_t>(item)];
    for (int32_t a : table.labels_of(item)) totals[static_cast<size_t>(a)].positives += points;
    for (size_t n = 0; n < numeric.size(); ++n) {
      const size_t a = static_cast<size_t>(numeric[n]);
      const float label = table.numeric[a][static_cast<size_t>(item)];
      numeric_labels[static_cast<size_t>(item) * numeric_stride + n] = label;
      if (std::isnan(label)) continue;
      totals[a].points += points;
      totals[a].positives += label != 0 ? points : 0;
      totals[a].sum += static_cast<double>(label) * static_cast<double>(points);
      totals[a].squares += static_cast<double>(label) * static_cast<double>(label) * static_cast<double>(points);
    }
  }
  for (int32_t a = 0; a < table.size(); ++a) {
    Totals& t = totals[static_cast<size_t>(a)];
    if (table.attributes[static_cast<size_t>(a)].type == HEDDLE_ATTRIBUTE_NUMERIC) continue;
    t.sum = t.squares = static_cast<double>(t.positives);
  }
  make_words();
}

void PointLabels::make_words() {
  // Per entry a word costs 2.3 ns (label_sums.cc), a label of a list 5 to 15: its place in the list and two additions to
  // memory (three_metrics_wide of tests/bench).
  const auto items_known = static_cast<size_t>(table.items);
  if (word_count() > 2 * table.labels.size() / std::max<size_t>(items_known, 1) + 1) return;
  std::vector<uint32_t> place(static_cast<size_t>(table.size()));
  for (size_t i = 0; i < binary.size(); ++i) place[static_cast<size_t>(binary[i])] = static_cast<uint32_t>(i);
  words.assign(word_count() * items_known, 0);
  for (int32_t item = 0; item < table.items; ++item) {
    for (const int32_t a : table.labels_of(item)) {
      const uint32_t i = place[static_cast<size_t>(a)];
      words[i / 32 * items_known + static_cast<size_t>(item)] |= 1u << (i % 32);
    }
  }
}

}  // namespace heddle
