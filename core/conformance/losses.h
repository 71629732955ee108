// Collects the named losses of one training call.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "core/conformance/child.h"
#include "heddle/abi.h"

namespace heddle::conformance {

struct Loss {
  std::string name;
  double value, coefficient;
  bool operator==(const Loss&) const = default;
};

class LossCollector {
 public:
  LossCollector() : raw_{sizeof(heddle_losses), 0, this, add} {}
  LossCollector(const LossCollector&) = delete;
  LossCollector& operator=(const LossCollector&) = delete;
  const heddle_losses* raw() const { return &raw_; }
  const std::vector<Loss>& losses() const { return losses_; }
  double total() const {
    double sum = 0;
    for (const Loss& loss : losses_) sum += loss.coefficient * loss.value;
    return sum;
  }
  void require_finite() const {
    if (losses_.empty()) fail_check("train added no loss");
    for (const Loss& loss : losses_) {
      if (loss.name.empty()) fail_check("train added a loss without a name");
      if (!std::isfinite(loss.value) || !std::isfinite(loss.coefficient)) {
        fail_check("the loss '{}' is {} with coefficient {}", loss.name, loss.value, loss.coefficient);
      }
    }
  }

 private:
  static int32_t add(void* self, const char* name, double value, double coefficient) {
    static_cast<LossCollector*>(self)->losses_.push_back({name == nullptr ? "" : name, value, coefficient});
    return HEDDLE_OK;
  }
  heddle_losses raw_;
  std::vector<Loss> losses_;
};

}  // namespace heddle::conformance
