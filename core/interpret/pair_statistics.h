// heddle_pair of one feature against every attribute. One collector per thread, reused from feature to feature.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/interpret/point_labels.h"
#include "core/interpret/ranks.h"
#include "heddle/abi.h"

namespace heddle {

class PairCollector {
 public:
  PairCollector(const PointLabels& labels, bool ranks);
  // rows ascending, values not 0. The result is valid until the next call: pairs in the order of the attributes.
  std::span<const heddle_pair> collect(std::span<const int32_t> rows, std::span<const float> values);
  int64_t active() const { return active_; }  // of the last feature, points with a known item

 private:
  std::span<const float> keep_known(std::span<const int32_t> rows, std::span<const float> values);
  void add_words(std::span<const float> values);
  void add_lists(std::span<const float> values);
  void add_numeric(std::span<const float> values);
  void add_ranks(std::span<const float> values);
  const PointLabels& labels_;
  const bool ranks_;
  int64_t active_ = 0;
  std::vector<heddle_pair> empty_, pairs_;  // of a feature that never fires; of the last one
  std::vector<int32_t> items_;              // of the feature's entries, unknown ones left out
  std::vector<float> known_values_;         // where some are
  std::vector<uint32_t> entry_words_;       // [words, entries]: labels of the entries
  std::vector<double> rank_sums_;           // [attributes], doubled
  RankScratch scratch_;
};

}  // namespace heddle
