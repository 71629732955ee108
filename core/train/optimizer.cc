#include "core/train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"

namespace heddle {

double learning_rate_at(const LearningRate& schedule, int64_t step, int64_t steps) {
  double rate = schedule.rate;
  if (schedule.warmup > 0) rate *= std::min(static_cast<double>(step) / static_cast<double>(schedule.warmup), 1.0);
  if (schedule.decay_start > 0 && step > schedule.decay_start) {
    const double left = static_cast<double>(std::max<int64_t>(steps - step, 0));
    rate *= left / static_cast<double>(std::max<int64_t>(steps - schedule.decay_start, 1));
  }
  return rate;
}

Optimizer::Optimizer(Device& device, const ParameterSet& parameters, const AdamOptions& options)
    : options_(options), m_(device, parameters.infos(), true), v_(device, parameters.infos(), true) {}

double Optimizer::step(Context& context, ParameterSet& parameters, TensorList& gradients, double learning_rate) {
  const heddle_ops& ops = context.ops();
  double scale = 1, norm = 0;
  if (options_.clip > 0) {
    double squares = 0;
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (!gradients.has(i)) continue;
      ErrorBuffer error;
      double part = 0;
      check(ops.sum_squares(context.handle(), gradients[i].dl(), &part, error), error, "sum_squares");
      squares += part;
    }
    norm = std::sqrt(squares);
    if (norm > options_.clip) scale = options_.clip / norm;
  }
  ++steps_;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!gradients.has(i)) continue;
    const heddle_adam adam{sizeof(heddle_adam),
                           0,
                           learning_rate,
                           options_.beta1,
                           options_.beta2,
                           options_.epsilon,
                           options_.weight_decay,
                           scale,
                           steps_,
                           parameters.info(i).constraint == HEDDLE_CONSTRAINT_UNIT_ROWS ? 1 : 0,
                           0,
                           parameters.tensor(i).dl(),
                           gradients[i].dl(),
                           m_[i].dl(),
                           v_[i].dl()};
    ErrorBuffer error;
    check(ops.adam(context.handle(), &adam, error), error, "adam");
  }
  return norm;
}

}  // namespace heddle
