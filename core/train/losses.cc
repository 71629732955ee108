#include "core/train/losses.h"

#include <cmath>

namespace heddle {

LossCollector::LossCollector() : raw_{sizeof(heddle_losses), 0, this, &LossCollector::add} {}

double LossCollector::total() const {
  double sum = 0;
  for (const LossTerm& term : terms_) sum += term.coefficient * term.value;
  return sum;
}

int32_t LossCollector::add(void* self, const char* name, double value, double coefficient) {
  if (self == nullptr || name == nullptr) return HEDDLE_INVALID_ARGUMENT;
  try {
    static_cast<LossCollector*>(self)->terms_.push_back({name, value, coefficient});
  } catch (...) {
    return HEDDLE_RESOURCE_EXHAUSTED;
  }
  return HEDDLE_OK;
}

std::string LossCollector::not_finite() const {
  for (const LossTerm& term : terms_) {
    if (!std::isfinite(term.value) || !std::isfinite(term.coefficient)) return term.name;
  }
  return {};
}

}  // namespace heddle
