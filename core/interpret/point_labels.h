// Labels of data points: what every pair with an attribute shares, whatever the feature. Borrows items and table.
// Immutable once made; [any thread].
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/data/attributes.h"

namespace heddle {

struct PointLabels {
  // Throws INVALID_ARGUMENT for an item beyond the table. items: -1 = unknown.
  PointLabels(std::span<const int32_t> items, const AttributeTable& table);

  struct Totals {  // over the points where the attribute is known
    int64_t points = 0, positives = 0;
    double sum = 0, squares = 0;
  };
  std::span<const int32_t> items;
  const AttributeTable& table;
  int64_t known_points = 0;           // with a known item
  std::vector<Totals> totals;         // [attributes]
  std::vector<int32_t> numeric;       // indices of the numeric attributes
  std::vector<float> numeric_labels;  // [items of the table, numeric.size()], NaN = no value

  const float* numeric_of(int32_t item) const {
    return numeric_labels.data() + static_cast<size_t>(item) * numeric.size();
  }
};

}  // namespace heddle
