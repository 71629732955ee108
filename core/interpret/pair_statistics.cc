#include "core/interpret/pair_statistics.h"

#include <cmath>

namespace heddle {

PairCollector::PairCollector(const PointLabels& labels, bool ranks)
    : labels_(labels),
      ranks_(ranks),
      pairs_(static_cast<size_t>(labels.table.size())),
      numeric_(labels.numeric.size()) {}

void PairCollector::add_numeric(const float* labels, double value) {
  for (size_t n = 0; n < numeric_.size(); ++n) {
    const double label = static_cast<double>(labels[n]);
    if (std::isnan(label)) continue;
    Numeric& to = numeric_[n];
    ++to.active;
    to.positive += label != 0;
    to.sum += value;
    to.squares += value * value;
    to.product += value * label;
  }
}

// Rank sums of the binary attributes: those of the active points one by one, those of the zeros all at once.
void PairCollector::add_ranks() {
  entry_ranks_.resize(known_values_.size());
  const double zero = scratch_.rank(known_values_, labels_.known_points - active_, entry_ranks_);
  for (size_t e = 0; e < known_items_.size(); ++e) {
    for (int32_t a : labels_.table.labels_of(known_items_[e]))
      pairs_[static_cast<size_t>(a)].rank_sum_positive += entry_ranks_[e];
  }
  for (size_t a = 0; a < pairs_.size(); ++a) {
    heddle_pair& pair = pairs_[a];
    if (labels_.table.attributes[a].type == HEDDLE_ATTRIBUTE_BINARY) {
      pair.rank_sum_positive += zero * static_cast<double>(pair.positives - pair.active_positive);
    }
  }
}

std::span<const heddle_pair> PairCollector::collect(std::span<const int32_t> rows, std::span<const float> values) {
  for (size_t a = 0; a < pairs_.size(); ++a) {
    const PointLabels::Totals& t = labels_.totals[a];
    pairs_[a] = {sizeof(heddle_pair), 0, t.points, t.positives, 0, 0, 0, 0, t.sum, t.squares, 0, 0};
  }
  numeric_.assign(numeric_.size(), Numeric{});
  known_items_.clear();
  known_values_.clear();
  double sum = 0, squares = 0;
  for (size_t e = 0; e < rows.size(); ++e) {
    const int32_t item = labels_.items[static_cast<size_t>(rows[e])];
    if (item < 0) continue;
    known_items_.push_back(item);
    known_values_.push_back(values[e]);
    const double value = static_cast<double>(values[e]);
    sum += value;
    squares += value * value;
    for (int32_t a : labels_.table.labels_of(item)) {
      heddle_pair& pair = pairs_[static_cast<size_t>(a)];
      pair.product_sum += value;
      ++pair.active_positive;
    }
    if (!numeric_.empty()) add_numeric(labels_.numeric_of(item), value);
  }
  active_ = static_cast<int64_t>(known_items_.size());
  for (heddle_pair& pair : pairs_) {
    pair.active = active_;
    pair.sum = sum;
    pair.sum_squares = squares;
  }
  for (size_t n = 0; n < numeric_.size(); ++n) {
    heddle_pair& pair = pairs_[static_cast<size_t>(labels_.numeric[n])];
    pair.active = numeric_[n].active;
    pair.active_positive = numeric_[n].positive;
    pair.sum = numeric_[n].sum;
    pair.sum_squares = numeric_[n].squares;
    pair.product_sum = numeric_[n].product;
  }
  if (ranks_) add_ranks();
  return pairs_;
}

}  // namespace heddle
