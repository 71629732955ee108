// Average ranks of a sparse column among all points, without sorting its zeros. Pure; [any thread], one scratch each.
#pragma once

#include <hwy/contrib/sort/vqsort.h>

#include <cstdint>
#include <span>
#include <vector>

namespace heddle {

class RankScratch {
 public:
  RankScratch();
  ~RankScratch();  // both out of line: users of this header need not link the sort
  // Ranks (1-based, ties averaged) of `values` (none 0, none NaN; with the zeros fewer than 2^31) among themselves and
  // `zeros` further points of value 0, doubled, so that they are whole numbers. Returns the doubled rank of a zero.
  uint32_t rank(std::span<const float> values, int64_t zeros);
  // Of the last call, by rising value: which of `values` it is, and its doubled rank.
  std::span<const uint32_t> order() const { return order_; }
  std::span<const uint32_t> doubled() const { return doubled_; }

 private:
  hwy::Sorter sort_;
  std::vector<uint64_t> keys_;
  std::vector<uint32_t> order_, doubled_;
};

}  // namespace heddle
