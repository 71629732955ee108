#include "core/interpret/point_labels.h"

#include <cmath>

#include "core/base/error.h"

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
    if (table.attributes[static_cast<size_t>(a)].type == HEDDLE_ATTRIBUTE_NUMERIC) numeric.push_back(a);
    else totals[static_cast<size_t>(a)].points = known_points;
  }
  numeric_labels.resize(static_cast<size_t>(table.items) * numeric.size());
  for (int32_t item = 0; item < table.items; ++item) {
    const int64_t points = points_of[static_cast<size_t>(item)];
    for (int32_t a : table.labels_of(item)) totals[static_cast<size_t>(a)].positives += points;
    for (size_t n = 0; n < numeric.size(); ++n) {
      const size_t a = static_cast<size_t>(numeric[n]);
      const float label = table.numeric[a][static_cast<size_t>(item)];
      numeric_labels[static_cast<size_t>(item) * numeric.size() + n] = label;
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
}

}  // namespace heddle
