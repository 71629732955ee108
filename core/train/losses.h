// Collects the named loss terms of one training call. One thread; no errors of its own: the training loop stops when a
// term is not finite.
#pragma once

#include <string>
#include <vector>

#include "heddle/abi.h"

namespace heddle {

struct LossTerm {
  std::string name;
  double value, coefficient;
};

class LossCollector {
 public:
  LossCollector();
  LossCollector(const LossCollector&) = delete;  // raw() points here
  LossCollector& operator=(const LossCollector&) = delete;

  const heddle_losses* raw() { return &raw_; }
  const std::vector<LossTerm>& terms() const { return terms_; }
  double total() const;            // sum of coefficient * value
  std::string not_finite() const;  // name of the first term that is not finite, or ""
  void clear() { terms_.clear(); }

 private:
  static int32_t add(void* self, const char* name, double value, double coefficient);
  heddle_losses raw_;
  std::vector<LossTerm> terms_;
};

}  // namespace heddle
