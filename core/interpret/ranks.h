// Average ranks of a sparse column among all points, without sorting its zeros. Pure; [any thread], one scratch each.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace heddle {

class RankScratch {
 public:
  // Ranks (1-based, ties averaged) of `values` (none 0, none NaN) among themselves and `zeros` further points of value
  // 0. out[i] is the rank of values[i]; the rank of a zero is returned. All are multiples of one half: exact.
  double rank(std::span<const float> values, int64_t zeros, std::span<double> out);

 private:
  std::vector<uint64_t> keys_, other_;
  std::vector<uint32_t> counts_;
};

}  // namespace heddle
