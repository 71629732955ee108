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
  size_t numeric_stride = 0;          // their number, rounded up to whole groups of sum_numeric()
  std::vector<float> numeric_labels;  // [items of the table, numeric_stride], NaN = no value
  std::vector<int32_t> binary;        // indices of the binary attributes
  // Bit i of word w of an item: it has attribute binary[32 w + i]. Empty for a table so wide and sparse that going
  // through an item's list of labels is less work.
  std::vector<uint32_t> words;  // [word_count(), items of the table]

  const float* numeric_of(int32_t item) const {
    return numeric_labels.data() + static_cast<size_t>(item) * numeric_stride;
  }
  size_t word_count() const { return (binary.size() + 31) / 32; }
  bool by_words() const { return !words.empty(); }
  const uint32_t* word(size_t w) const { return words.data() + w * static_cast<size_t>(table.items); }

 private:
  void make_words();
};

}  // namespace heddle
