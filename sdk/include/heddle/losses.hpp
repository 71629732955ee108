// Losses: the named terms of a training step. The host logs each; the total is the sum of coefficient * value.
#pragma once

#include "status.hpp"

namespace heddle::sdk {

class Losses {
 public:
  explicit Losses(const heddle_losses& raw) : raw_(raw) {}
  void add(const char* name, double value, double coefficient = 1) {
    const int32_t status = raw_.add(raw_.self, name, value, coefficient);
    if (status != HEDDLE_OK) raise(status, "the host refused the loss \"", name, "\"");
  }

 private:
  const heddle_losses& raw_;
};

}  // namespace heddle::sdk
