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
  struct Numeric {  // over the points where the attribute has a value
    int64_t active, positive;
    double sum, squares, product;
  };
  void add_numeric(const float* labels, double value);
  void add_ranks();
  const PointLabels& labels_;
  const bool ranks_;
  int64_t active_ = 0;
  std::vector<heddle_pair> pairs_;
  std::vector<Numeric> numeric_;
  std::vector<int32_t> known_items_;  // of the feature's entries, unknown ones left out
  std::vector<float> known_values_;
  std::vector<double> entry_ranks_;
  RankScratch scratch_;
};

}  // namespace heddle
