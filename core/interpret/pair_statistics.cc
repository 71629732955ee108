// Bound: a feature's entries are looked up once (its item, the item's labels: one random read each, from L2 when the table fits);
// then everything is in L1 and bound by vector instructions (label_sums.cc) and by the sort (ranks.cc).
#include "core/interpret/pair_statistics.h"

#include <algorithm>

#include "core/interpret/label_sums.h"

namespace heddle {

PairCollector::PairCollector(const PointLabels& labels, bool ranks) : labels_(labels), ranks_(ranks) {
  for (const PointLabels::Totals& t : labels.totals)
    empty_.push_back({sizeof(heddle_pair), 0, t.points, t.positives, 0, 0, 0, 0, t.sum, t.squares, 0, 0});
  rank_sums_.resize(labels.totals.size());
}

// Fills items_; gives the values of entries whose item is known.
std::span<const float> PairCollector::keep_known(std::span<const int32_t> rows, std::span<const float> values) {
  const int32_t* items = labels_.items.data();
  items_.resize(rows.size());
  if (labels_.known_points == static_cast<int64_t>(labels_.items.size())) {
    for (size_t e = 0; e < rows.size(); ++e) items_[e] = items[rows[e]];
    return values;
  }
  known_values_.resize(rows.size());
  size_t kept = 0;
  for (size_t e = 0; e < rows.size(); ++e) {
    items_[kept] = items[rows[e]];
    known_values_[kept] = values[e];
    kept += items_[kept] >= 0;
  }
  items_.resize(kept);
  return {known_values_.data(), kept};
}

void PairCollector::add_words(std::span<const float> values) {
  const size_t n = values.size();
  entry_words_.resize(labels_.word_count() * n);
  Moments moments;
  for (size_t w = 0; w < labels_.word_count(); ++w) {
    const uint32_t* from = labels_.word(w);
    uint32_t* words = entry_words_.data() + w * n;
    for (size_t e = 0; e < n; ++e) words[e] = from[items_[e]];
    double products[kWordAttributes];
    int64_t counts[kWordAttributes];
    const auto attributes = std::min(labels_.binary.size() - w * 32, size_t{32});
    moments = sum_labelled(values.data(), words, active_, static_cast<int64_t>(attributes), products, counts);
    for (size_t i = 0; i < attributes; ++i) {
      heddle_pair& pair = pairs_[static_cast<size_t>(labels_.binary[w * 32 + i])];
      pair.product_sum = products[i];
      pair.active_positive = counts[i];
    }
  }
  for (const int32_t a : labels_.binary) {
    heddle_pair& pair = pairs_[static_cast<size_t>(a)];
    pair.active = active_;
    pair.sum = moments.sum;
    pair.sum_squares = moments.squares;
  }
}

void PairCollector::add_lists(std::span<const float> values) {
  double sum = 0, squares = 0;
  for (size_t e = 0; e < values.size(); ++e) {
    const double value = static_cast<double>(values[e]);
    sum += value;
    squares += value * value;
    for (const int32_t a : labels_.table.labels_of(items_[e])) {
      heddle_pair& pair = pairs_[static_cast<size_t>(a)];
      pair.product_sum += value;
      ++pair.active_positive;
    }
  }
  for (const int32_t a : labels_.binary) {
    heddle_pair& pair = pairs_[static_cast<size_t>(a)];
    pair.active = active_;
    pair.sum = sum;
    pair.sum_squares = squares;
  }
}

void PairCollector::add_numeric(std::span<const float> values) {
  for (size_t first = 0; first < labels_.numeric.size(); first += kNumericGroup) {
    NumericSums sums;
    sum_numeric(values.data(), items_.data(), active_, labels_.numeric_labels.data() + first,
                static_cast<int64_t>(labels_.numeric_stride), sums);
    for (size_t i = 0; i < kNumericGroup && first + i < labels_.numeric.size(); ++i) {
      heddle_pair& pair = pairs_[static_cast<size_t>(labels_.numeric[first + i])];
      pair.active = sums.active[i];
      pair.active_positive = sums.positive[i];
      pair.sum = sums.sum[i];
      pair.sum_squares = sums.squares[i];
      pair.product_sum = sums.product[i];
    }
  }
}

// Rank sums of the binary attributes: those of the active points one by one, those of the zeros all at once. Halves of whole
// numbers, exact below 2^53: up to some 95 million points.
void PairCollector::add_ranks(std::span<const float> values) {
  const double zero = static_cast<double>(scratch_.rank(values, labels_.known_points - active_));
  const auto order = scratch_.order(), doubled = scratch_.doubled();
  for (const int32_t a : labels_.binary) rank_sums_[static_cast<size_t>(a)] = 0;
  if (labels_.by_words()) {
    for (size_t w = 0; active_ > 0 && w < labels_.word_count(); ++w) {
      uint64_t sums[kWordAttributes];
      const auto attributes = std::min(labels_.binary.size() - w * 32, size_t{32});
      sum_ranks(doubled.data(), order.data(), entry_words_.data() + w * values.size(), active_,
                static_cast<int64_t>(attributes), static_cast<uint32_t>(2 * labels_.known_points), sums);
      for (size_t i = 0; i < attributes; ++i)
        rank_sums_[static_cast<size_t>(labels_.binary[w * 32 + i])] = static_cast<double>(sums[i]);
    }
  } else {
    for (size_t e = 0; e < order.size(); ++e) {
      for (const int32_t a : labels_.table.labels_of(items_[order[e]]))
        rank_sums_[static_cast<size_t>(a)] += static_cast<double>(doubled[e]);
    }
  }
  for (const int32_t a : labels_.binary) {
    heddle_pair& pair = pairs_[static_cast<size_t>(a)];
    pair.rank_sum_positive =
        (rank_sums_[static_cast<size_t>(a)] + zero * static_cast<double>(pair.positives - pair.active_positive)) / 2;
  }
}

std::span<const heddle_pair> PairCollector::collect(std::span<const int32_t> rows, std::span<const float> values) {
  pairs_ = empty_;
  const std::span<const float> known = keep_known(rows, values);
  active_ = static_cast<int64_t>(known.size());
  if (labels_.by_words()) add_words(known);
  else add_lists(known);
  if (!labels_.numeric.empty()) add_numeric(known);
  if (ranks_) add_ranks(known);
  return pairs_;
}

}  // namespace heddle
